"""PutEvents: takes events in as EventBridge does, keeps them in archives and hands them to the rules that match."""

from __future__ import annotations

import logging
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from local.engine import backends, exact_json
from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response
from local.engine.pattern_matching import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from local.engine.gateway import Gateway
    from local.engine.targets import Targets

_logger = logging.getLogger(__name__)

MAX_ENTRIES = 10
MAX_REQUEST = 999_999  # bytes, all entries together: "less than 1MB", of which this is the smaller reading
MAX_DETAIL_TYPE = 128
MAX_DEPTH = 1000
LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Of integers in a detail."""
_TIME_SIZE = 14  # bytes that an entry's Time counts
_REQUIRED = ("Source", "DetailType", "Detail")
_BUS_NAME = re.compile(r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus/)?[/.\-_A-Za-z0-9]+")
_MAX_BUS_NAME, _MAX_TRACE_HEADER = 1600, 500

Event = dict[str, Any]
"""An event as its targets see it, with numbers that keep their text."""


@dataclass(frozen=True)
class Matched:
    """A rule's target that is to get an event."""

    rule_arn: str
    target: Mapping[str, Any]


class EventBus:
    def __init__(self, gateway: Gateway, targets: Targets) -> None:
        self._gateway = gateway
        self._targets = targets
        targets.forward = self._forward
        gateway.seam("events", "PutEvents", self._put_events)

    def _put_events(self, request: ApiRequest) -> Response:
        entries = exact_json.loads(request.body).get("Entries") or []
        _check_request(entries)
        for entry in entries:
            _bus(request.region, entry.get("EventBusName") or "")
        from_service = request.principal is not None
        results = [self._put(entry, request.region, from_service=from_service) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return Response.of_json({"FailedEntryCount": failed, "Entries": results})

    def _put(self, entry: Mapping[str, Any], region: str, *, from_service: bool) -> dict[str, str]:
        failure = entry_failure(entry, from_service=from_service)
        if failure is not None:
            return failure
        event: Event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": ACCOUNT,
            "time": event_time(entry.get("Time")),
            "region": region,
            "resources": entry.get("Resources") or [],
            "detail": exact_json.loads(entry["Detail"]),
        }
        self.publish(region, _bus(region, entry.get("EventBusName") or "default"), event)
        return {"EventId": event["id"]}

    def publish(self, region: str, bus: str, event: Event, *, only_rules: Collection[str] = ()) -> None:
        """Archives the event and delivers it, in the background. `only_rules` narrows the rules by ARN.

        AWS reports success for a bus that does not exist and drops the event; so does this.
        """
        with self._gateway.lock:
            matches = self._match(region, bus, event, only_rules)
        for match in matches:
            self._targets.deliver(match.rule_arn, match.target, event)

    def _forward(self, region: str, bus: str, event: Event) -> None:
        """Takes an event from another bus. It goes no further: EventBridge does not chain buses."""
        with self._gateway.lock:
            matches = self._match(region, bus, event, ())
        for match in matches:
            if ":event-bus/" not in match.target["Arn"]:
                self._targets.deliver(match.rule_arn, match.target, event)

    @staticmethod
    def _match(region: str, bus_name: str, event: Event, only_rules: Collection[str]) -> list[Matched]:
        backend = backends.events(region)
        bus = backend.event_buses.get(bus_name)
        if bus is None:
            return []
        if "replay-name" not in event:
            for archive in backend.archives.values():
                if archive.source_arn == bus.arn and _wants(archive, event):
                    archive.events.append(event)
        return [
            Matched(rule.arn, dict(target))
            for rule in bus.rules.values()
            if rule.state.startswith("ENABLED")
            and rule.managed_by is None  # an archive's own rule: archives are served above
            and rule.event_pattern.dump()  # a rule with a schedule only matches no event
            and (not only_rules or rule.arn in only_rules)
            and _wants(rule, event)
            for target in rule.targets
        ]


def _wants(rule: Any, event: Event) -> bool:
    """Whether its pattern, or that of an archive, describes the event. One that fails takes no other delivery down."""
    try:
        return matches(rule.event_pattern.get_pattern(), event)
    except Exception:
        _logger.exception("the pattern of %s failed: it does not get the event %s", rule.arn, event["id"])
        return False


