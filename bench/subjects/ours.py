"""The ledger through its real entry points, as Lambda calls them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from botocore.config import Config

from handlers.store import clients

# DynamoDB Local takes seconds for a page out of a stream of 100,000 events, where DynamoDB takes milliseconds.
clients._DYNAMODB = clients._DYNAMODB.merge(Config(read_timeout=60))

from handlers import command, process, projection, query

_ENTRY_POINTS: Mapping[str, Callable[[Any, Any], dict[str, Any]]] = {
    "append": command.lambda_handler,
    "query": query.lambda_handler,
    "project": projection.lambda_handler,
    "carry": process.lambda_handler,
}


def _log_as_lambda_does() -> None:
    handler = logging.StreamHandler(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 -- until the end
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    failures = logging.StreamHandler()  # to the one who runs the benchmark
    failures.setLevel(logging.ERROR)
    logging.getLogger().addHandler(failures)


class _Context:
    """What the handlers use of Lambda's context."""

    aws_request_id = "8f507a1e-5b6c-4f0e-9b7a-0d6c8f0a1b2c"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def _meet(account: str, met: bool) -> None:
    reader = command._ledger.reader
    reader._kept.forget(account)
    if met:
        reader.read(account, "nobody's")


_log_as_lambda_does()


def prepare(task: Mapping[str, Any]) -> Callable[[], object]:
    """Do: append, query (both with the request in `command`), project and carry (with the queue's batch there).

    An append is to an account that this process has not met, or just did (`met`). What was kept of the sample before is
    forgotten either way: the event that it appended is taken back.
    """
    entry_point, event = _ENTRY_POINTS[task["do"]], task["command"]
    if task["do"] == "append":
        _meet(event["aggregateId"], task.get("met", False))

    def run() -> None:
        answer = entry_point(event, _Context())
        if answer.get("statusCode", 200) != 200 or answer.get("batchItemFailures"):  # noqa: PLR2004 -- HTTP's OK
            raise RuntimeError(str(answer))

    return run
