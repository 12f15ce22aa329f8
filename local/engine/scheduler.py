"""EventBridge Scheduler: moto keeps schedules, and here they are due.

AWS calls a target within the minute of its time; here it is called as soon as the clock has reached it. Every
occurrence that the clock has passed is delivered once, in order, so that tests can move the clock by months.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.engine import backends
from local.engine.api import ApiError, ApiRequest, Response
from local.engine.schedule_expressions import parse
from local.engine.schedule_settings import check, invalid, is_once
from local.engine.schedule_targets import Due, ScheduleTargets

if TYPE_CHECKING:
    from local.engine.aws import ServiceClients
    from local.engine.background import Background
    from local.engine.clock import Clock
    from local.engine.gateway import Gateway

START_SECONDS = 300
"""How long ago the StartDate of a new schedule may be."""

SERVICE = "scheduler.amazonaws.com"

Run = Callable[[str, Callable[[], None]], None]
"""Carries out work in the queue of that name: one after the other, and none waits for another queue's."""


@dataclass
class _Plan:
    """When a schedule is due next, None for never. Made anew whenever the schedule is changed."""

    version: tuple[Any, ...]
    next: float | None


class Scheduler:
    def __init__(self, gateway: Gateway, clients: ServiceClients, clock: Clock, run: Run) -> None:
        self._gateway = gateway
        self._clock = clock
        self._run = run
        self._targets = ScheduleTargets(clients, clock)
        self._plans: dict[str, _Plan] = {}
        self._again: list[tuple[float, int, Due, bool]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self.wake = threading.Event()
        gateway.seam("scheduler", "CreateSchedule", self._create)
        gateway.seam("scheduler", "UpdateSchedule", self._update)
        gateway.before("scheduler", "CreateScheduleGroup", self._check_new_group)
        gateway.before("scheduler", "DeleteScheduleGroup", self._check_old_group)

    def watch(self, background: Background) -> None:
        """Looks after the schedules in a thread of its own. While something holds, none is due: its target may not be
        there yet, and its tries would be used up."""

        def keep_watch() -> None:
            while not background.closing.is_set():
                background.await_release()
                soonest = self.tick()
                self._clock.wait(self.wake, None if soonest is None else max(0.0, soonest - self._clock.now()))
                self.wake.clear()

        background.on_stop(self.wake.set)
        background.keep("scheduler", keep_watch)

    def tick(self) -> float | None:
        """Delivers all that is due by now. Returns when there is something to do next, None if there is nothing."""
        now = self._clock.now()
        with self._gateway.lock:
            schedules = backends.schedules()
            due = [each for schedule in schedules for each in self._due(schedule, now)]
            known = {schedule.arn for schedule in schedules}
            self._plans = {arn: plan for arn, plan in self._plans.items() if arn in known}
            soonest = [plan.next for plan in self._plans.values() if plan.next is not None]
        for occurrence, is_last in sorted(due, key=lambda each: each[0].when):
            self._deliver(occurrence, is_last=is_last)
        for occurrence, is_last in self._due_again(now):
            self._deliver(occurrence, is_last=is_last)
        with self._lock:
            soonest += [when for when, *_ in self._again[:1]]
        return min(soonest, default=None)

    def _due_again(self, now: float) -> list[tuple[Due, bool]]:
        found: list[tuple[Due, bool]] = []
        with self._lock:
            while self._again and self._again[0][0] <= now:
                _, _, occurrence, is_last = heapq.heappop(self._again)
                found.append((occurrence, is_last))
        return found

    def _due(self, schedule: Any, now: float) -> list[tuple[Due, bool]]:
        """The occurrences up to now, and of each whether it is the last. Needs the gateway's lock."""
        plan = self._plan(schedule)
        found: list[tuple[Due, bool]] = []
        while plan.next is not None and plan.next <= now:
            occurrence = Due(schedule.arn, dict(schedule.target), plan.next)
            plan.next = _next(schedule, plan.next + 1)
            found.append((occurrence, plan.next is None))
        return found

    def _plan(self, schedule: Any) -> _Plan:
        plan = self._plans.get(schedule.arn)
        if plan is None or plan.version != schedule.version:
            first = _next(schedule, schedule.since) if schedule.state == "ENABLED" else None
            plan = self._plans[schedule.arn] = _Plan(schedule.version, first)
        return plan

    def _deliver(self, due: Due, *, is_last: bool) -> None:
        self._run(due.arn, lambda: self._attempt(due, is_last=is_last))

    def _attempt(self, due: Due, *, is_last: bool) -> None:
        again = self._targets.attempt(due)
        if again is not None:
            when, occurrence = again
            with self._lock:
                heapq.heappush(self._again, (when, next(self._order), occurrence, is_last))
            self.wake.set()
        elif is_last:
            self._complete(due.schedule_arn)

    def _complete(self, arn: str) -> None:
        """Deletes the schedule, if that is to be done after its last occurrence."""
        with self._gateway.lock:
            schedule = next((each for each in backends.schedules() if each.arn == arn), None)
            # Changed since, it may be due again.
            if schedule is None or schedule.action_after_completion != "DELETE":
                return
            if schedule.state == "ENABLED" and self._plan(schedule).next is None:
                backends.delete_schedule(schedule)

    def _create(self, request: ApiRequest) -> Response:
        asked, name = request.parameters, _name_in(request.path)
        with self._gateway.lock:
            check(asked)
            start = asked.get("StartDate")
            if start is not None and start < self._clock.now() - START_SECONDS and not is_once(asked):
                raise invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
            group = self._group(request, asked.get("GroupName"))
            token, existing = asked.get("ClientToken"), group.schedules.get(name)
            if existing is not None and token and existing.token == token:  # sent again, the answer having been lost
                return Response.of_json({"ScheduleArn": existing.arn})
            return self._kept(request, asked, group, name)

    def _update(self, request: ApiRequest) -> Response:
        asked, name = request.parameters, _name_in(request.path)
        with self._gateway.lock:
            check(asked)
            group = self._group(request, asked.get("GroupName"))
            return self._kept(request, asked, group, name)

    def _kept(self, request: ApiRequest, asked: dict[str, Any], group: Any, name: str) -> Response:
        """Moto's answer. Its record has what moto leaves out; what is not given is the default, also in an update."""
        without_start = {name: value for name, value in asked.items() if name != "StartDate"}
        # Moto would compare it with this machine's time.
        response = self._gateway.moto(request.with_body(json.dumps(without_start).encode()))
        if response.status == HTTPStatus.OK:
            schedule = group.schedules[name]
            schedule.state = asked.get("State") or "ENABLED"
            schedule.action_after_completion = asked.get("ActionAfterCompletion") or "NONE"
            schedule.start_date = asked.get("StartDate")
            schedule.token = asked.get("ClientToken")
            schedule.since = self._clock.now()
            schedule.version = (next(self._order),)
            self.wake.set()
        return response

    def _group(self, request: ApiRequest, name: str | None) -> Any:
        group = backends.schedule_groups(request.region).get(name or "default")
        if group is None:
            raise ApiError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
        return group

    def _check_new_group(self, request: ApiRequest) -> None:
        name = _name_in(request.path)
        with self._gateway.lock:
            if name in backends.schedule_groups(request.region):
                raise ApiError("ConflictException", f"Schedule group {name} already exists.", 409)

    def _check_old_group(self, request: ApiRequest) -> None:
        name = _name_in(request.path)
        with self._gateway.lock:
            self._group(request, name)
        if name == "default":
            raise invalid("The default schedule group cannot be deleted.")


def _name_in(path: str) -> str:
    return unquote(path.rsplit("/", 1)[-1])


def _next(schedule: Any, moment: float) -> float | None:
    """When the schedule is due, from that moment on."""
    expression = parse(schedule.schedule_expression, schedule.schedule_expression_timezone)
    if expression.once:
        return expression.first_from(moment, moment)
    start = schedule.since if schedule.start_date is None else float(schedule.start_date)
    found = expression.first_from(max(moment, start), start)
    ends = schedule.end_date is not None and found is not None and found > float(schedule.end_date)
    return None if ends else found
