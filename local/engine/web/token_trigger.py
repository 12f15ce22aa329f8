"""The pre-token-generation trigger of a user pool, version V2_0: what it is asked, and what its answer changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROTECTED = frozenset(
    {
        "acr", "amr", "at_hash", "auth_time", "azp", "client_id", "cognito:groups", "cognito:username", "device_key",
        "event_id", "exp", "iat", "identities", "iss", "jti", "nbf", "nonce", "origin_jti", "scope", "sub", "token_use",
        "username", "version",
    }
)  # fmt: skip
"""Claims that no trigger changes; what it says of them is passed over."""


class TriggerFailed(Exception):  # noqa: N818 - reads as what happened
    """There are no tokens. The message is for who signs in, and says nothing of the function's inside."""


@dataclass(frozen=True)
class Draft:
    """Tokens before they are written: the claims of both, the scopes and the groups."""

    access: Mapping[str, Any]
    identity: Mapping[str, Any]
    scopes: tuple[str, ...]
    groups: tuple[str, ...] = field(default=())


def event(  # one argument for each member
    *,
    region: str,
    pool_id: str,
    client_id: str,
    username: str,
    source: str,
    attributes: Mapping[str, str],
    scopes: tuple[str, ...],
    groups: tuple[str, ...],
) -> bytes:
    """`source` is what tokens are asked by: "TokenGeneration_HostedAuth" or "TokenGeneration_RefreshTokens"."""
    of_groups = {"groupsToOverride": list(groups), "iamRolesToOverride": [], "preferredRole": None}
    content = {
        "version": "2",
        "triggerSource": source,
        "region": region,
        "userPoolId": pool_id,
        "userName": username,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "request": {
            "userAttributes": dict(attributes),
            "groupConfiguration": of_groups,
            "scopes": list(scopes),
        },
        "response": {"claimsAndScopeOverrideDetails": None},
    }
    return json.dumps(content).encode()


def applied(draft: Draft, answer: bytes) -> Draft:
    """The draft as the trigger's answer has it. Raises: TriggerFailed."""
    try:
        details = json.loads(answer)["response"].get("claimsAndScopeOverrideDetails") or {}
        access = details.get("accessTokenGeneration") or {}
        identity = details.get("idTokenGeneration") or {}
        suppressed = set(access.get("scopesToSuppress") or ())
        added = [str(each) for each in access.get("scopesToAdd") or ()]
        scopes = tuple(dict.fromkeys([each for each in (*draft.scopes, *added) if each not in suppressed]))
        of_groups = details.get("groupOverrideDetails") or {}
        groups = tuple(map(str, of_groups["groupsToOverride"])) if "groupsToOverride" in of_groups else draft.groups
        return replace(
            draft,
            access=_changed(draft.access, access),
            identity=_changed(draft.identity, identity),
            scopes=scopes,
            groups=groups,
        )
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise TriggerFailed("PreTokenGeneration returned an invalid response") from error


def _changed(claims: Mapping[str, Any], by: Mapping[str, Any]) -> dict[str, Any]:
    added = {name: value for name, value in (by.get("claimsToAddOrOverride") or {}).items() if name not in _PROTECTED}
    gone = set(by.get("claimsToSuppress") or ()) - _PROTECTED
    return {name: value for name, value in {**claims, **added}.items() if name not in gone}
