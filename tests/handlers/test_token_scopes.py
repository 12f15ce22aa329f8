"""Which scopes a user's token may have: those of her groups, and no others of the API's."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from handlers.token_scopes import lambda_handler

READ, WRITE, OPERATE = "ledger/read", "ledger/write", "ledger/operate"
ALL = [OPERATE, READ, WRITE]


def taken(groups: Any, scopes: Any = (READ, WRITE, OPERATE, "openid")) -> Any:
    event = {
        "version": "2",
        "triggerSource": "TokenGeneration_HostedAuth",
        "userName": "ann",
        "request": {"userAttributes": {"sub": "1"}, "groupConfiguration": groups, "scopes": scopes},
        "response": {"claimsAndScopeOverrideDetails": None},
    }
    answer = lambda_handler(event, None)
    assert {**answer, "response": None} == {**event, "response": None}
    (details,) = answer["response"].values()
    assert details.keys() == {"accessTokenGeneration"}
    return details["accessTokenGeneration"]["scopesToSuppress"]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([], ALL),
        (["ledger-readers"], [OPERATE, WRITE]),
        (["ledger-writers"], [OPERATE]),
        (["ledger-operators"], []),
        (["ledger-readers", "ledger-writers"], [OPERATE]),
        (["ledger-readers", "others", "ledger-operators"], []),
        (["others", "LEDGER-OPERATORS", "ledger-operators "], ALL),
    ],
)
def test_a_token_has_the_scopes_of_the_users_groups(groups: list[str], expected: list[str]) -> None:
    assert taken({"groupsToOverride": groups, "iamRolesToOverride": []}) == expected


@pytest.mark.parametrize("groups", [None, {}, {"groupsToOverride": None}])
def test_who_is_in_no_group_has_none(groups: Any) -> None:
    assert taken(groups) == ALL


def test_scopes_of_others_are_left_alone_and_new_ones_of_the_api_are_not_given_away() -> None:
    group = {"groupsToOverride": ["ledger-operators"]}

    assert taken(group, ["openid", "aws.cognito.signin.user.admin", "other/read", "ledger/everything"]) == [
        "ledger/everything"
    ]
    assert taken(group, None) == []


def test_it_starts_without_any_environment_and_without_aws() -> None:
    code = "import sys, handlers.token_scopes; print([name for name in sys.modules if name.startswith('boto')])"
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
