"""What in-process tests of the handlers stand on: names, tables as the program makes them, one seam for AWS calls."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

from local.engine import dynamodb_json, partitions, shortcuts

from .tables import branches_table, deployed_tables, replays_table

STORE = "event-store"
ROWS = "read-model"
SNAPSHOTS = "snapshots"
BRANCHES = "branches"
REPLAYS = "replays"
BUS = "bus"
DEAD_LETTERS = "invocation-dlq"
"""The queue that the relay leaves letters in; made by tests that look into it."""
DOMAIN = {
    "STATEMENT": "true",
    "TRANSFER_TIMEOUT_SECONDS": "3600",
    "TRANSFER_APPROVAL_ABOVE": "1000",
}
"""What the domain is told, as `stack/domain.py` tells it."""

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "METRICS_NAMESPACE": "EventSourcing",
    "EVENT_STORE_TABLE": STORE,
    "READ_MODEL_TABLE": ROWS,
    "SNAPSHOTS_TABLE": SNAPSHOTS,
    "BRANCHES_TABLE": BRANCHES,
    "REPLAYS_TABLE": REPLAYS,
    "REPLAY_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/replay",
    "PROJECTION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/projection",
    "REPLAY_RATE": "200",
    "REPLAY_CONCURRENCY": "4",
    "SNAPSHOT_EVERY": "2",
    "SNAPSHOT_RETENTION_DAYS": "0",
    "EVENT_BUS_NAME": BUS,
    "TYPE_BUCKETS": "3",
    "TYPE_INDEX": "true",
    "CORRELATION_INDEX": "true",
    "STATEMENT_ENTRIES": "5",
    **DOMAIN,
    **{
        f"{name}_URL": f"https://sqs.us-east-1.amazonaws.com/123456789012/{queue}"
        for name, queue in {
            "PROJECTION_QUEUE": "projection",
            "PROCESS_QUEUE": "process",
            "PROJECTION_DEAD_LETTERS": "projection-dlq",
            "PROCESS_DEAD_LETTERS": "process-dlq",
            "REPLAY_DEAD_LETTERS": "replay-dlq",
            "DELIVERY_DEAD_LETTERS": "delivery-dlq",
        }.items()
    },
    "PROJECTION_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:projection",
    "PROCESS_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:process",
    "PROJECTION_RULE_ARN": "arn:aws:events:us-east-1:123456789012:rule/bus/account-rule",
    "FUNCTIONS": "command,process",
    "COMMAND_FUNCTION": "command",
    "QUERY_FUNCTION": "query",
    "HEARTBEAT_ID": "ledger-heartbeat-us-east-1",
    "HEARTBEAT_SECONDS": "300",
    "DEAD_LETTER_QUEUE_URL": f"https://sqs.us-east-1.amazonaws.com/123456789012/{DEAD_LETTERS}",
}


TABLES = (
    *deployed_tables(event_store=STORE, read_model=ROWS, snapshots=SNAPSHOTS),
    branches_table(BRANCHES),
    replays_table(REPLAYS),
)
"""CreateTable's arguments for the event store, the read model, the snapshots, the branches and the replays."""

# As the embedded AWS does: moto walks each answer along the service's model, sorts whole tables, and spells names anew.
dynamodb_json.install()
partitions.install()
shortcuts.install()


@contextmanager
def environment() -> Iterator[None]:
    """The functions' environment variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


Around = Callable[[BaseClient, str, dict[str, Any], Callable[[], Any]], Any]


_sound: set[tuple[str, str, bytes | str]] = set()
"""Calls that were checked: a scenario that is told for each fault makes most of them again."""
_MOST_SOUND = 20_000
_WITHOUT_REFERENCES = 2
"""The newest format of marshal in which it does not matter whether two equal texts are one object."""


def _check_arguments(client: BaseClient, operation: str, arguments: dict[str, Any]) -> None:
    """What botocore does, unless a client leaves it out to be faster. Raises ParamValidationError."""
    service = client.meta.service_model
    call = service.service_name, operation, _spelt(arguments)
    if call in _sound:
        return
    shape: Any = service.operation_model(operation).input_shape
    report = ParamValidator().validate(arguments, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())
    if len(_sound) == _MOST_SOUND:
        _sound.clear()
    _sound.add(call)


def _spelt(arguments: dict[str, Any]) -> bytes | str:
    """The same for the same arguments, each of the same type. To spell them as Python does takes twice as long."""
    try:
        return marshal.dumps(arguments, _WITHOUT_REFERENCES)
    except ValueError:  # a kind of value that no service takes, or a call is to be told so
        return repr(arguments)


@contextmanager
def around_every_call(around: Around) -> Iterator[None]:
    """Hand every AWS call of every client to `around(client, operation, arguments, proceed)`.

    It decides what the caller gets: `proceed()` makes the call and returns its answer.
    """
    # The one door that every call goes through; the stubs do not show it.
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def make(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        _check_arguments(client, operation, arguments)
        return around(client, operation, arguments, lambda: original(client, operation, arguments))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", make)
        yield


Call = tuple[str, dict[str, Any]]


@dataclass
class Calls:
    """Every AWS call in order; `before` and `after` may raise to make one fail before or after it took effect."""

    made: list[Call] = field(default_factory=list)
    before: Callable[[str, dict[str, Any]], None] | None = None
    after: Callable[[str, dict[str, Any]], None] | None = None

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.made]

    def to(self, name: str) -> list[dict[str, Any]]:
        return [arguments for called, arguments in self.made if called == name]

    def around(self, _: BaseClient, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        self.made.append((operation, arguments))
        if self.before:
            self.before(operation, arguments)
        result = proceed()
        if self.after:
            self.after(operation, arguments)
        return result


def refusal(code: str, operation: str = "Operation") -> ClientError:
    """An error as AWS answers it."""
    metadata: Any = {"HTTPStatusCode": 500 if code.startswith(("Internal", "ServiceUnavailable")) else 400}
    return ClientError({"Error": {"Code": code, "Message": "told to"}, "ResponseMetadata": metadata}, operation)


def refusing(operation: str, code: str) -> Callable[[str, Any], None]:
    """For `Calls.before` or `Calls.after`: fails every call of an operation, before or after it took effect."""

    def refuse(called: str, _: Any) -> None:
        if called == operation:
            raise refusal(code, operation)

    return refuse
