"""Moto within this process, quick to begin: most tests of the handlers take less time than moto's own beginning."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.endpoint import Endpoint
from moto import mock_aws
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.models import MockAWS, botocore_stubber

from . import direct_moto

ACCOUNT, REGION = "123456789012", "us-east-1"


def _enable(_: object, reset: bool = True) -> None:
    botocore_stubber.enabled = True
    if reset:
        BackendDict.reset()


def _disable(_: object, remove_data: bool) -> None:
    botocore_stubber.enabled = False
    if remove_data:
        BackendDict.reset()


@contextmanager
def boto_alone() -> Iterator[None]:
    """An empty AWS that answers boto3. Moto's own also answers whoever asks by HTTP: 1,300 patterns each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MockAWS, "_enable_patching", _enable)
        patch.setattr(MockAWS, "_disable_patching", _disable)
        patch.setattr(Endpoint, "_send_request", direct_moto.send)
        with mock_aws(), pytest.MonkeyPatch.context() as inner:
            inner.setattr(boto3, "DEFAULT_SESSION", _session())
            yield


@cache
def _session() -> boto3.Session:
    """The default session of all these, with the credentials that moto makes up for each.

    Clients take what else there is from the environment, whenever one is made. A session takes longer than a client.
    """
    session = boto3.Session()
    assert session.get_credentials()
    return session


_asked: dict[tuple[str, str], bytes] = {}
"""What moto's API asks its backends for; pickled, since these keep what they are given."""


def make(service: Any, operation: str, **arguments: Any) -> None:
    """Have moto make something as the operation makes it; the API itself, which costs the time, is asked once."""
    key = f"{service}.{operation}", repr(arguments)
    method, backends = xform_name(operation), get_backend(service)[ACCOUNT]
    backend = backends[REGION if REGION in backends else "aws"]  # which is where the services are that have no Regions
    if key in _asked:
        positional, named = pickle.loads(_asked[key])  # noqa: S301 - our own
        getattr(backend, method)(*positional, **named)
        return
    proceed = getattr(type(backend), method)

    def noting(self: Any, *positional: Any, **named: Any) -> Any:
        _asked[key] = pickle.dumps((positional, named))
        return proceed(self, *positional, **named)

    client_of: Any = boto3.client
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(backend), method, noting)
        getattr(client_of(service, region_name=REGION), method)(**arguments)
    assert key in _asked, f"{operation} does not ask moto's backend for {method}"


def make_tables(tables: Iterable[dict[str, Any]]) -> None:
    """As CreateTable makes them."""
    for table in tables:
        make("dynamodb", "CreateTable", **table)


@contextmanager
def quick_moto(tables: Iterable[dict[str, Any]], *buses: str) -> Iterator[None]:
    """An AWS of these tables and buses, all empty."""
    with boto_alone():
        make_tables(tables)
        for bus in buses:
            make("events", "CreateEventBus", Name=bus)
        yield
