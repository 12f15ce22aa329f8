"""The embedded AWS without its HTTP server, workers and pollers: a gateway with the seams that a test is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import backends, bucket_policies
from local.engine.aws import ServiceClients
from local.engine.gateway import Gateway

Clients = Callable[[str], Any]
"""The client of a service, which passes the gateway and acts as a service of AWS for itself."""


@contextmanager
def aws(*seams: Callable[[Gateway], object]) -> Iterator[Clients]:
    """An empty AWS of moto and these seams."""
    backends.reset()
    bucket_policies.install()  # or what moto says of a bucket would depend on whether an engine ran before
    gateway = Gateway()
    for seam in seams:
        seam(gateway)
    clients = ServiceClients(gateway, "tests.amazonaws.com", "http://127.0.0.1")
    try:
        yield lambda service: clients.get(service, "arn:aws:any:us-east-1:123456789012:any")
    finally:
        backends.reset()


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the message with which the call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
