"""What comes next after each kind of finding, in a line; the runbook says more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from handlers.upkeep.verification.findings import Kind

_RUNBOOK = "docs/operations.md"
_INCIDENT = f"an incident: find who did it, and restore-event ({_RUNBOOK}#integrity)"
_PLACE = f"{_INCIDENT}; where no event ever stood there: {_RUNBOOK}#an-event-out-of-turn"
_WITNESS = f"find out which of the two is right ({_RUNBOOK}#integrity); where the store is, --trust-store"
_REPAIR = "verify --repair-read-model"
_ACROSS = f"{_RUNBOOK}#across-streams"

NEXT: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.ABSENT: "look at the id: ids differ by case and by spaces",
        Kind.UNREADABLE: _PLACE,
        Kind.GAP: _PLACE,
        Kind.HASH: _INCIDENT,
        Kind.LINK: _INCIDENT,
        Kind.TIME: f"find out who wrote it ({_RUNBOOK}#integrity)",
        Kind.EPOCH: f"`region reconcile` puts it together; else find out who wrote it ({_RUNBOOK}#integrity)",
        Kind.REGION: f"`region reconcile` puts it together; else find out who wrote it ({_RUNBOOK}#integrity)",
        Kind.FUTURE: f"check this machine's clock; else nothing can be put right ({_RUNBOOK}#verify)",
        Kind.BUCKET: "restore-event puts it as it belongs",
        Kind.CORRELATION: "restore-event puts it as it belongs",
        Kind.COMMAND: f"reverse the second by a command; find out who wrote it ({_RUNBOOK}#integrity)",
        Kind.TRUNCATED: _INCIDENT + "; after a restore of the store: --trust-store",
        Kind.UNFOLDABLE: "run the revision that is deployed; else tell whoever keeps the code",
        Kind.ROW_MISSING: f"dead-letters list; then republish, or {_REPAIR}",
        Kind.ROW_BEHIND: f"dead-letters list; then republish, or {_REPAIR}",
        Kind.ROW_DIFFERS: _REPAIR,
        Kind.ROW_HASH: _WITNESS,
        Kind.ROW_ORPHANED: _WITNESS,
        Kind.ROW_UNKNOWN: f"delete it once no deployed program makes it ({_RUNBOOK}#rebuild-the-read-model)",
        Kind.ENTRY_MISSING: _REPAIR,
        Kind.ENTRY_DIFFERS: _REPAIR,
        Kind.ENTRY_FOREIGN: f"{_REPAIR}, which deletes it: keep the report",
        Kind.ENTRY_AHEAD: _WITNESS,
        Kind.SNAPSHOT_DIFFERS: f"{_REPAIR}, which deletes it",
        Kind.SNAPSHOT_AHEAD: _WITNESS,
        Kind.SNAPSHOT_ORPHANED: _WITNESS,
        Kind.STEP_ORPHANED: _ACROSS,
        Kind.STEP_MISSING: _ACROSS,
        Kind.STEP_REPEATED: _ACROSS,
        Kind.STEP_DIFFERS: _ACROSS,
        Kind.STEP_CONTRADICTS: _ACROSS,
        Kind.STEP_OPEN: _ACROSS,
        Kind.STEP_FOREIGN: f"nothing; ask for it again under another id ({_ACROSS})",
        Kind.SUM: _ACROSS,
    }
)

AWAITED = frozenset({Kind.GAP, Kind.LINK, Kind.EPOCH, Kind.REGION})
"""With two Regions, what a stream looks like of which something has not come yet: nobody did that to it."""
