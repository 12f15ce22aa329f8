"""The tokens of a user pool, as Cognito's token endpoint writes them: for access, with scopes, and of identity."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.web import issuers, lambdas, token_trigger, tokens
from local.engine.web.token_trigger import Draft, TriggerFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.api import Response
    from local.engine.clock import Clock
    from local.engine.gateway import Gateway
    from local.engine.web.grants import Grant

SERVICE = "cognito-idp.amazonaws.com"
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_DEFAULT_SECONDS = {"AccessToken": 3600, "IdToken": 3600, "RefreshToken": 30 * 86_400}
_UNITS = {"AccessToken": "hours", "IdToken": "hours", "RefreshToken": "days"}


class UserTokens:
    """Writes them. Waits for the pool's trigger, if it has one."""

    def __init__(self, gateway: Gateway, clock: Clock, region: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._region = region

    def of(self, grant: Grant, source: str) -> dict[str, Any]:
        """What the token endpoint answers, but for a refresh token. Raises: TriggerFailed, LookupError."""
        now = int(self._clock.now())
        with self._gateway.lock:
            pool = backends.user_pool(self._region, grant.pool_id)
            client, user = pool.clients[grant.client_id], pool.users[grant.username]
            if not user.enabled:
                raise LookupError(grant.username)
            settings = dict(client.extended_config)
            attributes = {"sub": user.id, **user.attribute_lookup, "cognito:user_status": str(user.status.value)}
            groups = tuple(sorted(group.group_name for group in user.groups))
            trigger = backends.pool_trigger(pool)
            pool_arn, key, subject = pool.arn, backends.pool_signing_key(pool), user.id
        draft = Draft(
            access={"username": grant.username},
            identity=_readable(attributes) | {"cognito:username": grant.username},
            scopes=grant.scopes,
            groups=groups,
        )
        if trigger is not None:
            asked = token_trigger.event(
                region=self._region,
                pool_id=grant.pool_id,
                client_id=grant.client_id,
                username=grant.username,
                source=source,
                attributes=attributes,
                scopes=grant.scopes,
                groups=groups,
            )
            draft = token_trigger.applied(draft, self._triggered(trigger, pool_arn, asked))
        common = {
            "sub": subject,
            "iss": issuers.of_pool(self._region, grant.pool_id),
            "origin_jti": grant.origin_jti,
            "event_id": str(uuid.uuid4()),
            "auth_time": int(grant.signed_in),
            "iat": now,
            **({"cognito:groups": list(draft.groups)} if draft.groups else {}),
        }
        lives = validity(settings, "AccessToken")
        access = {
            **draft.access,
            **common,
            "version": 2,
            "client_id": grant.client_id,
            "token_use": "access",
            "scope": " ".join(draft.scopes),
            "exp": now + lives,
            "jti": str(uuid.uuid4()),
        }
        answer = {
            "access_token": tokens.sign(access, key, backends.POOL_KEY),
            "token_type": "Bearer",
            "expires_in": lives,
        }
        if "openid" in grant.scopes:
            identity = {
                **draft.identity,
                **common,
                "aud": grant.client_id,
                "token_use": "id",
                "exp": now + validity(settings, "IdToken"),
                "jti": str(uuid.uuid4()),
                **({"nonce": grant.nonce} if grant.nonce else {}),
            }
            answer["id_token"] = tokens.sign(identity, key, backends.POOL_KEY)
        return answer

    def lasting(self, grant: Grant) -> Grant:
        """The grant as a refresh token has it. Raises: LookupError."""
        with self._gateway.lock:
            client = backends.user_pool(self._region, grant.pool_id).clients[grant.client_id]
            lives = validity(client.extended_config, "RefreshToken")
        return replace(grant, expires=grant.signed_in + lives)

    def _triggered(self, function: str, pool_arn: str, event: bytes) -> bytes:
        if not self._gateway.authorizer.admits(SERVICE, "lambda:InvokeFunction", function, pool_arn):
            raise TriggerFailed("PreTokenGeneration invocation failed due to error AccessDeniedException")
        answer: Response = lambdas.invoke(self._gateway, SERVICE, function, event)
        if answer.status != 200 or "x-amz-function-error" in answer.headers:  # noqa: PLR2004
            raise TriggerFailed("PreTokenGeneration failed")
        return answer.body


def validity(settings: Mapping[str, Any], of: str) -> int:
    """For how many seconds a client's tokens of that kind are good."""
    given = settings.get(f"{of}Validity")
    if not given:
        return _DEFAULT_SECONDS[of]
    unit = (settings.get("TokenValidityUnits") or {}).get(of) or _UNITS[of]
    return int(given) * _SECONDS[unit]


def _readable(attributes: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in {"sub", "cognito:user_status"}}
