"""Asynchronous invocation: a queue per function, retries, then the destinations and the dead-letter queue."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from local.engine import exact_json
from local.engine.api import ApiError
from local.engine.background import Background, Queues
from local.engine.functions import FunctionRef, record_of
from local.engine.invoke import MAX_WORKERS, Invoker
from local.engine.invoke_configs import invoke_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.destinations import Destinations
    from local.engine.execution import Outcome
    from local.engine.functions import Function
    from local.engine.gateway import Gateway
    from local.engine.pending import Pending

RETRY_SECONDS = (0.2, 0.4)
"""Before the second and the third attempt. On AWS: one and two minutes."""

THROTTLE_SECONDS = (0.05, 2.0)
"""First and longest wait while the function is throttled, doubling. On AWS: one second to five minutes."""

DEFAULT_RETRIES = 2
DEFAULT_MAX_AGE = 21_600  # seconds: six hours


_KIND = "invocation"


@dataclass(frozen=True)
class _Event:
    ref: FunctionRef
    payload: bytes
    request_id: str
    trace_id: str | None
    accepted: float = field(default_factory=time.time)
    attempts: int = 0
    throttles: int = 0
    place: int = 0
    """Where it is kept."""


class AsyncInvoker:
    """Accepts events and sees them through. The request id of an event stays the same over its retries, as on AWS."""

    def __init__(
        self,
        gateway: Gateway,
        background: Background,
        invoker: Invoker,
        destinations: Destinations,
        pending: Pending,
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._invoker = invoker
        self._queues: Queues[FunctionRef] = Queues(background, "async", MAX_WORKERS)
        self._destinations = destinations
        self._pending = pending

    def submit(
        self, ref: FunctionRef, payload: bytes, *, request_id: str | None = None, trace_id: str | None = None
    ) -> None:
        """Raises: ApiError (ResourceNotFoundException)."""
        self._invoker.find(ref)
        event = _Event(ref, payload or b"{}", request_id or str(uuid.uuid4()), trace_id)
        self._enqueue(replace(event, place=self._pending.add(_KIND, lambda: _text(event))))

    def resume(self) -> None:
        """Takes up the events that an earlier engine left behind."""
        for place, text in self._pending.of(_KIND):
            self._enqueue(replace(_event(text), place=place))

    def _enqueue(self, event: _Event) -> None:
        self._queues.put(event.ref, lambda: self._attempt(event))

    def _attempt(self, event: _Event) -> None:
        again = self._after_attempt(event)
        if again is None:
            self._pending.done(event.place)
            return
        event, delay = again
        self._pending.change(event.place, lambda: _text(event))
        self._background.later(delay, lambda: self._enqueue(event))

    def _after_attempt(self, event: _Event) -> tuple[_Event, float] | None:
        """Makes an attempt. Returns what is to be attempted after how many seconds; None if it was seen through."""
        settings = self._settings(event.ref)
        try:
            outcome = self._invoker.invoke(
                event.ref, event.payload, request_id=event.request_id, trace_id=event.trace_id
            )
        except ApiError as error:
            if error.code == "ResourceNotFoundException":
                return None  # the function is gone, and with it its destinations
            first, longest = THROTTLE_SECONDS
            delay = min(first * 2**event.throttles, longest)
            event = replace(event, throttles=event.throttles + 1)
            return self._within_age(event, delay, settings, None, f"{error.code}: {error.message}")
        if outcome.failed and self._background.closing.is_set():
            return event, 0  # it was killed because the engine stops: no attempt of the function's
        event = replace(event, attempts=event.attempts + 1)
        if not outcome.failed:
            self._send(event, settings, "Success", outcome)
        elif event.attempts > settings.get("MaximumRetryAttempts", DEFAULT_RETRIES):
            self._give_up(event, settings, "RetriesExhausted", outcome, _error_message(outcome))
        else:
            delay = RETRY_SECONDS[event.attempts - 1]
            return self._within_age(event, delay, settings, outcome, _error_message(outcome))
        return None

    def _within_age(
        self, event: _Event, delay: float, settings: Mapping[str, Any], outcome: Outcome | None, message: str
    ) -> tuple[_Event, float] | None:
        """The event and when it is to be tried again, or None: it would be too old by then, and is given up."""
        if time.time() + delay - event.accepted <= settings.get("MaximumEventAgeInSeconds", DEFAULT_MAX_AGE):
            return event, delay
        self._give_up(event, settings, "EventAgeExceeded", outcome, message)
        return None

    def _settings(self, ref: FunctionRef) -> Mapping[str, Any]:
        with self._gateway.lock:
            try:
                return invoke_config(ref)
            except ApiError:
                return {}

    def _give_up(
        self, event: _Event, settings: Mapping[str, Any], condition: str, outcome: Outcome | None, message: str
    ) -> None:
        self._send(event, settings, condition, outcome)
        session = self._invoker.find(event.ref).session
        with self._gateway.lock:
            dead_letters = getattr(record_of(event.ref), "dead_letter_config", None) or {}
        if dead_letters.get("TargetArn"):
            attributes: dict[str, str | int] = {
                "RequestID": event.request_id,
                "ErrorCode": 200,
                "ErrorMessage": message[:1024],
            }
            letter = event.payload.decode("utf-8", "replace")
            self._destinations.send(dead_letters["TargetArn"], letter, session, attributes=attributes)

    def _send(self, event: _Event, settings: Mapping[str, Any], condition: str, outcome: Outcome | None) -> None:
        succeeded = condition == "Success"
        destinations = settings.get("DestinationConfig") or {}
        arn = destinations.get("OnSuccess" if succeeded else "OnFailure", {}).get("Destination")
        if arn:
            function = self._invoker.find(event.ref)
            record = _record(event, function, condition, outcome)
            self._destinations.send_record(arn, record, function.session, succeeded=succeeded)


def _text(event: _Event) -> str:
    """For `Pending`. Latin 1 has a character for every byte."""
    kept = {name: value for name, value in asdict(event).items() if name != "place"}
    return json.dumps({**kept, "payload": event.payload.decode("latin-1")})


def _event(text: str) -> _Event:
    kept = json.loads(text)
    return _Event(**{**kept, "ref": FunctionRef(**kept["ref"]), "payload": kept["payload"].encode("latin-1")})


def _record(event: _Event, function: Function, condition: str, outcome: Outcome | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": exact_json.timestamp(time.time()),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function.version_arn,
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": _told(event.payload),
    }
    if outcome is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": outcome.version}
        if outcome.failed:
            record["responseContext"]["functionError"] = "Unhandled"
        record["responsePayload"] = _told(outcome.payload)
    return record


def _told(payload: bytes) -> Any:
    """A payload in a record: as JSON, and as text where it is none (NaN). A record is never lost for it."""
    try:
        return exact_json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")


def _error_message(outcome: Outcome) -> str:
    content = _told(outcome.payload)
    return str(content.get("errorMessage", "")) if isinstance(content, dict) else ""
