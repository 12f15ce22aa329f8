"""Entry point of sign-in: which of the API's scopes a user's access token may have, by her groups.

Cognito gives every scope that a client may ask for to every user of it. This trigger (pre token generation, V2_0)
takes those from the token that none of the user's groups has. It asks nobody and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

SERVER = "ledger/"
"""What the scopes of the API begin with: its resource server's name."""
_READ, _WRITE, _OPERATE = (f"{SERVER}{name}" for name in ("read", "write", "operate"))
SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ledger-readers": frozenset({_READ}),
        "ledger-writers": frozenset({_READ, _WRITE}),
        "ledger-operators": frozenset({_READ, _WRITE, _OPERATE}),
    }
)
"""By group of users. Who is in none of them has none."""


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """The trigger's event, with what is taken from the token in its `response`."""
    request = event["request"]
    groups = (request.get("groupConfiguration") or {}).get("groupsToOverride") or []
    taken = _beyond(request.get("scopes") or [], groups)
    event["response"] = {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"scopesToSuppress": taken}}}
    return event


def _beyond(scopes: Iterable[str], groups: Iterable[str]) -> list[str]:
    """The API's scopes, those asked for and all that there are, that none of the groups has."""
    has = frozenset[str]().union(*(SCOPES.get(group, frozenset()) for group in groups))
    ours = {scope for scope in scopes if scope.startswith(SERVER)} | {_READ, _WRITE, _OPERATE}
    return sorted(ours - has)
