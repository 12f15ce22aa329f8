"""What can happen to one AWS call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from handlers.store.type_index import INDEX as TYPE_INDEX

if TYPE_CHECKING:
    from .world import Invocation


class Killed(BaseException):
    """The process ends here: nothing in a handler may catch this."""


@dataclass(frozen=True, eq=False)
class Call:
    """One AWS call on its way, of one invocation of a function."""

    invocation: Invocation
    index: int
    operation: str
    arguments: dict[str, Any]
    send: Callable[[dict[str, Any]], Any]
    """Makes a call with such arguments take effect and returns its answer."""

    def take_effect(self) -> Any:
        return self.send(self.arguments)

    def stores(self, command_id: str) -> bool:
        """Whether it stores what the command of an id causes, or of one that ends so."""
        return self.operation == "PutItem" and bool(
            self.arguments["Item"].get("CommandId", {"S": ""})["S"].endswith(command_id)
        )

    @property
    def is_read(self) -> bool:
        return self.operation.startswith(("Query", "Scan", "Get", "BatchGet"))

    def __str__(self) -> str:
        return f"{self.invocation}, call {self.index}: {self.operation}"


@dataclass(frozen=True)
class Fault:
    """Something that may happen to a call; `to` says to which operations, None to each."""

    name: str
    happen: Callable[[Call], Any]
    to: Callable[[Call], bool] = lambda _: True

    def __str__(self) -> str:
        return self.name


def _refused(code: str, call: Call) -> Any:
    raise call.invocation.error(code, call.operation)


def _failed_after_all(call: Call) -> Any:
    call.take_effect()
    raise call.invocation.error("InternalServerError", call.operation)


def _not_reached(call: Call) -> Any:
    raise ConnectTimeoutError(endpoint_url=call.operation)


def _answer_lost(call: Call) -> Any:
    call.take_effect()
    raise ReadTimeoutError(endpoint_url=call.operation)


def _repeated(call: Call) -> Any:
    with suppress(ClientError):  # this answer is lost as well
        call.take_effect()
    return call.take_effect()


def _late(call: Call) -> Any:
    call.invocation.world.underway.append(call)
    raise ReadTimeoutError(endpoint_url=call.operation)


def _very_late(call: Call) -> Any:
    call.invocation.world.forgotten.append(call)
    raise ReadTimeoutError(endpoint_url=call.operation)


def _slow(call: Call) -> Any:
    call.invocation.leave_time(0.9)
    return call.take_effect()


def _out_of_time(call: Call) -> Any:
    call.invocation.leave_time(0)
    raise call.invocation.end()


def _out_of_time_after(call: Call) -> Any:
    call.take_effect()
    return _out_of_time(call)


def _killed(call: Call) -> Any:
    raise call.invocation.end()


def _killed_after(call: Call) -> Any:
    call.take_effect()
    raise call.invocation.end()


def _refuses_entries(refused: slice, call: Call) -> Any:
    """PutEvents takes the other entries and says so of these."""
    entries = call.arguments["Entries"]
    lost = set(range(len(entries))[refused])
    taken = [entry for index, entry in enumerate(entries) if index not in lost]
    ids = iter(call.send({"Entries": taken})["Entries"] if taken else [])
    failed = {"ErrorCode": "ThrottlingException", "ErrorMessage": "told to"}
    results = [failed if index in lost else next(ids) for index in range(len(entries))]
    return {"FailedEntryCount": len(lost), "Entries": results}


def _short_page(call: Call) -> Any:
    return call.send({**call.arguments, "Limit": 1})


def _leaves_keys(call: Call) -> Any:
    """BatchGetItem answers for one key of each table only."""
    wanted = call.arguments["RequestItems"]
    answer = call.send({"RequestItems": {table: {**each, "Keys": each["Keys"][:1]} for table, each in wanted.items()}})
    undone = {table: {**each, "Keys": each["Keys"][1:]} for table, each in wanted.items() if each["Keys"][1:]}
    return {**answer, "UnprocessedKeys": undone}


def _leaves_writes(call: Call) -> Any:
    """BatchWriteItem does one write of each table only."""
    wanted = call.arguments["RequestItems"]
    call.send({"RequestItems": {table: each[:1] for table, each in wanted.items()}})
    return {"UnprocessedItems": {table: each[1:] for table, each in wanted.items() if each[1:]}}


def _lagging(call: Call) -> Any:
    with call.invocation.world.dynamodb.lagging():
        return call.take_effect()


def _to(*operations: str) -> Callable[[Call], bool]:
    return lambda call: call.operation in operations


def _to_writes(call: Call) -> bool:
    return not call.is_read


def _to_reads_that_may_lag(call: Call) -> bool:
    """Those that did not ask for consistency, but for the type index, which never has it and is known to follow."""
    if not call.is_read:
        return False
    requests = call.arguments.get("RequestItems", {"": call.arguments}).values()
    asked = all(request.get("ConsistentRead") for request in requests)
    return not asked and call.arguments.get("IndexName") != TYPE_INDEX


NONE = Fault("goes well", Call.take_effect)
# A read has no effect: after it, or before it, or twice is the same, and tried once.
CUT_OFF = Fault("is cut off by the end of the process", _killed)
FAULTS = (
    Fault("is throttled", partial(_refused, "ThrottlingException")),
    Fault("is denied", partial(_refused, "AccessDeniedException")),
    Fault("fails", partial(_refused, "InternalServerError")),
    Fault("fails after it took effect", _failed_after_all, _to_writes),
    Fault("is not reached", _not_reached),
    Fault("loses its answer", _answer_lost),
    Fault("is repeated by the client after a lost answer", _repeated, _to_writes),
    Fault("takes effect only before the next write", _late, _to_writes),
    Fault("takes effect when all seems over", _very_late, _to_writes),
    Fault("leaves hardly any time", _slow),
    Fault("outlasts the function's time", _out_of_time),
    Fault("outlasts the function's time but takes effect", _out_of_time_after, _to_writes),
    CUT_OFF,
    Fault("takes effect as the process ends", _killed_after, _to_writes),
    Fault("collides with a transaction", partial(_refused, "TransactionConflictException"), _to("PutItem")),
    Fault("refuses the first entry", partial(_refuses_entries, slice(1)), _to("PutEvents")),
    Fault("refuses the last entry", partial(_refuses_entries, slice(-1, None)), _to("PutEvents")),
    Fault("refuses every other entry", partial(_refuses_entries, slice(1, None, 2)), _to("PutEvents")),
    Fault("refuses all entries", partial(_refuses_entries, slice(None)), _to("PutEvents")),
    Fault("answers a page of one", _short_page, _to("Query", "Scan")),
    Fault("is answered by a replica that lags", _lagging, _to_reads_that_may_lag),
    Fault("leaves keys unprocessed", _leaves_keys, _to("BatchGetItem")),
    Fault("leaves writes unprocessed", _leaves_writes, _to("BatchWriteItem")),
)


def faults_of(call: Call) -> list[Fault]:
    """Everything that may happen to this call."""
    return [fault for fault in FAULTS if fault.to(call)]
