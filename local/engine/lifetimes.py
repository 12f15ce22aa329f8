"""What ends with the resource that it is of, where moto ties it to a name that the next resource may have.

A table's policies end with the table. A session is of the role that there was when it began, which AWS knows by its
unique id; of another role with the same name it has nothing.
"""

from __future__ import annotations

from typing import Any

from local.engine import backends
from local.engine.backends import AssumedRole, DynamoDBBackend

_plain_delete, _plain_init = DynamoDBBackend.delete_table, AssumedRole.__init__


def install() -> None:
    """From here on they end. Calling it again changes nothing."""
    DynamoDBBackend.delete_table = _delete
    AssumedRole.__init__ = _init


def _delete(backend: Any, *arguments: Any, **more: Any) -> Any:
    table = _plain_delete(backend, *arguments, **more)
    for arn in list(backend.resource_policies):
        if arn == table.table_arn or arn.startswith(f"{table.table_arn}/"):
            del backend.resource_policies[arn]
    return table


def _init(session: Any, *arguments: Any, **more: Any) -> None:
    _plain_init(session, *arguments, **more)
    session.role_id = backends.role_id(session.role_arn)
