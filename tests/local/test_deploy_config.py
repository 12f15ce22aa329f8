"""The configuration reaches a program as the Pulumi CLI would hand it over, or is refused as the CLI would."""

from pathlib import Path

import pytest

from local.deploy import ConfigError, DeployError, deploy, stacks
from local.deploy.config import load
from tests.local.conftest import PROJECT
from tests.local.projects import plain_aws, write_project

SCHEMA = """
name: demo
runtime: python
config:
  size: {type: integer, default: 3}
  tracing: {type: boolean, default: true}
  emails: {type: array, items: {type: string}, default: []}
  title: {type: string, default: none}
"""


def project(tmp_path: Path, stack: str = "", schema: str = SCHEMA) -> Path:
    return write_project(tmp_path, "", schema, local=f"config:\n  aws:region: us-east-1\n{stack}")


def test_defaults_lie_under_the_stack_and_the_stack_under_overrides(tmp_path: Path) -> None:
    folder = project(tmp_path, "  demo:size: 5\n  demo:title: from the stack\n")

    values = load(folder, "local", {"title": "override", "demo:tracing": "false"}).values

    assert values["demo:size"] == "5"
    assert values["demo:title"] == "override"
    assert values["demo:tracing"] == "false"
    assert values["demo:emails"] == "[]"


def test_values_arrive_in_the_notation_of_the_cli(tmp_path: Path) -> None:
    folder = project(tmp_path, "  demo:emails: [a@example.org]\n  aws:endpoints:\n    - sqs: http://127.0.0.1:1\n")

    values = load(folder, "local").values

    assert values["demo:tracing"] == "true"
    assert values["demo:emails"] == '["a@example.org"]'
    assert values["aws:endpoints"] == '[{"sqs": "http://127.0.0.1:1"}]'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("demo:size: many", "demo:size must be of type integer, not 'many'"),
        ("demo:size: 1.5", "demo:size must be of type integer, not 1.5"),
        ("demo:size: true", "demo:size must be of type integer, not True"),
        ("demo:tracing: 'yes'", "demo:tracing must be of type boolean, not 'yes'"),
        ("demo:emails: a@example.org", "demo:emails must be of type array<string>"),
        ("demo:emails: [[nested]]", "demo:emails must be of type array<string>"),
        ("demo:title: [a]", "demo:title must be of type string"),
        ("demo:sise: 5", "demo:sise is not declared"),
        ("demo:title: {secure: AAABAI=}", "demo:title is encrypted"),
        ("aws:defaultTags: nonsense", "aws:defaultTags is 'nonsense'; allowed: tags by their names"),
        ("aws:defaultTags: [a]", """aws:defaultTags is '["a"]'; allowed: tags by their names"""),
        ("aws:defaultTags: {tags: [a]}", """aws:defaultTags is '{"tags": ["a"]}'; allowed: tags by"""),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(project(tmp_path, f"  {line}\n"), "local")

    assert message in str(caught.value)


def test_all_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)demo:sise.*demo:size"):
        load(project(tmp_path, "  demo:size: many\n  demo:sise: 5\n"), "local")


def test_a_declared_value_without_default_is_required(tmp_path: Path) -> None:
    folder = project(tmp_path, schema="name: demo\nconfig:\n  size: {type: integer}\n")

    with pytest.raises(ConfigError, match="demo:size has neither a value nor a default"):
        load(folder, "local")
    assert load(folder, "local", {"size": "1"}).values["demo:size"] == "1"


def test_an_unknown_stack_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "", SCHEMA, dev="", local="")

    assert stacks(folder) == ["dev", "local"]
    with pytest.raises(ConfigError, match="there is no stack 'prod' here; the stacks are dev, local"):
        load(folder, "prod")


def test_broken_yaml_names_its_file(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "", "name: [")

    with pytest.raises(ConfigError, match=r"Pulumi\.yaml is not valid YAML"):
        load(folder, "local")


def test_a_folder_without_project_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Pulumi\.yaml does not exist"):
        load(tmp_path, "local")


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn"), ("nowhere", "no partition")],
)
def test_a_region_of_another_partition_is_refused_before_anything_runs(
    tmp_path: Path, region: str, partition: str
) -> None:
    folder = write_project(tmp_path, "raise AssertionError('it ran')", local=f"config:\n  aws:region: {region}\n")

    with pytest.raises(DeployError) as refused:
        deploy("http://127.0.0.1:1", "local", folder)

    assert str(refused.value) == (
        f"the embedded AWS has Regions of the partition aws alone, and {region} is of {partition}"
    )


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("permissionsBoundary", "arn:aws:iam::999999999999:policy/ledger", "a policy of the account 123456789012"),
        ("archiveRetentionDays", "-1", "an integer from 0 to 36500"),
    ],
)
def test_a_setting_that_the_program_refuses_is_told_by_its_name_and_not_by_a_line_of_the_program(
    key: str, value: str, allowed: str
) -> None:
    with plain_aws() as aws, pytest.raises(DeployError) as refused:
        deploy(aws.endpoint, "local", PROJECT, config_overrides={key: value})

    heading, told = str(refused.value).split("\n")
    assert heading == "the stack's configuration cannot be used:"
    assert told.startswith(f"  event-sourcing:{key} is ")
    assert f"; allowed: {allowed}" in told
