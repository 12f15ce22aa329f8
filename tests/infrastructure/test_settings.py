"""The settings: documented and defaulted in Pulumi.yaml, checked all at once, each complaint by name."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

from components.settings import Settings, SettingsError
from tests.infrastructure.program import ROOT, configuration

SCHEMA: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text("utf-8"))["config"]
KEY = "arn:aws:kms:eu-central-1:123456789012:key/mrk-0f0e0d0c"
TYPES = {"int": "integer", "bool": "boolean", "str": "string", "str | None": "string", "tuple[str, ...]": "array"}


def load(overrides: Mapping[str, str] | None = None, without: str | None = None) -> Settings:
    """Read the settings of dev with these values, text as the CLI hands it over."""
    values = configuration("dev") | {f"event-sourcing:{key}": value for key, value in (overrides or {}).items()}
    values.pop(f"event-sourcing:{without}", None)
    return _in_own_context(values, lambda: Settings.load(pulumi.Config("event-sourcing")))


def _in_own_context(values: dict[str, str], action: Callable[[], Settings]) -> Settings:
    def configured() -> Settings:
        set_all_config(values)
        return action()

    return contextvars.Context().run(configured)


def test_the_schema_documents_and_defaults_every_setting_there_is() -> None:
    assert {_camel(field.name): TYPES[str(field.type)] for field in fields(Settings)} == {
        key: entry["type"] for key, entry in SCHEMA.items()
    }
    for key, entry in SCHEMA.items():
        assert entry["description"].endswith("."), key
        assert "default" in entry, key


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_every_stacks_file_is_valid(stack: str) -> None:
    values = configuration(stack)
    _in_own_context(values, lambda: Settings.load(pulumi.Config("event-sourcing")))


@pytest.mark.parametrize("key", SCHEMA)
def test_a_missing_setting_is_named(key: str) -> None:
    with pytest.raises(SettingsError, match=f"event-sourcing:{key} is missing"):
        load(without=key)


BAD = [
    ("archiveRetentionDays", "-1"),
    ("archiveRetentionDays", "a year"),
    ("archiveRetentionDays", "1.5"),
    ("logRetentionDays", "31"),
    ("logRetentionDays", "0"),
    ("auditLogRetentionDays", "4000"),
    ("billingMode", "pay_per_request"),
    ("readCapacity", "-5"),
    ("writeCapacity", "40001"),
    ("pointInTimeRecovery", "yes"),
    ("production", "True"),
    ("kmsKey", "make"),
    ("kmsKeyArn", "alias/ledger"),
    ("kmsKeyArn", "arn:aws:kms:us-east-1:123456789012:alias/ledger"),
    ("alarmEmails", "oncall@example.com"),
    ("alarmEmails", '["oncall"]'),
    ("alarmEmails", '["a@example.com", "a@example.com"]'),
    ("alarmEmails", "[1]"),
    ("typeBuckets", "0"),
    ("typeBuckets", "101"),
    ("statementEntries", "0"),
    ("statementEntries", "501"),
    ("snapshotEvery", "1"),
    ("snapshotEvery", "50"),
    ("snapshotRetentionDays", "-1"),
    ("snapshotConcurrency", "0"),
    ("logLevel", "info"),
    ("logLevel", "WARN"),
    ("architecture", "aarch64"),
    ("runtime", "python3.10"),
    ("memorySize", "127"),
    ("memorySize", "10241"),
    ("functionTimeout", "0"),
    ("functionTimeout", "901"),
    ("projectionTimeout", "901"),
    ("commandConcurrency", "0"),
    ("relayConcurrency", "-2"),
    ("projectionConcurrency", "zero"),
    ("queryConcurrency", "10001"),
    ("validateConcurrency", "0"),
    ("schemaCompatibility", "backward"),
    ("schemaRegistryCompatibility", "backward"),
    ("relayBatchSize", "0"),
    ("relayParallelization", "11"),
    ("relayMaxRecordAge", "59"),
    ("relayMaxRecordAge", "86401"),
    ("relayMaxRecordAge", "-1"),
    ("relayMaxRetries", "10001"),
    ("relayMaxRetries", "-1"),
    ("projectionBatchSize", "0"),
    ("projectionBatchWindow", "301"),
    ("projectionMaxConcurrency", "1"),
    ("projectionVisibilityTimeout", "43201"),
    ("projectionMaxReceives", "0"),
    ("deliveryRetryAttempts", "186"),
    ("deliveryMaxEventAge", "59"),
    ("tracing", "1"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_value_is_refused_by_name_with_what_is_allowed(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({key: value})
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith(f"  event-sourcing:{key} is {value!r}; allowed: ")


def test_every_setting_has_a_bad_value_above() -> None:
    assert {key for key, _ in BAD} == set(SCHEMA)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("event-sourcing:prodution", "is no setting: Pulumi.yaml lists them"),
        ("ledger:production", "is not read: the project is event-sourcing, so write event-sourcing:production"),
    ],
)
def test_a_setting_that_nobody_reads_is_refused(key: str, complaint: str) -> None:
    """Misspelled, or left behind when the project was renamed: production would be off without a word."""
    values = configuration("dev") | {key: "true", "another:key": "of another program"}
    with pytest.raises(SettingsError) as refused:
        _in_own_context(values, lambda: Settings.load(pulumi.Config("event-sourcing")))
    assert str(refused.value).splitlines()[1:] == [f"  {key} {complaint}"]


def test_all_complaints_come_at_once() -> None:
    bad = {"memorySize": "1", "runtime": "python2.7", "kmsKeyArn": "k", "projectionTimeout": "many", "tracing": "on"}
    with pytest.raises(SettingsError) as refused:
        load(bad)
    complaints = str(refused.value).splitlines()[1:]
    assert sorted(c.split(" is ")[0].strip() for c in complaints) == sorted(f"event-sourcing:{key}" for key in bad)


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        ({"billingMode": "PROVISIONED", "writeCapacity": "5"}, "readCapacity"),
        ({"billingMode": "PROVISIONED", "readCapacity": "5"}, "writeCapacity"),
        ({"readCapacity": "5"}, "readCapacity"),
        ({"projectionTimeout": "60", "projectionVisibilityTimeout": "59"}, "projectionVisibilityTimeout"),
        ({"projectionBatchSize": "11"}, "projectionBatchWindow"),
        ({"projectionMaxConcurrency": "10", "projectionConcurrency": "9"}, "projectionConcurrency"),
        ({"kmsKey": "create", "kmsKeyArn": KEY}, "kmsKey"),
    ],
)
def test_values_that_do_not_go_together_are_refused(overrides: dict[str, str], key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(overrides)
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith(f"  event-sourcing:{key} is ")


@pytest.mark.parametrize(
    ("overrides", "field", "expected"),
    [
        ({"archiveRetentionDays": "0"}, "archive_retention_days", 0),
        ({"kmsKeyArn": KEY}, "kms_key_arn", KEY),
        ({"kmsKeyArn": ""}, "kms_key_arn", None),
        ({"kmsKey": "create"}, "kms_key", "create"),
        ({"alarmEmails": '["a@example.com"]'}, "alarm_emails", ("a@example.com",)),
        ({"billingMode": "PROVISIONED", "readCapacity": "1", "writeCapacity": "1"}, "read_capacity", 1),
        ({"projectionBatchSize": "100", "projectionBatchWindow": "1"}, "projection_batch_size", 100),
        ({"projectionTimeout": "30", "projectionVisibilityTimeout": "30"}, "projection_visibility_timeout", 30),
        ({"projectionMaxConcurrency": "10", "projectionConcurrency": "10"}, "projection_concurrency", 10),
        ({"logLevel": "TRACE"}, "log_level", "TRACE"),
        ({"production": "true"}, "production", True),
    ],
)
def test_good_values_are_taken(overrides: dict[str, str], field: str, expected: object) -> None:
    assert getattr(load(overrides), field) == expected


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)