def _bus(region: str, named: str) -> str:
    """The name of a bus that may be named by ARN. Raises: NotImplementedError for one of another account or Region."""
    if not named.startswith("arn:"):
        return named.rsplit("/", 1)[-1]
    here = f"arn:aws:events:{region}:{ACCOUNT}:event-bus/"
    if not named.startswith(here):
        raise NotImplementedError(f"the bus {named}: there is one account, and PutEvents reaches buses of its Region")
    return named.removeprefix(here)


def event_time(given: Any) -> str:
    """The `time` of an event: UTC in whole seconds. `given` is epoch seconds or ISO text; None is now."""
    if given is None:
        moment = datetime.now(UTC)
    elif isinstance(given, str):
        moment = datetime.fromisoformat(given).astimezone(UTC)
    else:
        moment = datetime.fromtimestamp(float(given), UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")  # strftime writes the year 1 as "1"


def _check_request(entries: list[Mapping[str, Any]]) -> None:
    if not 1 <= len(entries) <= MAX_ENTRIES:
        constraint = "greater than or equal to 1" if not entries else f"less than or equal to {MAX_ENTRIES}"
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{'[PutEventsRequestEntry]' if entries else '[]'}' at 'entries' "
            f"failed to satisfy constraint: Member must have length {constraint}",
        )
    if not any(all(entry.get(name) for name in _REQUIRED) for entry in entries):
        raise ApiError("ValidationException", "No entry of the request has a Source, a DetailType and a Detail.")
    for entry in entries:
        _check_form(entry)
    if sum(map(entry_size, entries)) > MAX_REQUEST:
        raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.")


def _check_form(entry: Mapping[str, Any]) -> None:
    """What the description of the call says of a member by itself: breaking it fails the call, not the entry."""
    name, trace = entry.get("EventBusName"), entry.get("TraceHeader")
    if name is not None and not (len(name) <= _MAX_BUS_NAME and _BUS_NAME.fullmatch(name)):
        raise ApiError("ValidationException", f"Value '{name}' at 'entries.member.eventBusName' is no name of a bus.")
    if trace is not None and not 1 <= len(trace) <= _MAX_TRACE_HEADER:
        raise ApiError("ValidationException", "Value at 'entries.member.traceHeader' has a wrong length.")
    try:
        event_time(entry.get("Time"))
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise ApiError("SerializationException", f"Value at 'entries.member.time' is no time: {error}") from error


def entry_size(entry: Mapping[str, Any]) -> int:
    """Bytes, counted as EventBridge documents it."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return sum(len(text.encode()) for text in texts if text) + (_TIME_SIZE if entry.get("Time") is not None else 0)


def entry_failure(entry: Mapping[str, Any], *, from_service: bool = False) -> dict[str, str] | None:
    """What PutEvents answers for an entry that it does not take; None for one that it does."""
    for name in _REQUIRED:
        if not entry.get(name):
            return _invalid(name, f"{name} is a required argument.")
    if len(entry["DetailType"]) > MAX_DETAIL_TYPE:
        return _invalid("DetailType", f"it has more than {MAX_DETAIL_TYPE} characters.")
    if entry["Source"].startswith("aws.") and not from_service:
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    try:
        detail = exact_json.loads(entry["Detail"])
        if "\\u" in entry["Detail"]:
            exact_json.dumps(detail).encode()  # half of a character can be written in JSON, and sent nowhere
    except (ValueError, RecursionError):
        detail = None
    if not (isinstance(detail, dict) and _is_processed(detail)):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def _invalid(name: str, reason: str) -> dict[str, str]:
    return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {name} is not valid. Reason: {reason}"}


def _is_processed(detail: Any) -> bool:
    """Whether its nesting and its integers are what EventBridge documents.

    A whole number with an exponent or a zero fraction counts as an integer: AWS does not say, and this is never more
    forgiving. Level by level, since Python's own depth may be less.
    """
    level = [detail]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict | list):
                inner += each.values() if isinstance(each, dict) else each
            elif _is_out_of_range(each):
                return False
        if not inner:
            return True
        level = inner
    return not any(isinstance(each, dict | list) or _is_out_of_range(each) for each in level)


def _is_out_of_range(value: Any) -> bool:
    if not isinstance(value, int | float) or LOWEST <= value <= HIGHEST:
        return False
    return not isinstance(value, exact_json.ExactNumber) or _is_whole(value.text)


def _is_whole(text: str) -> bool:
    number = Decimal(text)
    return number == number.to_integral_value()
