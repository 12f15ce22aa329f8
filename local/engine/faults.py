"""Ready-made faults for `Engine.intercept`: what goes wrong between a program and AWS.

with engine.intercept("events", "PutEvents", faults.error("ThrottlingException", 400, times=2)):
    ...
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from local.engine import exact_json
from local.engine.api import AnswerLost, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.gateway import Fault, InterceptedRequest


def error(code: str, status: int = 400, message: str = "Injected fault", *, times: int | None = None) -> Fault:
    """The call has no effect, and fails with `code`: every time, or the first `times` times."""
    return _limited(lambda request: request.error(code, message, status), times)


def lost_answer(*, times: int | None = None) -> Fault:
    """The call takes effect, but the caller's connection breaks before the answer."""

    def fault(request: InterceptedRequest) -> Response:
        request.forward()
        raise AnswerLost

    return _limited(fault, times)


def error_after_effect(code: str = "InternalServerError", status: int = 500, *, times: int | None = None) -> Fault:
    """The call takes effect, but the caller is told that it failed."""

    def fault(request: InterceptedRequest) -> Response:
        request.forward()
        return request.error(code, "Injected fault", status)

    return _limited(fault, times)


def delay(seconds: float, *, times: int | None = None) -> Fault:
    """The call takes effect late."""

    def fault(request: InterceptedRequest) -> Response | None:
        request.wait(seconds)
        return None

    return _limited(fault, times)


def hang(*, times: int | None = None) -> Fault:
    """No effect and no answer, until the caller gives up or the interception ends; then the connection breaks."""

    def fault(request: InterceptedRequest) -> Response:
        request.wait()
        raise AnswerLost

    return _limited(fault, times)


def partial_put_events(
    fails: Callable[[dict[str, Any]], bool], code: str = "InternalFailure", *, times: int | None = None
) -> Fault:
    """PutEvents succeeds, but the entries for which `fails` says so do not."""

    def fault(request: InterceptedRequest) -> Response:
        entries = exact_json.loads(request.request.body)["Entries"]
        good = [entry for entry in entries if not fails(entry)]
        results = iter(())
        if good:
            answer = request.forward(exact_json.dumps({"Entries": good}).encode())
            if answer.status != 200:  # noqa: PLR2004
                return answer
            results = iter(answer.json()["Entries"])
        failure = {"ErrorCode": code, "ErrorMessage": "Injected fault"}
        answers = [failure if fails(entry) else next(results) for entry in entries]
        failed = sum("ErrorCode" in entry for entry in answers)
        return Response.of_json({"FailedEntryCount": failed, "Entries": answers})

    return _limited(fault, times)


def _limited(fault: Fault, times: int | None) -> Fault:
    """`fault` for the first `times` calls, however many threads they come from; afterwards calls pass."""
    lock = threading.Lock()
    left = times

    def limited(request: InterceptedRequest) -> Response | None:
        nonlocal left
        with lock:
            if left == 0:
                return None
            if left is not None:
                left -= 1
        return fault(request)

    return limited
