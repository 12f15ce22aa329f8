"""Letters that can never succeed: into a file, and only then out of their queues."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from handlers.upkeep.letters.diagnosis import Case, Remedy
from ops.bulk import durable
from ops.system import OperatorError

_OWN = 0o600
"""It holds what customers do."""


def is_lost(case: Case) -> bool:
    """Whether nothing that is known will ever make it succeed. What nobody can tell just now may."""
    return case.remedy is not Remedy.LATER and (case.hopeless or case.remedy is Remedy.NONE)


def keep(cases: Sequence[Case], path: Path) -> None:
    """Write letters to a new file, a line of JSON each, whole and on the disk. OperatorError where that cannot be."""
    fresh = path.with_name(f"{path.name}.tmp")
    try:
        if path.exists():
            raise OperatorError(f"--into {path}: it is there already")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWN), "w", encoding="utf-8") as file:
            for case in cases:
                told = {"body": case.letter.body, "attributes": dict(case.letter.attributes)}
                file.write(json.dumps({**case.describe(), **told}) + "\n")  # halves of characters too
        durable.sync(fresh)
        durable.rename(fresh, path)
    except OSError as error:
        raise OperatorError(f"--into {path}: {error.strerror}; nothing was taken away") from error
