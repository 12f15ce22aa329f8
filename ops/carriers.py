"""What carries processes on without being asked: the feed of their function, and the schedule of the sweep.

Where not all of their streams are there yet, or not as they were, nobody may carry them on: an aggregate that is not
there yet is taken for one that was never opened, and a step that has not come yet is taken once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from .feeds import OFF, ON
from .system import OperatorError, System

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_TOLD = ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")
"""What GetSchedule tells of a schedule that UpdateSchedule is not told."""
_LOOK_SECONDS, _LOOKS = 2.0, 60
_STATES = {False: OFF, True: ON}
_GONE = "which is gone: `pulumi up --refresh`"


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
        return found + ([f"the schedule {self.schedule}"] if (self._schedule() or {}).get("State") == "ENABLED" else [])

    def off(self) -> list[str]:
        """Those that are off, or not on yet, in words; those that are gone are told by `gone`. Two requests."""
        found = [f"the feed of {self.function}" for _, state in self._feeds() if state != _STATES[True]]
        schedule = self._schedule()
        return found + ([f"the schedule {self.schedule}"] if schedule and schedule["State"] != "ENABLED" else [])

    def gone(self) -> list[str]:
        """Those that were deleted, which nobody can switch, in words: two requests."""
        found = [] if list(self._feeds()) else [f"the feed of {self.function}, {_GONE}"]
        return found + ([] if self._schedule() else [f"the schedule {self.schedule}, {_GONE}"])

    def switch(self, *, on: bool) -> None:
        """Switch all of them, and wait until the feed says so: what it handed out before is still carried on then.
        OperatorError where it takes too long, and where something that is to be on is gone; the rest is switched."""
        for uuid, _ in self._feeds():
            self.functions.update_event_source_mapping(UUID=uuid, Enabled=on)
        if schedule := self._schedule():
            kept = {name: value for name, value in schedule.items() if name not in _TOLD}
            self.schedules.update_schedule(**kept | {"State": "ENABLED" if on else "DISABLED"})
        self._await(_STATES[on])
        if on and (gone := self.gone()):
            raise OperatorError(f"not all of it is on: {'; '.join(gone)}")

    def _await(self, wanted: str) -> None:
        for _ in range(_LOOKS):
            if all(state == wanted for _, state in self._feeds()):
                return
            self.wait(_LOOK_SECONDS)
        raise OperatorError(f"the feed of {self.function} is not {wanted.lower()} yet: the same command once more")

    def _feeds(self) -> Iterator[tuple[str, str]]:
        """Each of the function's mappings, and its state."""
        pages = self.functions.get_paginator("list_event_source_mappings").paginate(FunctionName=self.function)
        for page in pages:
            yield from ((str(each["UUID"]), str(each["State"])) for each in page["EventSourceMappings"])

    def _schedule(self) -> dict[str, Any] | None:
        """As Scheduler describes it; None where it is gone."""
        group, _, name = self.schedule.partition("/")
        try:
            described: dict[str, Any] = self.schedules.get_schedule(GroupName=group, Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None
        return described
