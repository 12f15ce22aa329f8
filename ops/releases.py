"""Which version of a function its callers are answered by, and how CodeDeploy moves them to another one.

Those that read come before those that write, and go back behind them: whoever is answered by the new code may write
what the old code cannot read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.system import OperatorError, System

ORDER: Sequence[Sequence[str]] = (("query", "validate"), ("command",))
"""Who is moved together, and who first."""

AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce"
POLL_SECONDS = 5.0
_UNDER_WAY = ("Created", "Queued", "InProgress", "Baking", "Ready")
_DONE = "Succeeded"
_SHOWN = 25
"""Of the deployments of a function, the newest: so many are told of in one call."""


@dataclass(frozen=True)
class Standing:
    """Where the callers of one function are."""

    label: str
    function: str
    alias: str
    group: str
    published: str
    """The version that the last `up` made."""
    shares: Mapping[str, float]
    """Of the callers, by the version that answers them."""
    revision: str
    """Of the alias, as it was when it was looked at."""

    @property
    def version(self) -> str:
        """The one that most are answered by, or all."""
        return max(self.shares, key=lambda version: self.shares[version])

    @property
    def is_settled(self) -> bool:
        return set(self.shares) == {self.published}


@dataclass(frozen=True)
class Deployment:
    """What CodeDeploy did or does for one function."""

    id: str
    status: str
    problem: str
    before: str
    after: str
    """The versions that it leads from and to."""
    by_hand: bool
    """And not by CodeDeploy itself, to roll another one back."""
    created: float

    @property
    def is_under_way(self) -> bool:
        return self.status in _UNDER_WAY

    @property
    def is_done(self) -> bool:
        return self.status == _DONE


class Failed(OperatorError):  # noqa: N818 - reads as what happened
    """CodeDeploy moved the callers back, or did not get them there."""


@dataclass(frozen=True)
class Releases:
    """The functions of a stack whose callers CodeDeploy moves."""

    system: System
    tell: Callable[[str], object]
    """Is told each step, for people."""
    pause: Callable[[float], object] = time.sleep
    told: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def standing(self, label: str) -> Standing:
        """One request."""
        release = self._release(label)
        function, alias = release["function"], release["alias"]
        found = self.system.client("lambda").get_alias(FunctionName=function, Name=alias)
        others: Mapping[str, float] = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        left = round(1 - sum(others.values()), 6)
        shares = {version: share for version, share in {found["FunctionVersion"]: left, **others}.items() if share}
        return Standing(label, function, alias, release["group"], release["version"], shares, found["RevisionId"])

    def deployments(self, label: str) -> list[Deployment]:
        """The newest, the last first. Two requests."""
        group, client = self._release(label)["group"], self.system.client("codedeploy")
        application = self.system.output("deployApplication")
        listed = client.list_deployments(applicationName=application, deploymentGroupName=group)
        ids = listed["deployments"][:_SHOWN]
        found = client.batch_get_deployments(deploymentIds=ids)["deploymentsInfo"] if ids else []
        return sorted(map(_deployment, found), key=lambda each: each.created, reverse=True)

    def start(self, *, at_once: bool = False) -> None:
        """Move the callers to what the last `up` published, one stage after the other. Waits until all are there.

        A deployment that is under way is waited for. Raises: Failed, with the stages behind not begun.
        """
        for stage in ORDER:
            begun = {label: id_ for label in stage if (id_ := self._begun(label, at_once=at_once))}
            self._await(begun)

    def roll_back(self) -> int:
        """Move the callers back to where they were before, the last stage first, at once; how many functions it was.

        What is under way is stopped, and CodeDeploy itself goes back. Raises: Failed.
        """
        moved = 0
        for stage in reversed(ORDER):
            stopped = {label: id_ for label in stage if (id_ := self._stopped(label))}
            self._await_whole(stopped)
            moved += len(stopped) + sum(self._put_back(label) for label in stage if label not in stopped)
        return moved

    def prunable(self, label: str, keep: int) -> list[str]:
        """The published versions that can go, the oldest first: four requests and a page of 50 versions each.

        What stays are the newest `keep`, and whatever callers are at, or would come to by `start` or `roll_back`.
        Raises: OperatorError while a deployment is under way.
        """
        standing, deployments = self.standing(label), self.deployments(label)
        if any(each.is_under_way for each in deployments):
            raise OperatorError(f"a deployment of {label} is under way: wait for it, by `ops deploy start`")
        pages = self.system.client("lambda").get_paginator("list_versions_by_function")
        told = pages.paginate(FunctionName=standing.function)
        numbers = sorted(
            int(each["Version"]) for page in told for each in page["Versions"] if each["Version"].isdigit()
        )
        before = _led_to(standing.version, deployments)
        needed = {*standing.shares, standing.published, *([before.before] if before else [])}
        older = numbers[: max(0, len(numbers) - keep)]
        return [str(number) for number in older if str(number) not in needed]

    def prune(self, label: str, versions: Sequence[str]) -> None:
        """Delete these versions of the function, with what was kept for them. A request each."""
        function = self._release(label)["function"]
        for version in versions:
            self.system.client("lambda").delete_function(FunctionName=function, Qualifier=version)
            self.tell(f"{label}: version {version} is deleted")

    def _begun(self, label: str, *, at_once: bool) -> str:
        """The deployment that is under way now; empty where there is nothing to do."""
        if under_way := next((each for each in self.deployments(label) if each.is_under_way), None):
            self.tell(f"{label}: {under_way.id} is under way, from version {under_way.before} to {under_way.after}")
            return under_way.id
        standing = self.standing(label)
        if standing.is_settled:
            self.tell(f"{label}: all callers are at version {standing.published}")
            return ""
        made = self.system.client("codedeploy").create_deployment(
            applicationName=self.system.output("deployApplication"),
            deploymentGroupName=standing.group,
            revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": _app_spec(standing)}},
            **({"deploymentConfigName": AT_ONCE} if at_once else {}),
        )
        self.tell(f"{label}: {made['deploymentId']} begins, from version {standing.version} to {standing.published}")
        return str(made["deploymentId"])

    def _await(self, begun: Mapping[str, str]) -> None:
        left = dict(begun)
        problems: list[str] = []
        while left:
            for label, id_ in list(left.items()):
                found = self._one(id_)
                self._tell_shares(label)
                if not found.is_under_way:
                    del left[label]
                    self.tell(f"{label}: {found.status}{': ' if found.problem else ''}{found.problem}")
                    if not found.is_done:
                        problems.append(
                            f"{label} is not moved to version {found.after}: {found.problem or found.status}"
                        )
            if left:
                self.pause(POLL_SECONDS)
        if problems:
            raise Failed("; ".join(problems))

    def _stopped(self, label: str) -> str:
        under_way = next((each for each in self.deployments(label) if each.is_under_way), None)
        if under_way is None:
            return ""
        self.system.client("codedeploy").stop_deployment(deploymentId=under_way.id, autoRollbackEnabled=True)
        self.tell(f"{label}: {under_way.id} is stopped, back to version {under_way.before}")
        return under_way.id

    def _await_whole(self, stopped: Mapping[str, str]) -> None:
        """Until nothing is under way of these, CodeDeploy's own way back included."""
        for label, id_ in stopped.items():
            before = self._one(id_).before
            while any(each.is_under_way for each in self.deployments(label)) or set(self.standing(label).shares) != {
                before
            }:
                self._tell_shares(label)
                self.pause(POLL_SECONDS)

    def _put_back(self, label: str) -> int:
        """1 where an alias was moved, 0 where nothing was before."""
        standing = self.standing(label)
        last = _led_to(standing.version, self.deployments(label))
        if last is None:
            self.tell(f"{label}: nothing led to version {standing.version}: it stays")
            return 0
        self.system.client("lambda").update_alias(
            FunctionName=standing.function,
            Name=standing.alias,
            FunctionVersion=last.before,
            RoutingConfig={"AdditionalVersionWeights": {}},
            RevisionId=standing.revision,
        )
        self.tell(f"{label}: from version {standing.version} back to {last.before}")
        return 1

    def _one(self, id_: str) -> Deployment:
        return _deployment(self.system.client("codedeploy").get_deployment(deploymentId=id_)["deploymentInfo"])

    def _tell_shares(self, label: str) -> None:
        shares = self.standing(label).shares
        if self.told.get(label) != shares:
            self.told[label] = shares
            self.tell(f"{label}: {shown(shares)}")

    def _release(self, label: str) -> Mapping[str, str]:
        releases: Mapping[str, Mapping[str, str]] | None = self.system.outputs.get("releases")
        if releases is None:
            raise OperatorError("the stack's setting deployment is direct: an `up` moves all callers, and nothing else")
        return releases[label]


