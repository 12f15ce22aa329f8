"""The tags of a schema registry, which moto answers with once and then forgets."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from local.engine import backends

if TYPE_CHECKING:
    from local.engine.api import ApiRequest, Response
    from local.engine.gateway import Gateway


class RegistryTags:
    """Keeps them where moto keeps those of schemas."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("glue", "CreateRegistry", self._create)

    def _create(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status == HTTPStatus.OK:
                tags = request.parameters.get("Tags")
                backends.glue(request.region).tag_resource(response.json()["RegistryArn"], tags)
            return response
