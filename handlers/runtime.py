"""What every entry point shares: answers out, faults told apart from the caller's mistakes."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

from .failure import InvocationError
from .settings import setting
from .sourcing.errors import ClockSkewError, LedgerError, MalformedError
from .sourcing.fields import check_identifier
from .sourcing.payload import request_of
from .sourcing.values import Value, dumps, exact

log = logging.getLogger("ledger")
log.setLevel(logging.INFO)

Answer = dict[str, Any]
"""`{"statusCode": int, "body": JSON text}`; from the HTTP API also its `headers`."""

NAMESPACE = setting("METRICS_NAMESPACE")

_MADE_OF_HTTP = frozenset({"http", "httpMethod", "elb"})
"""One of these is in the requestContext of what API Gateway (payload 2.0, 1.0), a function URL (2.0) or a load balancer
makes of an HTTP request."""


class Context(Protocol):
    """What we use of Lambda's context object."""

    @property
    def aws_request_id(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int: ...


class Outcome(NamedTuple):
    """What came of a request: its answer in the form of an API proxy."""

    status: int
    body: Value
    text: str
    """The body's JSON; numbers keep every digit."""

    @classmethod
    def of(cls, status: int, body: Value) -> Outcome:
        return cls(status, body, dumps(body))

    @classmethod
    def refusal(cls, error: LedgerError) -> Outcome:
        """The answer of an error, whatever its status."""
        told = {"code": error.code, "message": error.message, "details": error.details}
        return cls.of(error.status, {"error": told})

    def answer(self) -> Answer:
        """As a direct invocation has it."""
        return {"statusCode": self.status, "body": self.text}


def seconds_left(context: Context) -> Callable[[], float]:
    """A clock that runs towards the function's timeout."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def over_http(event: Any) -> bool:
    """Whether an event is an HTTP request, whose sender waits for an answer. Anything else is a direct invocation, a
    bare `{"body": ...}` too."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    return isinstance(context, dict) and not _MADE_OF_HTTP.isdisjoint(context)


def answering(handle: Callable[[Any, Context], Value]) -> Callable[[Any, Context], Answer]:
    """Make an entry point of a function that returns a body or raises: see `outcome`."""

    def lambda_handler(event: Any, context: Context) -> Answer:
        return outcome(
            lambda: handle(event, context), context, waited_for=over_http(event), about=partial(_about, event)
        ).answer()

    return lambda_handler


def outcome(
    work: Callable[[], Value], context: Context, *, waited_for: bool, about: Callable[[], Mapping[str, str]] = dict
) -> Outcome:
    """What comes of something that returns a body or raises.

    LedgerErrors below 500 are the caller's and become their answers. Everything else is a fault: logged with its trace,
    which nobody else gets to see. Over HTTP it is answered (`waited_for`), and counted in the metric Faults. A direct
    invocation fails (InvocationError), since Lambda takes any answer for a success: so it counts as one of AWS's
    Errors, and one that nobody waits for is tried again and ends as a dead letter. `about` says what else the line of a
    fault tells, so that it is found by the aggregate.
    """
    try:
        return Outcome.of(200, work())
    except LedgerError as error:
        if error.status < 500:  # noqa: PLR2004 -- HTTP's line between theirs and ours
            log.info("refused: %s", error.message, extra={"code": error.code, "details": _loggable(error.details)})
            return Outcome.refusal(error)
        fault = _fault(error, error, about())
        if isinstance(error, ClockSkewError):
            count("ClockSkew", 1, context)
    except Exception as error:  # noqa: BLE001 -- logged, and told as a fault
        message = "something failed on our side; the request can be sent again"
        fault = _fault(error, LedgerError(message, requestId=context.aws_request_id), about())
    if not waited_for:
        raise InvocationError(fault.code, f"{fault.message} (request {context.aws_request_id})")
    count("Faults", 1, context)
    return Outcome.refusal(fault)


def _fault(cause: Exception, told: LedgerError, about: Mapping[str, str]) -> LedgerError:
    """Log what happened, and what the request is about; what is told of it."""
    log.error("fault: %s", cause, exc_info=cause, extra=dict(about))
    return told


def _about(event: Any) -> Mapping[str, str]:
    """The aggregate that a request names, for the log; nothing where it cannot be read."""
    try:
        return {"aggregateId": check_identifier(request_of(event).get("aggregateId"), "aggregateId")}
    except MalformedError:
        return {}


def count(metric: str, value: int, context: Context | None = None, **details: Any) -> None:
    """Count something as a CloudWatch metric of this function, by a log line in the embedded metric format.

    Without a context it is of the process, not of an invocation.
    """
    line = {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [{"Name": metric, "Unit": "Count"}],
                }
            ],
        },
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        **({"requestId": context.aws_request_id} if context else {}),
        metric: value,
        **details,
    }
    print(json.dumps(line), flush=True)  # noqa: T201 -- the format is read from standard output


def _loggable(details: Mapping[str, Any]) -> Any:
    return json.loads(dumps(exact(dict(details), "details")))
