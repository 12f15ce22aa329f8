"""The ClientRequestToken of a transaction, which moto does not look at: SDKs send one with every transaction.

Who sends a transaction again because its answer was lost is answered as the first time, and nothing is written twice.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from local.engine.api import ApiError

if TYPE_CHECKING:
    from local.engine.api import ApiRequest, Response

SECONDS = 600.0
"""How long a token is remembered, as on AWS."""


class _Known(NamedTuple):
    digest: bytes
    answer: Response
    until: float


class Tokens:
    """Remembers what succeeded under a token; what failed is tried again. Needs a lock around each call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    def once(self, request: ApiRequest, write: Callable[[], Response]) -> Response:
        """The answer of `write`, or the one that it gave before under the same token.

        Raises: ApiError for a token that stands for another transaction.
        """
        self._forget()
        asked = dict(request.parameters)
        token = asked.pop("ClientRequestToken", None)
        if not token:
            return write()
        key = (request.region, str(token))
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
        known = self._known.get(key)
        if known is None:
            answer = write()
            if answer.status < 300:  # noqa: PLR2004 - a success
                self._known[key] = _Known(digest, answer, self._clock() + SECONDS)
            return answer
        if known.digest != digest:
            reason = f"The token {token} was used for a transaction with other parameters."
            raise ApiError("IdempotentParameterMismatchException", reason)
        return known.answer

    def _forget(self) -> None:
        now = self._clock()
        while self._known and next(iter(self._known.values())).until <= now:
            self._known.popitem(last=False)