def shown(shares: Mapping[str, float]) -> str:
    """For people, the version of most first."""
    ordered = sorted(shares, key=lambda version: shares[version], reverse=True)
    return ", ".join(f"{shares[version]:.0%} at version {version}" for version in ordered)


def _led_to(version: str, deployments: Sequence[Deployment]) -> Deployment | None:
    """The last deployment that moved callers to the version, and not back to it."""
    return next((each for each in deployments if each.is_done and each.by_hand and each.after == version), None)


def _app_spec(standing: Standing) -> str:
    properties = {
        "Name": standing.function,
        "Alias": standing.alias,
        "CurrentVersion": standing.version,
        "TargetVersion": standing.published,
    }
    resource = {standing.label: {"Type": "AWS::Lambda::Function", "Properties": properties}}
    return json.dumps({"version": 0.0, "Resources": [resource]})


def _deployment(told: Mapping[str, Any]) -> Deployment:
    content = json.loads(told["revision"]["appSpecContent"]["content"])
    (resource,) = content["Resources"][0].values()
    properties = resource["Properties"]
    error = told.get("errorInformation") or {}
    return Deployment(
        id=told["deploymentId"],
        status=told["status"],
        problem=": ".join(filter(None, (error.get("code"), error.get("message")))),
        before=properties["CurrentVersion"],
        after=properties["TargetVersion"],
        by_hand=told.get("creator", "user") == "user",
        created=told["createTime"].timestamp(),
    )
