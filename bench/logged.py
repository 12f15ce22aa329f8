"""What the stack writes into logs, by the function that wrote it, as CloudWatch Logs bills it: bytes, and 26 a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local.client import StackClient

LINE_BYTES = 26
"""What CloudWatch Logs adds to each log event when it bills what comes in."""
AUDIT_LOG = "/aws/events/audit-log-"


def per_invocation(client: StackClient, function: str) -> dict[str, float]:
    """`{"invocations", "ownBytes", "platformBytes"}`: of one invocation, our own lines, and Lambda's around them."""
    name = client.outputs[f"{function}Function"]
    group = client.aws("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
    own = platform = invocations = 0
    for message in _messages(client, group):
        kind = _platform_kind(message)
        invocations += kind == "platform.report"
        size = len(message.encode()) + LINE_BYTES
        if kind in ("platform.start", "platform.report"):  # the others are of a cold start
            platform += size
        elif not kind:
            own += size
    return {
        "invocations": invocations,
        "ownBytes": round(own / invocations, 1),
        "platformBytes": round(platform / invocations, 1),
    }


def per_audited_event(client: StackClient) -> float:
    """Bytes that one event is in the audit log."""
    (group,) = client.aws("logs").describe_log_groups(logGroupNamePrefix=AUDIT_LOG)["logGroups"]
    sizes = [len(message.encode()) + LINE_BYTES for message in _messages(client, group["logGroupName"])]
    return round(sum(sizes) / len(sizes), 1)


def _messages(client: StackClient, group: str) -> Iterator[str]:
    for page in client.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
        yield from (event["message"] for event in page["events"])


def _platform_kind(message: str) -> str:
    """Of a line of Lambda's own, such as platform.report; empty for ours."""
    try:
        line: Any = json.loads(message)
    except ValueError:
        return ""
    kind = line.get("type") if isinstance(line, dict) else None
    return kind if isinstance(kind, str) and kind.startswith("platform.") else ""
