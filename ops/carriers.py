"""What carries processes on without being asked: the feed of their function, and the schedule of the sweep.

Where not all of their streams are there yet, or not as they were, nobody may carry them on: an aggregate that is not
there yet is taken for one that was never opened, and a step that has not come yet is taken once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from .system import OperatorError, System

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_TOLD = ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")
"""What GetSchedule tells of a schedule that UpdateSchedule is not told."""
_LOOK_SECONDS, _LOOKS = 2.0, 60
_STATES = {False: "Disabled", True: "Enabled"}


@dataclass(frozen=True, slots=True)
class Carriers:
    """Of one stack. `schedule` is the group, a slash, and the name."""

    functions: LambdaClient
    schedules: Any
    function: str
    schedule: str
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, system: System) -> Self:
        """Those of a deployed stack."""
        names = system.output("processFunction"), system.output("sweepScheduleName")
        return cls(system.client("lambda"), system.client("scheduler"), *names)

    def running(self) -> list[str]:
        """Those that are on, or not off yet, in words: two requests."""
        found = [f"the feed of {self.function}" for _, state in self._feeds() if state != _STATES[False]]
        return found + ([f"the schedule {self.schedule}"] if self._schedule()["State"] == "ENABLED" else [])

    def off(self) -> list[str]:
        """Those that are off, or not on yet, in words: two requests."""
        found = [f"the feed of {self.function}" for _, state in self._feeds() if state != _STATES[True]]
        return found + ([] if self._schedule()["State"] == "ENABLED" else [f"the schedule {self.schedule}"])

    def switch(self, *, on: bool) -> None:
        """Switch all of them, and wait until the feed says so: what it handed out before is still carried on then.
        OperatorError where it takes too long."""
        for uuid, _ in self._feeds():
            self.functions.update_event_source_mapping(UUID=uuid, Enabled=on)
        kept = {name: value for name, value in self._schedule().items() if name not in _TOLD}
        self.schedules.update_schedule(**kept | {"State": "ENABLED" if on else "DISABLED"})
        for _ in range(_LOOKS):
            if all(state == _STATES[on] for _, state in self._feeds()):
                return
            self.wait(_LOOK_SECONDS)
        raise OperatorError(f"the feed of {self.function} is not {_STATES[on].lower()} yet: the same command once more")

    def _feeds(self) -> Iterator[tuple[str, str]]:
        """Each of the function's mappings, and its state."""
        pages = self.functions.get_paginator("list_event_source_mappings").paginate(FunctionName=self.function)
        for page in pages:
            yield from ((str(each["UUID"]), str(each["State"])) for each in page["EventSourceMappings"])

    def _schedule(self) -> dict[str, Any]:
        group, _, name = self.schedule.partition("/")
        described: dict[str, Any] = self.schedules.get_schedule(GroupName=group, Name=name)
        return described
