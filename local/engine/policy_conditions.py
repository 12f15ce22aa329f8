"""The conditions of IAM policies, on the context keys that the embedded AWS knows the values of."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from local.engine.wildcards import arn_like, like

_OPERATOR = re.compile(r"(?:(ForAnyValue|ForAllValues):)?(\w+?)(IfExists)?$")

# Keys that requests on AWS only have where they come from outside this account's functions, and never do here.
_ABSENT = frozenset(
    {
        "aws:multifactorauthpresent",
        "aws:principalarn",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:username",
        "iam:permissionsboundary",
        "lambda:sourcefunctionarn",
        "sts:externalid",
    }
)


NOW = "aws:currenttime"
"""The one key whose value is not a request's. What it decides must not be remembered."""


def _equal(wanted: str, actual: str) -> bool:
    return wanted == actual


def _equal_ignoring_case(wanted: str, actual: str) -> bool:
    return wanted.lower() == actual.lower()


def _timed(compare: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, actual: compare(_moment(actual), _moment(wanted))


def _moment(text: str) -> datetime:
    """In ISO 8601, with its offset; AWS also takes seconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unevaluable(f"the embedded AWS reads no such time in a condition: {text}") from None
    if moment.tzinfo is None:
        raise Unevaluable(f"the embedded AWS reads no time without an offset in a condition: {text}")
    return moment


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": arn_like,  # ArnEquals takes wildcards as well: in IAM the two are one
    "ArnLike": arn_like,
    "Bool": _equal_ignoring_case,
    "DateEquals": _timed(operator.eq),
    "DateGreaterThan": _timed(operator.gt),
    "DateGreaterThanEquals": _timed(operator.ge),
    "DateLessThan": _timed(operator.lt),
    "DateLessThanEquals": _timed(operator.le),
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_ignoring_case,
    "StringLike": like,
}
_NEGATIONS = {
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "DateNotEquals": "DateEquals",
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
}


class Unevaluable(Exception):  # noqa: N818 - reads as what it says of a policy
    """The embedded AWS cannot tell what a policy means for a request; whatever depends on it is refused."""


@dataclass(frozen=True)
class Condition:
    """One operator on one key (in lower case): it holds if any of the values fits."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        """Whether it holds for a request with this context. Raises: Unevaluable, for an unknown operator or key.

        A context that has `aws:resourcetag/` or `aws:requesttag/` itself has all tags of that kind.
        """
        match = _OPERATOR.match(self.operator)
        quantifier, name, if_exists = match.groups() if match else (None, self.operator, None)
        negated = name in _NEGATIONS
        test = _TESTS.get(_NEGATIONS.get(name, name))
        if test is None and name != "Null":
            raise Unevaluable(f"the embedded AWS cannot evaluate the condition operator {self.operator}")
        actual = datetime.now(UTC).isoformat() if self.key == NOW else context.get(self.key)
        of_known_tags = f"{self.key.partition('/')[0]}/" in context
        if actual is None and self.key not in _ABSENT and not of_known_tags:
            raise Unevaluable(f"the embedded AWS does not know the condition key {self.key}")
        if any("${" in value for value in self.values):
            raise Unevaluable(f"the embedded AWS does not fill in the variables of {', '.join(self.values)}")
        if test is None:
            return (actual is None) is (self.values[0].lower() == "true")
        if actual is None:
            if if_exists or quantifier:
                return bool(if_exists) or quantifier == "ForAllValues"
            return negated
        return any(test(value, actual) for value in self.values) is not negated
