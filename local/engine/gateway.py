"""Where every API call passes: counted, perhaps intercepted, authorised, then answered by a seam or by moto."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from local.engine import inputs
from local.engine.api import ApiError, ApiRequest, Response
from local.engine.authorization import Authorizer
from local.engine.links import OUTSIDE, Links
from local.engine.moto_handlers import Moto

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_logger = logging.getLogger(__name__)

Seam = Callable[[ApiRequest], Response]
Check = Callable[[ApiRequest], None]
"""Raises ApiError or NotImplementedError for what is refused."""
Fault = Callable[["InterceptedRequest"], Response | None]


class InterceptedRequest:
    """What a fault gets to see, and what it can do with it.

    A fault returns None to let the call pass, or the Response that the caller gets. It may `forward()` the call first,
    so that it takes effect whatever is answered, or `wait()` to make it slow.
    """

    def __init__(self, request: ApiRequest, forward: Seam, released: threading.Event) -> None:
        self.request = request
        self._forward = forward
        self._released = released

    @property
    def service(self) -> str:
        return self.request.service

    @property
    def operation(self) -> str:
        return self.request.operation

    @property
    def principal(self) -> str | None:
        """The AWS service that calls, None if the call comes from outside (a worker, a client)."""
        return self.request.principal

    def forward(self, body: bytes | None = None) -> Response:
        """Carries out the call (with another body, if given) and returns its answer."""
        return self._forward(self.request if body is None else self.request.with_body(body))

    def error(self, code: str, message: str = "Injected fault", status: int = 400) -> Response:
        return self.request.error(code, message, status)

    def wait(self, seconds: float | None = None) -> None:
        """Holds the call; it goes on early when the interception ends or the engine stops."""
        self._released.wait(seconds)


class _Interception:
    def __init__(self, service: str, operation: str, fault: Fault) -> None:
        self.key = (service, operation)
        self.fault = fault
        self.released = threading.Event()


class Gateway:
    """Answers API calls. Moto's backends are not thread-safe: every use of them, here or in a seam, holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.links = Links()
        self.authorizer = Authorizer(self.lock)
        self.calls: Counter[tuple[str, str]] = Counter()
        self._calls_lock = threading.Lock()
        self._seams: dict[tuple[str, str], Seam] = {}
        self._services: dict[str, Seam] = {}
        self._checks: dict[tuple[str, str], list[Check]] = {}
        self._interceptions: list[_Interception] = []
        self._moto = Moto()

    def seam(self, service: str, operation: str, answer: Seam) -> None:
        """Lets `answer` take the place of moto for one operation (it may still call `moto`)."""
        self._seams[service, operation] = answer

    def service(self, service: str, answer: Seam) -> None:
        """Lets `answer` take the place of moto for a whole service, but for the operations that have a seam.

        It is called without `lock`: what keeps its state elsewhere is not to hold up the rest of AWS.
        """
        self._services[service] = answer

    def before(self, service: str, operation: str, check: Check) -> None:
        """Lets `check` refuse an authorised call of the operation before it is answered, whoever answers it."""
        self._checks.setdefault((service, operation), []).append(check)

    @contextlib.contextmanager
    def intercept(self, service: str, operation: str, fault: Fault) -> Iterator[None]:
        interception = _Interception(service, operation, fault)
        self._interceptions = [*self._interceptions, interception]
        try:
            yield
        finally:
            self._interceptions = [other for other in self._interceptions if other is not interception]
            interception.released.set()

    def close(self) -> None:
        """Lets go of every call that a fault or a link holds."""
        self.links.close()
        for interception in self._interceptions:
            interception.released.set()

    def handle(self, request: ApiRequest) -> Response:
        """Answers the call. Calls that AWS services make among themselves are not counted.

        Raises: AnswerLost if a fault says so, or the link that the call takes is cut.
        """
        if request.principal is None:
            with self._calls_lock:
                self.calls[request.service, request.operation] += 1
            if self.links.faulty:
                self.links.cross(self.authorizer.home(request.access_key) or OUTSIDE, request.region)
        for interception in self._interceptions:
            if interception.key == (request.service, request.operation):
                seen = InterceptedRequest(request, self._perform, interception.released)
                response = interception.fault(seen)
                if response is not None:
                    return response
        return self._perform(request)

    def _perform(self, request: ApiRequest) -> Response:
        try:
            return self._answer(request)
        finally:
            self.authorizer.called(request.service, request.operation)

    def _answer(self, request: ApiRequest) -> Response:
        seam = self._seams.get((request.service, request.operation)) or self._services.get(request.service)
        checks = self._checks.get((request.service, request.operation), ())
        try:
            inputs.check(request)
            if seam is None:
                with self.lock:  # once for all: moto is what everybody waits for
                    self._check(request, checks)
                    return self.moto(request)
            self._check(request, checks)
            return seam(request)
        except ApiError as error:
            return request.error(error.code, error.message, error.status)
        except NotImplementedError as error:
            # 501, not 500: an SDK would try a 500 again.
            what = f"{request.service} {request.operation or request.path}"
            return request.error("NotImplemented", f"The embedded AWS does not have {what}: {error}", 501)
        except Exception as error:
            if mistake := inputs.mistake(request):
                return request.error(mistake.code, mistake.message, mistake.status)
            _logger.exception("%s %s failed", request.service, request.operation)
            return request.error("InternalFailure", f"{type(error).__name__}: {error}", 500)

    def _check(self, request: ApiRequest, checks: Sequence[Check]) -> None:
        """Raises: ApiError, NotImplementedError."""
        if ambiguity := request.ambiguity:
            raise NotImplementedError(ambiguity)
        self.authorizer.check(request)
        for check in checks:
            check(request)

    def moto(self, request: ApiRequest) -> Response:
        """Answers the call with what moto has for it."""
        with self.lock:
            return self._moto.answer(request)
