"""What event source mappings of both kinds share: settings, filters and the answers of functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiError
from local.engine.functions import FunctionRef, record_of
from local.engine.pattern_matching import matches
from local.engine.principals import Session

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_BATCH_BYTES = 6 * 1024 * 1024


class Filters:
    """FilterCriteria: a record is kept if any of the patterns matches, or if there are none."""

    def __init__(self, criteria: Mapping[str, Any] | None) -> None:
        texts = [entry["Pattern"] for entry in (criteria or {}).get("Filters") or ()]
        self._patterns: list[dict[str, Any]] = [_pattern(text) for text in texts]

    def keep(self, record: dict[str, Any]) -> bool:
        return not self._patterns or any(
            matches(pattern, _with_parsed_body(record) if isinstance(pattern.get("body"), dict) else record)
            for pattern in self._patterns
        )


@lru_cache(1024)
def _pattern(text: str) -> dict[str, Any]:
    """Settings are made anew each time that a poller looks, and their patterns are the same. Nobody may change it."""
    pattern: dict[str, Any] = json.loads(text)
    return pattern


def _with_parsed_body(record: dict[str, Any]) -> dict[str, Any]:
    """A pattern that looks into the body sees JSON; a body that is none matches nothing in it."""
    try:
        return {**record, "body": json.loads(record["body"])}
    except (ValueError, RecursionError):  # the latter where it is nested beyond what this process can read
        return {key: value for key, value in record.items() if key != "body"}


@dataclass(frozen=True)
class Settings:
    """An event source mapping, with the defaults of its kind filled in. Times in seconds, -1 means without bound."""

    function: FunctionRef
    function_arn: str
    session: Session
    source_arn: str
    enabled: bool
    batch_size: int
    window: float
    filters: Filters
    reports_failures: bool
    bisect: bool
    max_retries: int
    max_age: int
    lanes: int
    from_start: bool
    on_failure: str | None
    max_concurrency: int | None


def settings_of(region: str, uuid: str) -> Settings | None:
    """The mapping as it is now, None if it was deleted. Needs the gateway's lock."""
    mapping = backends.functions(region).get_event_source_mapping(uuid)
    if mapping is None:
        return None
    failure = (mapping.destination_config or {}).get("OnFailure") or {}
    return Settings(
        function=FunctionRef.parse(mapping.function_arn, region),
        function_arn=mapping.function_arn,
        session=_session(mapping.function_arn, region),
        source_arn=mapping.event_source_arn,
        enabled=bool(mapping.enabled),
        batch_size=mapping.batch_size,
        window=float(mapping.max_batch_window or 0),
        filters=Filters(mapping.filter_criteria),
        reports_failures="ReportBatchItemFailures" in (mapping.function_response_types or ()),
        bisect=bool(mapping.bisect_on_error),
        max_retries=-1 if mapping.max_retry_attempts is None else mapping.max_retry_attempts,
        max_age=-1 if mapping.max_record_age is None else mapping.max_record_age,
        lanes=mapping.parallelization_factor or 1,
        from_start=mapping.starting_position != "LATEST",
        on_failure=failure.get("Destination"),
        max_concurrency=(mapping.scaling_config or {}).get("MaximumConcurrency"),
    )


def _session(function: str, region: str) -> Session:
    """The session of the function's role; of no role if the function is gone."""
    ref = FunctionRef.parse(function, region)
    try:
        return Session(record_of(ref).role, ref.name)
    except ApiError:
        return Session("", ref.name)


def reported_failures(payload: bytes, identifiers: Collection[str]) -> set[str]:
    """The identifiers that a function reports in `batchItemFailures`; all of them if its answer makes no sense.

    What counts as success and what as failure of the whole batch is documented with ReportBatchItemFailures.
    """
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return set(identifiers)
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return set(identifiers)
    failures = answer.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return set(identifiers)
    reported = {str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in failures}
    return reported if reported <= set(identifiers) else set(identifiers)
