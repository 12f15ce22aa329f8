"""The tables that a call of DynamoDB names, by name or by ARN.

An ARN is authorised as it stands. What acts on the call goes by the name in it, so an ARN of another account or Region
is refused: it is not the table here that has that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.engine.api import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from local.engine.api import ApiRequest


def may_have_arns(request: ApiRequest) -> bool:
    """False where no text of the call can begin as an ARN does; most need not be read for it."""
    return b"arn:" in request.body or b"\\u" in request.body


def named(region: str, table: str) -> str:
    """The name of the table. Raises: NotImplementedError for an ARN that is none of a table here."""
    if not table.startswith("arn:"):
        return table
    here = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/"
    name = table.removeprefix(here)
    if name == table or "/" in name:
        raise NotImplementedError(f"the table {table}: there is one account, and a call is about tables of its Region")
    return name


def places(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a call may have a TableName."""
    transaction: Iterable[Mapping[str, Any]] = asked.get("TransactItems") or ()
    return [asked, *(action for item in transaction for action in item.values())]


def given(asked: dict[str, Any]) -> Iterator[str]:
    """The tables of a call, as it names them."""
    yield from (str(place["TableName"]) for place in places(asked) if "TableName" in place)
    yield from asked.get("RequestItems") or ()
