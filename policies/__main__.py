"""The rules as a policy pack of Pulumi: CrossGuard runs it beside a preview or an up, in a process of its own."""

from __future__ import annotations

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from rules import RULES, STACK_RULES, Declared, Rule, StackRule


def _policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type == rule.type:
            for complaint in rule.check(args.props):
                report(complaint)

    return ResourceValidationPolicy(rule.name, rule.description, validate)


def _stack_policy(rule: StackRule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for urn, complaint in rule.check(Declared(each.resource_type, each.urn, each.props) for each in args.resources):
            report(complaint, urn)

    return StackValidationPolicy(rule.name, rule.description, validate)


PolicyPack(
    name="event-sourcing",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[*map(_policy, RULES), *map(_stack_policy, STACK_RULES)],
)
