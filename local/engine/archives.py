"""The key of an archive, which moto forgets."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from local.engine import backends
from local.engine.api import ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.gateway import Gateway


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
