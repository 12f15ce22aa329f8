"""Entry point of the processes: a queue of bus events in, what is due done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from .domain import PROCESS
from .regional import Unsettled
from .runtime import Context, log
from .sourcing.errors import LedgerError
from .store.event_bus import delivered_event
from .wiring import carries_on, wired_conductor

_conductor = wired_conductor()
_unsettled = Unsettled()


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of queue messages, in any order and with duplicates, to the ids of those to deliver again.

    A message is a poke: for each process that the events concern, what `Conductor.carry` takes, one after the other.
    What is no event, or names a process that the store does not have, fails alone, and one process's failure is only
    its own; after enough receives the queue sets such messages aside. With little time left the rest waits for the next
    delivery. A step that is refused though no aggregate ever refuses it is counted as StepsRefused.
    """
    pokes: dict[str, list[str]] = defaultdict(list)
    failed: list[str] = []
    for record in event["Records"]:
        try:
            concerned = PROCESS.concerned(delivered_event(record["body"]))
        except LedgerError as error:  # no event, or one that this code cannot read
            log.error("no poke: %s", error.message, extra={"messageId": record["messageId"]})
            failed.append(record["messageId"])
        else:
            if concerned is not None:
                pokes[concerned].append(record["messageId"])
    for process_id, message_ids in pokes.items():
        if not carries_on(_conductor, process_id, context, _unsettled):
            failed += message_ids
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
