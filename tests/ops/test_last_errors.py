"""The line of a log that says why: what a function wrote, and not Lambda's own report that it raised something."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

from ops.function_logs import LAST, FunctionLog

SINCE = datetime(2024, 1, 15, tzinfo=UTC)
AT = int(SINCE.timestamp() * 1000)


def log_of(*lines: dict[str, Any]) -> FunctionLog:
    events = [
        {"eventId": str(number), "timestamp": AT + number, "message": json.dumps({"level": "ERROR", **line})}
        for number, line in enumerate(lines)
    ]
    logs = Mock()
    logs.get_paginator.return_value.paginate.return_value = [{"events": events}]
    return FunctionLog(logs, "group")


WHY = {"message": "the table is gone", "requestId": "r", "aggregateId": "bob"}
REPORT = {"errorType": "InternalError", "errorMessage": "something failed on our side", "requestId": "r"}


def test_what_the_function_said_of_a_request_is_not_replaced_by_lambdas_report() -> None:
    found = log_of(WHY, REPORT).last_errors(SINCE, {"r", "bob"})

    assert found["r"].told == found["bob"].told == {"level": "ERROR", **WHY}
    assert found[LAST].told == {"level": "ERROR", **REPORT}


def test_of_a_request_that_was_tried_again_the_last_line_counts() -> None:
    again = {**WHY, "message": "the table is gone still"}

    assert log_of(WHY, REPORT, again, REPORT).last_errors(SINCE, {"r"})["r"].told == {"level": "ERROR", **again}
    assert log_of(REPORT, {**REPORT, "errorType": "Other"}).last_errors(SINCE, {"r"})["r"].told == {
        "level": "ERROR",
        **REPORT,
        "errorType": "Other",
    }
