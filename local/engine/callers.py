"""Who may talk to the endpoint: programs of this machine, and no page that a browser has from elsewhere.

The endpoint takes any credentials and runs code, and every browser on the machine can reach it. What a page cannot
choose are the headers Host, Origin and Sec-Fetch-Site: they say which name the browser looked up, and whose page it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ALLOWED_ORIGINS: frozenset[str] = frozenset()
"""Origins of pages that may call the endpoint, beside its own: `http://127.0.0.1:8080`. The one place for them."""

_PORT = re.compile(r":\d{1,5}$")
# Nobody can have another address looked up for these: `localhost` and what is under it belong to the machine, and what
# ends in a number is no name. SDKs put a bucket, an account or a prefix such as `data-` before the host of an endpoint.
_OF_THIS_MACHINE = re.compile(r"(?:[\w-]+\.)*(?:localhost|127\.0\.0\.1)|\[::1\]", re.ASCII | re.IGNORECASE)
_NOT_OF_AWS = "/moto-api"
"""Where moto has its dashboard and takes orders, such as to forget everything, from whoever asks."""


def refusal(environ: Mapping[str, Any]) -> str | None:
    """Why the request is not answered, as a sentence; None if it is."""
    host = str(environ.get("HTTP_HOST", ""))
    if not _OF_THIS_MACHINE.fullmatch(_PORT.sub("", host)):
        return f"The embedded AWS answers to 127.0.0.1 and localhost, not to the host {host[:100]!a}."
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None:
        if origin != f"http://{host}" and origin not in ALLOWED_ORIGINS:
            return f"The embedded AWS does not answer pages of {str(origin)[:100]!a}."
    elif environ.get("HTTP_SEC_FETCH_SITE", "none") not in {"none", "same-origin"}:  # an image, say, has no Origin
        return "The embedded AWS does not answer pages of other sites."
    if str(environ.get("PATH_INFO", "")).lower().startswith(_NOT_OF_AWS):
        return "The embedded AWS has no moto-api: it is moto's own door, past permissions and faults."
    return None
