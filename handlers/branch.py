"""Entry point of branches: commands and queries on a branch of the ledger, which change nothing but the branch.

A branch has no stream, no bus and no sweep. So what a command leaves to be done in a process is done here at once, by a
conductor over the branch's own ledger, as far as it can be done now; the rest waits until somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .answers import Answers, Query, answered, refuse
from .domain import KINDS, PROCESS, check, meaning, scales
from .runtime import Context, answering, log, seconds_left
from .settings import ENVIRONMENT, number, setting
from .sourcing.command import Command
from .sourcing.errors import LedgerError, MalformedError
from .sourcing.fields import check_identifier, unknown
from .sourcing.payload import beside_body, request_of
from .sourcing.projection import RowQuery
from .sourcing.values import Value
from .store import clients
from .store.branches import Branch, Branches, check_name
from .store.conductor import Conductor, StepRefusedError
from .store.deadline import Deadline
from .store.derived_rows import DerivedRows
from .store.event_store import EventStore
from .store.history import History
from .store.ledger import Ledger
from .store.overlay import OverlayStates, OverlayStore
from .store.snapshots import Snapshots
from .wiring import ledger_over, now

_dynamodb = clients.dynamodb()
_branches = Branches(_dynamodb, setting("BRANCHES_TABLE"))
_store = EventStore(_dynamodb, setting("EVENT_STORE_TABLE"), number("TYPE_BUCKETS"))
_snapshots = Snapshots(_dynamodb, setting("SNAPSHOTS_TABLE"))
_EVERY = number("SNAPSHOT_EVERY")
_ENTRIES = number("STATEMENT_ENTRIES")
_queries = KINDS.queries(ENVIRONMENT)
_WANTED = ("command", "query", "carry")
_REQUEST = ("branch", *_WANTED)


class _Overlay(NamedTuple):
    """The ledger as a branch sees it."""

    branch: Branch
    store: OverlayStore
    states: OverlayStates

    @classmethod
    def of(cls, branch: Branch) -> _Overlay:
        store = OverlayStore.of(_store, _branches, branch)
        return cls(branch, store, OverlayStates(_snapshots, store.bases.end))

    def ledger(self) -> Ledger:
        """What decides commands on it."""
        return ledger_over(self.store, self.states, self.branch.id)

    def history(self) -> History:
        """What looks back on it."""
        return History(self.store, self.states, every=_EVERY)


@answering
def lambda_handler(event: Any, context: Context) -> Value:
    """`{branch, command}`, `{branch, query}` or `{branch, carry}` to what came of it; the last names a process.

    One GetItem for the branch's head (one read unit), and what is asked for.
    """
    request = request_of(event)
    refuse([*beside_body(event, _REQUEST), *unknown(request, _REQUEST)])
    name = check_name(request.get("branch"), "branch")
    given = [each for each in _WANTED if request.get(each) is not None]
    if len(given) != 1:
        raise MalformedError("request", f"must have one of {', '.join(_WANTED)} beside the branch")
    (wanted,) = given
    asked = request[wanted]
    if wanted != "carry" and not isinstance(asked, dict):
        raise MalformedError(wanted, "must be an object")
    overlay = _Overlay.of(_branches.get(name))
    match wanted:
        case "command":
            return _execute(overlay, asked, context)
        case "query":
            return _answer(overlay, asked, context)
        case _:
            return {"process": _carried(overlay, check_identifier(asked, "carry"), context)}


def _execute(overlay: _Overlay, request: Mapping[str, Any], context: Context) -> Value:
    """A command's request, as the function command takes it, to its receipt, and how far a process was carried on.

    What `Ledger.execute` takes over the branch's streams; a refusal is published nowhere.
    """
    misplaced = PROCESS.claims(request.get("commandId"))
    command = Command.read(request, context.aws_request_id, check, meaning, scales=scales, misplaced=misplaced)
    receipt = overlay.ledger().execute(command, seconds_left(context))
    log.info("accepted on a branch", extra={"branch": overlay.branch.id, **receipt.describe()})
    process_id = PROCESS.concerned(overlay.store.event(receipt.aggregate_id, receipt.sequence))
    if process_id is None:
        return receipt.describe()
    return {**receipt.describe(), "process": _carried(overlay, process_id, context)}


def _carried(overlay: _Overlay, process_id: str, context: Context) -> Value:
    """Carry a process on within the branch: what `Conductor.carry` takes. What stands in its way is told."""
    left, told = seconds_left(context), {"processId": process_id}
    try:
        carried = Conductor(overlay.ledger(), PROCESS, now=now).carry(process_id, left)
        then = overlay.history().reconstruct(process_id, seconds_left=left)
    except (LedgerError, StepRefusedError) as problem:
        return {**told, "problem": str(problem)}
    if carried is None or then is None:
        return {**told, "problem": "there is none such on this branch"}
    return {**told, "steps": carried.steps, "state": KINDS.described(then.state)}


def _answer(overlay: _Overlay, request: Mapping[str, Any], context: Context) -> Value:
    """A query of one aggregate, as the function query takes it, answered from the branch's streams alone."""
    left = seconds_left(context)
    rows = DerivedRows(overlay.store, [each for _, each in _queries], Deadline(left, "its stream is too long for that"))
    answers = Answers(overlay.store, overlay.history(), rows, None, entries_a_page=_ENTRIES)
    of_rows = {
        query.name: answers.of_rows(query, projection) for query, projection in _queries if isinstance(query, RowQuery)
    }
    queries: Mapping[str, Query] = answers.around(of_rows)
    return answered(queries, request, left)
