"""What the account's owner wants of every resource reaches every one, whichever component declares it."""

from __future__ import annotations

import re
from typing import Any

import pulumi
import pytest

from components.conventions import HOLDS_DATA, NoTransformationError
from components.settings import SettingsError
from tests.infrastructure.program import Graph, graph, run

BOUNDARY = "arn:aws:iam::123456789012:policy/ledger-boundary"
KEPT_FOR = 7
BACKED_UP = {"event-sourcing:backupDays": "35"}


def keep_logs_for_a_week(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """An owner's own."""
    if args.type_ != "aws:cloudwatch/logGroup:LogGroup":
        return None
    return pulumi.ResourceTransformationResult({**args.props, "retention_in_days": KEPT_FOR}, args.opts)


@pytest.fixture(scope="module")
def conventional() -> Graph:
    return run(
        "dev",
        {
            "event-sourcing:permissionsBoundary": BOUNDARY,
            "event-sourcing:rolePath": "/ledger/",
            "event-sourcing:dataClass": "restricted",
            **BACKED_UP,
            "event-sourcing:transformation": f"{__name__}:{keep_logs_for_a_week.__name__}",
        },
    )


def of_type(resources: Graph, *types: str) -> list[dict[str, Any]]:
    found = [dict(each.inputs) for each in resources if each.type in types]
    assert found
    return found


def test_every_role_has_the_boundary_and_the_path(conventional: Graph) -> None:
    roles = of_type(conventional, "aws:iam/role:Role")
    assert {(role["permissionsBoundary"], role["path"]) for role in roles} == {(BOUNDARY, "/ledger/")}


def test_whatever_holds_data_is_tagged_with_its_class(conventional: Graph) -> None:
    holders = of_type(conventional, *HOLDS_DATA)
    assert {holder["tags"]["data-class"] for holder in holders} == {"restricted"}
    assert {holder["tags"]["data-class"] for holder in of_type(graph("dev"), *HOLDS_DATA)} == {"confidential"}


def test_each_type_that_holds_data_is_declared() -> None:
    """A type that is misspelled, or that nobody declares any more, would tag nothing."""
    assert {each.type for each in run("dev", BACKED_UP)} >= HOLDS_DATA


def test_the_owner_has_the_last_word_on_every_resource(conventional: Graph) -> None:
    assert {group["retentionInDays"] for group in of_type(conventional, "aws:cloudwatch/logGroup:LogGroup")} == {
        KEPT_FOR
    }


def test_without_conventions_roles_are_as_they_were() -> None:
    assert all(
        role.keys().isdisjoint({"permissionsBoundary", "path"}) for role in of_type(graph("dev"), "aws:iam/role:Role")
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_module:transform", "No module named 'no_such_module'"),
        (f"{__name__}:no_such", "has no attribute 'no_such'"),
        (f"{__name__}:BOUNDARY", "that is no function"),
    ],
)
def test_a_transformation_that_is_not_there_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(NoTransformationError, match=f"the setting transformation is '{name}', and .*{why}"):
        run("dev", {"event-sourcing:transformation": name})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("json:loads", "raised TypeError: the JSON object must be str"),
        ("builtins:repr", "gave back .* and no ResourceTransformationResult"),
    ],
)
def test_a_transformation_that_fails_is_told_with_what_it_was_given(name: str, why: str) -> None:
    with pytest.raises(NoTransformationError, match=f"'{name}', which, given [a-z:A-Z/-]+ '[a-z-]+', {why}"):
        run("dev", {"event-sourcing:transformation": name})


@pytest.mark.parametrize(
    "other", ["arn:aws:iam::999999999999:policy/ledger", "arn:aws-cn:iam::123456789012:policy/ledger"]
)
def test_a_boundary_of_another_account_is_refused_by_name(other: str) -> None:
    """IAM would, with half of the stack made."""
    told = (
        f"be used:\n  event-sourcing:permissionsBoundary is '{other}'; allowed: a policy of the account 123456789012 "
    )
    with pytest.raises(SettingsError, match=re.escape(told)):
        run("dev", {"event-sourcing:permissionsBoundary": other})


def test_a_boundary_of_awss_own_is_taken() -> None:
    managed = "arn:aws:iam::aws:policy/PowerUserAccess"
    roles = run("dev", {"event-sourcing:permissionsBoundary": managed}).of("Role")
    assert {role.inputs["permissionsBoundary"] for role in roles} == {managed}
