"""What the scanners get to read is the whole stack, and a waiver excuses what it names and nothing else."""

from __future__ import annotations

import pytest

from tests.infrastructure.program import graph, run
from tests.infrastructure.scan.__main__ import SETTINGS
from tests.infrastructure.scan.plan import terraform_plan
from tests.infrastructure.scan.template import template
from tests.infrastructure.scan.tools import Finding
from tests.infrastructure.scan.waivers import FILE, Waiver, read, unused, unwaived

FOUND = Finding("checkov", "CKV_AWS_1", "command-function", "is not good")


@pytest.mark.parametrize("stack", ["dev", "prod", "local", "scanned"])
def test_the_plan_and_the_template_hold_every_resource(stack: str) -> None:
    """Also of the stack that is scanned, which has what others do without."""
    whole = run("prod", SETTINGS) if stack == "scanned" else graph(stack)
    declared = [resource for resource in whole if resource.custom]
    planned = terraform_plan(whole)["planned_values"]["root_module"]["resources"]
    assert {each["name"] for each in planned} == {resource.name for resource in declared}
    written = template(whole)["Resources"]
    parts = [each for each in declared if each.type.rpartition(":")[2] in PARTS]
    assert len(written) == len(declared) - len(parts)
    rules = [each["Properties"] for each in written.values() if each["Type"] == "AWS::Events::Rule"]
    assert all(rule["Targets"] for rule in rules)


PARTS = (
    *("EventTarget", "RedriveAllowPolicy", "ResourcePolicy", "VaultLockConfiguration"),
    *("BucketLifecycleConfiguration", "BucketObjectLockConfiguration"),
    *("BucketObjectv2", "BucketPublicAccessBlock", "BucketServerSideEncryptionConfiguration", "BucketVersioning"),
)


def test_a_key_of_the_stacks_own_is_scanned_too() -> None:
    keyed = run("dev", {"event-sourcing:kmsKey": "create"})
    assert [each["Type"] for each in template(keyed)["Resources"].values()].count("AWS::KMS::Key") == 1


@pytest.mark.parametrize(
    "waiver",
    [
        Waiver("checkov", "CKV_AWS_1", "*-queue", "another resource"),
        Waiver("checkov", "CKV_AWS_11", "*", "another rule"),
        Waiver("cfn-lint", "CKV_AWS_1", "*", "another tool"),
    ],
)
def test_a_waiver_of_something_else_excuses_nothing_and_is_called_out(waiver: Waiver) -> None:
    assert unwaived([FOUND], [waiver]) == [FOUND]
    assert unused([FOUND], [waiver], [waiver.tool]) == [waiver]
    assert unused([FOUND], [waiver], []) == []


def test_a_waiver_excuses_what_it_names() -> None:
    waivers = read("# a comment\n\ncheckov CKV_AWS_1 *-function because of that\n")
    assert waivers == [Waiver("checkov", "CKV_AWS_1", "*-function", "because of that")]
    assert unwaived([FOUND], waivers) == []
    assert unused([FOUND], waivers, ["checkov"]) == []


def test_every_waiver_of_the_project_has_its_reason() -> None:
    assert read(FILE.read_text("utf-8"))
    with pytest.raises(ValueError, match="line 2 has no reason"):
        read("\ncheckov CKV_AWS_1 *-function\n")
