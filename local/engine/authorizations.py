"""What roles were allowed and refused since the engine started, and by which statements of their policies."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.engine import backends
from local.engine.policy_documents import Access, Decision, decide, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import RLock

    from local.engine.principals import Session


@dataclass(frozen=True, order=True)
class Permission:
    """An action in a statement of a policy of a role. An action with wildcards stays one permission."""

    role: str
    policy: str
    sid: str
    action: str


@dataclass(frozen=True)
class Call:
    """What a role's session asked for; equal calls are one, however often they are made."""

    session: Session
    access: Access

    def __str__(self) -> str:
        return f"{self.session.role}: {self.access.action} on {self.access.resource}"


@dataclass(frozen=True)
class Noted:
    """A decision on a call, with what is recorded each time that it is made. `call` is None for the administrator's."""

    decision: Decision
    call: Call | None
    permissions: frozenset[Permission]

    @classmethod
    def of(cls, session: Session | None, access: Access, decision: Decision) -> Noted:
        if session is None:
            return cls(decision, None, frozenset())
        permissions = {
            # Under NotAction it has no name.
            Permission(session.role, policy, statement.sid, statement.acting(access.action) or access.action)
            for policy, statement in decision.by
        }
        return cls(decision, Call(session, access), frozenset(permissions))


class Authorizations:
    """`allowed` and `refused` count the calls."""

    def __init__(self, lock: RLock) -> None:
        self.allowed: Counter[Call] = Counter()
        self.refused: Counter[Call] = Counter()
        self._used: set[Permission] = set()
        self._moto = lock
        self._own = threading.Lock()

    def count(self, noted: Noted) -> None:
        if noted.call is not None:
            with self._own:
                (self.allowed if noted.decision.allowed else self.refused)[noted.call] += 1
                self._used |= noted.permissions

    def used(self, role: str) -> set[Permission]:
        """The permissions that allowed something, by the role's name; with policies that it had at the time."""
        with self._own:
            return {permission for permission in self._used if permission.role == role}

    def unused(self, role: str) -> set[Permission]:
        """The permissions that the role has now and that never allowed anything."""
        with self._moto:
            policies = backends.role_policies(backends.role_arn(role))
        granted = {
            Permission(role, policy, statement.sid, action)
            for policy, text in policies.items()
            for statement in parse(text)
            if statement.allows and not statement.not_actions
            for action in statement.actions
        }
        return granted - self.used(role)

    def refused_under(self, role: str, policies: Mapping[str, str]) -> list[Call]:
        """Which of the role's allowed calls would be refused if these were its policies."""
        with self._own:
            calls = [call for call in self.allowed if call.session.role == role]
        with self._moto:
            return [
                call
                for call in calls
                if not decide(
                    call.access,
                    call.session.principal,
                    policies,
                    backends.resource_policies(call.access.resource),
                ).allowed
            ]
