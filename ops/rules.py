"""What takes events from the bus to where they go: the stack's rules, by what they feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import ClientError

from .system import System

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

OUTPUTS: Mapping[str, str] = {
    "projection": "accountRuleArn",
    "process": "processRuleName",
    "audit log": "auditRuleName",
    "audit log, refusals": "auditApartRuleName",
    "audit files": "auditFilesRuleName",
    "other region": "crossingRuleName",
}
"""What is fed, and the output that names its rule. A stack has those of the parts that it has."""
ON = "ENABLED"
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `state` is as EventBridge says it, or GONE."""

    feeds: str
    name: str
    state: str
    targets: int

    @property
    def wrong(self) -> str:
        """Why nothing gets through it, in words; empty where something does."""
        if self.state == GONE:
            return f"the rule {self.name} is gone: `pulumi up --refresh`"
        if self.state != ON:
            return f"the rule {self.name} is {self.state}: it lets nothing through"
        return "" if self.targets else f"the rule {self.name} has no target: `pulumi up --refresh`"


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one stack. `names` are those of its rules, by what they feed."""

    client: EventBridgeClient
    bus: str
    names: Mapping[str, str]

    @classmethod
    def of(cls, system: System) -> Self:
        """Those that the outputs name."""
        named = {feeds: system.outputs[output] for feeds, output in OUTPUTS.items() if system.outputs.get(output)}
        names = {feeds: str(name).rpartition("/")[2] for feeds, name in named.items()}
        return cls(system.client("events"), system.output("eventBusName"), names)

    def look(self, feeds: str) -> Rule:
        """How one stands: two requests, one where it is gone."""
        name = self.names[feeds]
        try:
            state = self.client.describe_rule(Name=name, EventBusName=self.bus)["State"]
            targets = self.client.list_targets_by_rule(Rule=name, EventBusName=self.bus)["Targets"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return Rule(feeds, name, GONE, 0)
        return Rule(feeds, name, str(state), len(targets))
