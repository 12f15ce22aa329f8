"""The key of an archive, which moto forgets, and its events, which it would keep as objects: several times the text."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.engine import backends, exact_json
from local.engine.api import ApiRequest, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.engine.gateway import Gateway

_init_of_archive = backends.Archive.__init__


def install() -> None:
    """From here on moto's archives keep texts. Calling it again changes nothing."""
    backends.Archive.__init__ = _init_archive


class ArchivedEvents:
    """The events of an archive, in the order in which they came, as JSON in which numbers keep their text."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._size = 0

    def append(self, event: dict[str, Any]) -> None:
        self._texts.append(exact_json.dumps(event).encode())
        self._size += len(self._texts[-1])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(exact_json.loads, self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __sizeof__(self) -> int:
        """Moto takes this for the size of what is archived."""
        return self._size


def _init_archive(archive: Any, *arguments: Any, **named: Any) -> None:
    _init_of_archive(archive, *arguments, **named)
    archive.events = ArchivedEvents()


class Archives:
    """Keeps the key on moto's record of the archive. It encrypts nothing, as all keys here."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("events", "CreateArchive", self._change)
        gateway.seam("events", "UpdateArchive", self._change)
        gateway.seam("events", "DescribeArchive", self._describe)

    def _change(self, request: ApiRequest) -> Response:
        asked = request.parameters
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status == HTTPStatus.OK and "KmsKeyIdentifier" in asked:
                archive = backends.events(request.region).archives[asked["ArchiveName"]]
                archive.kms_key = asked["KmsKeyIdentifier"]
            return response

    def _describe(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status != HTTPStatus.OK:
                return response
            archive = backends.events(request.region).archives[request.parameters["ArchiveName"]]
            key = getattr(archive, "kms_key", "")
        return Response.of_json({**response.json(), "KmsKeyIdentifier": key}) if key else response
