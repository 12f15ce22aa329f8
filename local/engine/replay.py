"""Replays: sends the archived events of a time window to the bus again, in the background."""

from __future__ import annotations

import itertools
import json
import logging
import time
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.background import Background
    from local.engine.bus import Event, EventBus
    from local.engine.gateway import Gateway

_logger = logging.getLogger(__name__)

MAX_RUNNING = 10

MINUTE_SECONDS = 0.01
"""Between one minute of archived events and the next: EventBridge replays minute by minute, and takes its time."""


class Replays:
    """Moto's records of replays, brought to life. `last_replayed` on a record is the time of the last event sent."""

    def __init__(self, gateway: Gateway, background: Background, bus: EventBus) -> None:
        self._gateway = gateway
        self._background = background
        self._bus = bus
        gateway.seam("events", "StartReplay", self._start)
        gateway.seam("events", "CancelReplay", self._cancel)
        gateway.seam("events", "DescribeReplay", self._with_progress)
        gateway.seam("events", "ListReplays", self._with_progress)

    def _start(self, request: ApiRequest) -> Response:
        asked = request.json()
        with self._gateway.lock:
            archive = _check(request.region, asked)
            replay = backends.new_replay(request.region, asked)
            events = sorted(archive.events, key=lambda event: str(event["time"]))
            answer = {"ReplayArn": replay.arn, "ReplayStartTime": replay.start_time, "State": replay.state.value}
        self._background.spawn(f"replay-{replay.name}", lambda: self._see_through(replay, events))
        return Response.of_json(answer)

    def _see_through(self, replay: Any, events: list[Event]) -> None:
        """Whatever happens, the replay comes to an end that can be seen."""
        try:
            self._run(replay, events)
        except Exception:
            _logger.exception("the replay %s failed", replay.name)
            with self._gateway.lock:
                replay.state, replay.end_time = backends.ReplayState.FAILED, time.time()

    def _run(self, replay: Any, events: list[Event]) -> None:
        state = backends.ReplayState
        if not self._move(replay, state.STARTING, state.RUNNING):
            self._move(replay, state.CANCELLING, state.CANCELLED)
            return
        bus = replay.destination["Arn"].rsplit("/", 1)[-1]
        rules = replay.destination.get("FilterArns") or ()
        wanted = [event for event in events if replay.event_start_time <= _moment(event) <= replay.event_end_time]
        for _, minute in itertools.groupby(wanted, lambda event: _moment(event) // 60):
            for event in minute:
                if replay.state is not state.RUNNING:
                    break
                again = {**event, "id": str(uuid.uuid4()), "replay-name": replay.name}
                self._bus.publish(replay.region, bus, again, only_rules=rules)
                replay.last_replayed = _moment(event)
            if replay.state is not state.RUNNING or self._background.closing.wait(MINUTE_SECONDS):
                break
        if not self._move(replay, state.RUNNING, state.COMPLETED):
            self._move(replay, state.CANCELLING, state.CANCELLED)

    def _move(self, replay: Any, before: Any, after: Any) -> bool:
        with self._gateway.lock:
            if replay.state is not before:
                return False
            replay.state = after
            if after is not backends.ReplayState.RUNNING:
                replay.end_time = time.time()
            return True

    def _cancel(self, request: ApiRequest) -> Response:
        name, state = request.json().get("ReplayName"), backends.ReplayState
        with self._gateway.lock:
            replay = backends.events(request.region).replays.get(name)
            if replay is None:
                raise ApiError("ResourceNotFoundException", f"Replay {name} does not exist.")
            if replay.state not in {state.STARTING, state.RUNNING}:
                raise ApiError("IllegalStatusException", f"Replay {name} is not in a valid state for this operation.")
            replay.state = state.CANCELLING
            return Response.of_json({"ReplayArn": replay.arn, "State": replay.state.value})

    def _with_progress(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            answer = response.json()
            for described in answer.get("Replays", [answer]):
                replay = backends.events(request.region).replays.get(described.get("ReplayName"))
                if hasattr(replay, "last_replayed"):
                    described["EventLastReplayedTime"] = replay.last_replayed
        return Response(response.status, json.dumps(answer).encode(), response.headers)


def _moment(event: Event) -> float:
    return datetime.fromisoformat(event["time"]).timestamp()


def _check(region: str, asked: dict[str, Any]) -> Any:
    """The archive. Raises: ApiError for whatever EventBridge refuses."""
    backend = backends.events(region)
    archive_name = asked["EventSourceArn"].rsplit("/", 1)[-1]
    archive = backend.archives.get(archive_name)
    bus_arn = asked["Destination"]["Arn"]
    if archive is None or archive.arn != asked["EventSourceArn"]:
        raise _invalid("EventSourceArn", f"Archive {archive_name} does not exist.")
    if ":event-bus/" not in bus_arn:
        raise _invalid("Destination.Arn", "Must contain an event bus ARN.")
    if bus_arn != archive.source_arn:
        raise _invalid("Destination.Arn", "Cross event bus replay is not permitted.")
    if asked["EventStartTime"] >= asked["EventEndTime"]:
        raise _invalid("EventEndTime", "EventStartTime must be before EventEndTime.")
    if asked["ReplayName"] in backend.replays:
        raise ApiError("ResourceAlreadyExistsException", f"Replay {asked['ReplayName']} already exists.")
    states = {backends.ReplayState.STARTING, backends.ReplayState.RUNNING}
    if sum(replay.state in states for replay in backend.replays.values()) >= MAX_RUNNING:
        raise ApiError("LimitExceededException", f"At most {MAX_RUNNING} replays can run at once.")
    return archive


def _invalid(parameter: str, reason: str) -> ApiError:
    return ApiError("ValidationException", f"Parameter {parameter} is not valid. Reason: {reason}")
