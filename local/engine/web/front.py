"""Puts the web together: what people and browsers talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.engine.web.authorizers import Authorizers
from local.engine.web.cloudfront import CloudFront
from local.engine.web.distributions import Distributions
from local.engine.web.http_apis import HttpApis
from local.engine.web.issuers import Issuers
from local.engine.web.origins import Origins
from local.engine.web.user_pools import UserPools

if TYPE_CHECKING:
    from local.engine.background import Background
    from local.engine.clock import Clock
    from local.engine.gateway import Gateway
    from local.engine.web.origins import KeptPorts


class Front:
    """All origins of an engine. `port` is the endpoint's where somebody chose it, else 0; `region` is its own."""

    def __init__(
        self, gateway: Gateway, background: Background, clock: Clock, *, port: int, kept: KeptPorts, region: str
    ) -> None:
        self._origins = Origins(port, kept)
        self._issuers = Issuers(gateway.lock)
        authorizers = Authorizers(gateway.authorizer, self._issuers, clock)
        UserPools(gateway, self._origins, clock)
        CloudFront(gateway, self._origins, Distributions(gateway, self._origins), region)
        HttpApis(gateway, background, self._origins, authorizers, clock)

    def stop(self) -> None:
        """Ends every listener. Waits at most 5 s for each one's requests."""
        self._origins.stop()
        self._issuers.close()
