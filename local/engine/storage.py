"""Where the engine's state is: in memory, as moto has it, or in a folder that outlives it (`durable`)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from local.engine.pending import NothingPending, Pending
from local.engine.stream_source import MotoStream, OpenStream
from local.engine.streams_api import StreamsApi
from local.engine.transactions import Transactions
from local.engine.web.origins import NothingKept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.gateway import Gateway
    from local.engine.web.origins import KeptPorts


class KeptNames(Protocol):
    """The physical names of a stack, by the URN of the resource and the property that holds the name."""

    def known(self) -> Mapping[tuple[str, str], str]: ...

    def keep(self, urn: str, prop: str, name: str) -> None: ...


class Storage(Protocol):
    """What differs between the two."""

    @property
    def open_stream(self) -> OpenStream: ...

    @property
    def pending(self) -> Pending: ...

    @property
    def names(self) -> KeptNames | None:
        """Gives the names that a stack had before; None where there was nothing before."""

    @property
    def ports(self) -> KeptPorts:
        """Of the origins."""

    def close(self) -> None:
        """Comes last: nobody writes any more."""


class InMemory:
    """Everything is gone at the end."""

    def __init__(self, gateway: Gateway) -> None:
        StreamsApi(gateway)
        Transactions(gateway)
        self.open_stream: OpenStream = partial(MotoStream, gateway.lock)
        self.pending: Pending = NothingPending()
        self.names: KeptNames | None = None
        self.ports: KeptPorts = NothingKept()

    def close(self) -> None:
        """There is nothing to close."""
