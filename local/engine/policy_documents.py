"""IAM policy documents: read once per text, and asked what they say about a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from local.engine.policy_conditions import Condition, Unevaluable
from local.engine.principals import ACCOUNT_NAMES, Principal
from local.engine.wildcards import like

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Context = tuple[tuple[str, str], ...]
"""Condition keys, in lower case, with their values."""

ALLOW_ALL = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
"""What an administrator's policy says."""


@dataclass(frozen=True)
class Access:
    """What is asked for: an action ("dynamodb:PutItem") on a resource, under circumstances."""

    action: str
    resource: str
    context: Context = ()


@dataclass(frozen=True)
class Statement:
    """A statement of a policy. `sid` is its place ("#2") where it has no name."""

    sid: str
    allows: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    principals: Mapping[str, tuple[str, ...]] | None
    conditions: tuple[Condition, ...]

    def concerns(self, access: Access, principal: Principal | None) -> bool:
        """Whether it has its effect on the access. `principal` is None where the policy is the caller's own.

        Raises: Unevaluable, if everything that can be told says that it may.
        """
        return (
            (self.acting(access.action) is not None) is not self.not_actions
            and any(_resource_like(pattern, access.resource) for pattern in self.resources) is not self.not_resources
            and (principal is None or self._names(principal))
            and all(condition.holds(dict(access.context)) for condition in self.conditions)
        )

    def acting(self, action: str) -> str | None:
        """The first of its actions, wildcards and all, that the action falls under."""
        return next((each for each in self.actions if like(each.lower(), action.lower())), None)

    def _names(self, principal: Principal) -> bool:
        if self.principals is None:
            raise Unevaluable("the embedded AWS evaluates no NotPrincipal")
        named = {*self.principals.get(principal.kind, ()), *self.principals.get("*", ())}
        if "*" in named | {*self.principals.get("AWS", ())} or principal.arn in named or principal.also in named:
            return True
        # Allowing the account leaves it to the identities' own policies; denying it denies everybody in it.
        return principal.kind == "AWS" and not self.allows and not named.isdisjoint(ACCOUNT_NAMES)


@dataclass(frozen=True)
class Decision:
    """What policies say. `reason` is AWS's wording of a refusal; `by` are the statements that allow, with policies."""

    allowed: bool
    reason: str = ""
    by: tuple[tuple[str, Statement], ...] = ()


def decide(
    access: Access,
    principal: Principal,
    identity: Mapping[str, str],
    resource: Sequence[str] = (),
    boundary: str | None = None,
) -> Decision:
    """As AWS within one account: any Deny refuses, then any Allow allows, on the caller's side or the resource's.

    `identity` are the caller's own policies by name, `resource` those of the resource. What `boundary` does not allow
    is refused, whoever else allows it (AWS lets a resource's policy that names a session pass). Raises: Unevaluable.
    """
    own = [(name, each) for name, text in identity.items() for each in parse(text) if each.concerns(access, None)]
    others = [("", each) for text in resource for each in parse(text) if each.concerns(access, principal)]
    within = [("", each) for each in parse(boundary or ALLOW_ALL) if each.concerns(access, None)]
    for kind, statements in (
        ("an identity-based policy", own),
        ("a resource-based policy", others),
        ("a permissions boundary", within),
    ):
        if any(not statement.allows for _, statement in statements):
            return Decision(allowed=False, reason=f"with an explicit deny in {kind}")
    for kind, allowing in (("identity-based policy", [*own, *others]), ("permissions boundary", within)):
        if not allowing:
            return Decision(allowed=False, reason=f"because no {kind} allows the {access.action} action")
    return Decision(allowed=True, by=tuple(own))


def decide_entering(
    access: Access, principal: Principal, identity: Mapping[str, str], trust: str, boundary: str | None = None
) -> Decision:
    """Of a role that is to be assumed: its trust has to let the principal in, by name or with all of the account.

    Whom it names needs no policy of their own; whom it leaves to the account does. Raises: Unevaluable.
    """
    decision = decide(access, principal, identity, [trust], boundary)
    let_in = (principal, *(Principal("AWS", name) for name in sorted(ACCOUNT_NAMES)))
    if decision.allowed and not any(
        each.allows and each.concerns(access, who) for each in parse(trust) for who in let_in
    ):
        return Decision(allowed=False, reason=f"because no resource-based policy allows the {access.action} action")
    return decision


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a document. Raises: Unevaluable, if it is none."""
    try:
        statements = _listed(json.loads(text).get("Statement"))
        return tuple(_statement(f"#{number}", each) for number, each in enumerate(statements, 1))
    except (ValueError, AttributeError, KeyError) as error:
        raise Unevaluable(f"this is no policy document: {text}") from error


def _statement(place: str, content: Mapping[str, Any]) -> Statement:
    not_actions, not_resources = "NotAction" in content, "NotResource" in content
    return Statement(
        sid=content.get("Sid") or place,
        allows=content["Effect"] == "Allow",
        actions=_texts(content.get("NotAction" if not_actions else "Action")),
        not_actions=not_actions,
        resources=_texts(content.get("NotResource" if not_resources else "Resource", "*")),
        not_resources=not_resources,
        principals=None if "NotPrincipal" in content else _principals(content.get("Principal")),
        conditions=tuple(
            Condition(operator, key.lower(), _texts(values))
            for operator, keys in (content.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    )


def _principals(element: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(element, str):
        return {"*": (element,)}
    return {kind: _texts(names) for kind, names in (element or {}).items()}


def _resource_like(pattern: str, resource: str) -> bool:
    if "${" in pattern:
        raise Unevaluable(f"the embedded AWS does not fill in the variables of {pattern}")
    return like(pattern, resource)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in _listed(value))


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
