"""The settings: documented and defaulted in Pulumi.yaml, checked all at once, each complaint by name."""

from __future__ import annotations

import ast
import contextlib
import contextvars
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import grpc  # type: ignore[import-untyped]
import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

from components import limits
from components.account_limits import AccountLimitError
from components.names import LONGEST, Names
from components.settings import Settings, SettingsError
from handlers.domain import KINDS
from stack.domain import told
from tests.infrastructure.program import NEUTRAL, ROOT, Graph, configuration, fresh_context, graph, run

SCHEMA: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text("utf-8"))["config"]
KEY = "arn:aws:kms:us-east-1:123456789012:key/mrk-0f0e0d0c"
ELSEWHERE = KEY.replace("us-east-1", "eu-central-1")
TWO = '["us-east-1", "eu-central-1"]'
TYPES = {"int": "integer", "bool": "boolean", "str": "string", "str | None": "string", "tuple[str, ...]": "array"}


API = {"httpApi": "true"}
ISSUER = {
    "oidcIssuer": "https://issuer.example.com/",
    "oidcClientId": "client",
    "oidcAudience": "ledger",
    "oidcAuthorizeUrl": "https://issuer.example.com/authorize",
    "oidcTokenUrl": "https://issuer.example.com/token",
    "oidcLogoutUrl": "https://issuer.example.com/logout",
}
VAULT = "arn:aws:backup:eu-central-1:123456789012:backup-vault:far"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f0e0d0c-1111-2222-3333-444455556666"
CERTIFICATE_ELSEWHERE = CERTIFICATE.replace("us-east-1", "eu-central-1")
NAMED = {"apiDomain": "api.example.com", "apiCertificateArn": CERTIFICATE}
SIGNING = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
SIGNING_ELSEWHERE = SIGNING.replace("us-east-1", "eu-central-1")
SIGNED = {"codeSigningConfigArn": SIGNING, "signedPackages": "s3://signed/ledger/"}
SIGNED_ELSEWHERE = {
    "replicaCodeSigningConfigArn": SIGNING_ELSEWHERE,
    "replicaSignedPackages": "s3://signed-elsewhere/ledger/",
}
TOPICS = [f"arn:aws:sns:{region}:123456789012:oncall" for region in ("us-east-1", "eu-central-1", "eu-west-1")]
IN_VPC = {"subnetIds": '["subnet-01234567", "subnet-12345678"]', "securityGroupIds": '["sg-01234567"]'}
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/ledger/0f0e0d0c-1111-2222-3333-444455556666"


def load(overrides: Mapping[str, str] | None = None, without: str | None = None) -> Settings:
    """Read the settings of dev with these values, text as the CLI hands it over."""
    values = configuration("dev") | {
        key if ":" in key else f"event-sourcing:{key}": value for key, value in (overrides or {}).items()
    }
    values.pop(f"event-sourcing:{without}", None)
    return _in_own_context(values, lambda: Settings.load(pulumi.Config("event-sourcing")))


def _in_own_context(values: dict[str, str], action: Callable[[], Settings]) -> Settings:
    def configured() -> Settings:
        set_all_config(values)
        return action()

    return fresh_context().run(configured)


def test_the_schema_documents_and_defaults_every_setting_there_is() -> None:
    assert {_camel(field.name): TYPES[str(field.type)] for field in fields(Settings)} == {
        key: entry["type"] for key, entry in SCHEMA.items()
    }
    for key, entry in SCHEMA.items():
        assert entry["description"].endswith("."), key
        assert "default" in entry, key


@pytest.mark.parametrize("stack", ["dev", "local"])
def test_the_stacks_files_are_valid(stack: str) -> None:
    values = configuration(stack)
    _in_own_context(values, lambda: Settings.load(pulumi.Config("event-sourcing")))


def test_production_lacks_only_who_is_to_be_woken() -> None:
    with pytest.raises(SettingsError) as refused:
        _in_own_context(configuration("prod"), lambda: Settings.load(pulumi.Config("event-sourcing")))
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith("  event-sourcing:alarmEmails is '[]'; allowed: at least one address in production, ")


RISKY = [
    ("pointInTimeRecovery", "false", "no-point-in-time-recovery"),
    ("archiveRetentionDays", "364", "short-archive"),
    ("auditLogRetentionDays", "180", "short-audit-log"),
    ("auditLog", "false", "no-audit-log"),
    ("alarmEmails", "[]", "no-alarm-recipient"),
    ("breakGlassArns", '["arn:aws:iam::123456789012:role/four-eyes"]', "endless-break-glass"),
    ("regions", '["us-east-1", "eu-west-1"]', "sign-in-in-one-region"),
]
SOUND = {
    "production": "true",
    "pointInTimeRecovery": "true",
    "archiveRetentionDays": "0",
    "auditLogRetentionDays": "365",
    "alarmEmails": '["oncall@example.com"]',
}


@pytest.mark.parametrize(("key", "value", "risk"), RISKY)
def test_production_refuses_by_name_what_nobody_means_unless_it_is_accepted(key: str, value: str, risk: str) -> None:
    risky = {**SOUND, key: value}

    with pytest.raises(SettingsError) as refused:
        load(risky)
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith(f"  event-sourcing:{key} is {value!r}; allowed: ")
    assert complaint.endswith(f" in production, unless acceptedRisks has {risk}")

    others = [other for _, _, other in RISKY if other != risk]
    with pytest.raises(SettingsError):
        load({**risky, "acceptedRisks": json.dumps(others)})
    assert load({**risky, "acceptedRisks": json.dumps([risk])}).accepted_risks == (risk,)
    assert load({**risky, "production": "false"}).production is False


def test_every_risk_is_documented_and_tried() -> None:
    assert {risk for _, _, risk in RISKY} | {
        limits.FEW_UNRESERVED,
        limits.IRREVERSIBLE_BACKUP_LOCK,
        limits.IRREVERSIBLE_AUDIT_LOCK,
    } == set(limits.RISKS)
    assert all(risk.removeprefix("short-") in SCHEMA["acceptedRisks"]["description"] for risk in limits.RISKS)


@pytest.mark.parametrize("key", SCHEMA)
def test_a_missing_setting_is_named(key: str) -> None:
    with pytest.raises(SettingsError, match=f"event-sourcing:{key} is missing"):
        load(without=key)


BAD = [
    ("deployment", "Canary10Percent7Minutes"),
    ("deployment", ""),
    ("snapStart", "yes"),
    ("commandProvisionedConcurrency", "-1"),
    ("queryProvisionedConcurrency", "10001"),
    ("archiveRetentionDays", "-1"),
    ("archiveRetentionDays", "a year"),
    ("archiveRetentionDays", "1.5"),
    ("logRetentionDays", "31"),
    ("logRetentionDays", "0"),
    ("auditLog", "off"),
    ("auditLogRetentionDays", "4000"),
    ("auditFilesDays", "-1"),
    ("auditFilesLock", ""),
    ("auditFilesLock", "compliance"),
    ("billingMode", "pay_per_request"),
    ("readCapacity", "-5"),
    ("writeCapacity", "40001"),
    ("maxReadCapacity", "40001"),
    ("maxWriteCapacity", "-1"),
    ("maxReadUnits", "40001"),
    ("maxWriteUnits", "-1"),
    ("warmReadUnits", "11999"),
    ("warmWriteUnits", "3999"),
    ("recoveryDays", "0"),
    ("recoveryDays", "36"),
    ("pointInTimeRecovery", "yes"),
    ("backupDays", "-1"),
    ("backupDays", "36501"),
    ("backupSchedule", "0 3 * * *"),
    ("backupSchedule", "rate(1 day)"),
    ("backupSchedule", "cron(0 3 * * * *)"),
    ("backupSchedule", "cron(0 3 ? * ? *)"),
    ("backupSchedule", "cron(99 3 * * ? *)"),
    ("backupSchedule", "cron(0 24 * * ? *)"),
    ("backupSchedule", "cron(0 3 32 * ? *)"),
    ("backupSchedule", "cron(0 3 ? 13 1 *)"),
    ("backupSchedule", "cron(0 3 ? * 8 *)"),
    ("backupSchedule", "cron(0 3 ? * FRI-MON *)"),
    ("backupSchedule", "cron(0/0 3 * * ? *)"),
    ("backupSchedule", "cron(0 3 * * ? 24)"),
    ("backupColdAfterDays", "-1"),
    ("backupVault", "bank wide"),
    ("backupCopyTo", '["bank-wide"]'),
    ("backupLock", "forever"),
    ("backupLockDays", "-1"),
    ("backupLockGraceDays", "2"),
    ("production", "True"),
    ("kmsKey", "make"),
    ("breakGlassArns", "arn:aws:iam::123456789012:role/four-eyes"),
    ("breakGlassArns", '["four-eyes"]'),
    ("breakGlassArns", '["arn:aws:sts::123456789012:assumed-role/four-eyes/me"]'),
    ("breakGlassArns", '["arn:aws:iam::123456789012:role/*"]'),
    ("breakGlassUntil", "tomorrow"),
    ("breakGlassUntil", "2024-01-15T10:00:00"),
    ("breakGlassUntil", "2024-02-30T10:00:00Z"),
    ("guardBus", "yes"),
    ("busWriterArns", '["four-eyes"]'),
    ("busWriterArns", '["arn:aws:iam::123456789012:role/four-eyes"]'),
    ("permissionsBoundary", "ledger-boundary"),
    ("permissionsBoundary", "arn:aws:iam::123456789012:role/ledger"),
    ("rolePath", "ledger"),
    ("rolePath", "/ledger"),
    ("rolePath", f"/{'x' * 511}/"),
    ("dataClass", "top secret!"),
    ("transformation", "transform"),
    ("transformation", "./transform.py:transform"),
    ("watchGuards", "yes"),
    ("acceptedRisks", "short-archive"),
    ("acceptedRisks", '["everything"]'),
    ("acceptedRisks", '["short-archive", "short-archive"]'),
    ("regions", "eu-west-1"),
    ("regions", '["us-east-1"]'),
    ("regions", '["us-east-1", "eu-west-1", "ap-south-1"]'),
    ("regions", '["us-east-1", "us-east-1"]'),
    ("regions", '["eu-west-1", "us-east-1"]'),
    ("regions", '["us-east-1", "Ireland"]'),
    ("subnetIds", "subnet-0123456789abcdef0"),
    ("subnetIds", '["private"]'),
    ("securityGroupIds", '["default"]'),
    ("vpcEndpoints", "yes"),
    ("vpcId", "vpc"),
    ("routeTableIds", '["main"]'),
    ("regionMode", "both"),
    ("regionMode", "home"),
    ("replicaKmsKeyArn", "alias/ledger"),
    ("replicaKmsKeyArn", ELSEWHERE),
    ("kmsKeyArn", "alias/ledger"),
    ("kmsKeyArn", "arn:aws:kms:us-east-1:123456789012:alias/ledger"),
    ("kmsKeyArn", ELSEWHERE),
    ("previousKmsKeyArns", KEY),
    ("previousKmsKeyArns", '["alias/ledger"]'),
    ("previousKmsKeyArns", f'["{KEY}", "{KEY}"]'),
    ("alarmEmails", "oncall@example.com"),
    ("alarmEmails", '["oncall"]'),
    ("alarmEmails", '["a@example.com", "a@example.com"]'),
    ("alarmEmails", "[1]"),
    ("alarmWebhooks", '["http://hooks.example.com/a"]'),
    ("alarmTopics", '["ledger-alarms"]'),
    ("alarmsOff", '["People API"]'),
    ("alarmThresholds", '["projection-queue-age"]'),
    ("alarmThresholds", '["projection-queue-age=-1"]'),
    ("concurrencyAlarmPercent", "101"),
    ("contributorInsights", "yes"),
    ("typeIndex", "yes"),
    ("correlationIndex", "yes"),
    ("statement", "yes"),
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
    ("systemLogLevel", "ERROR"),
    ("architecture", "aarch64"),
    ("runtime", "python3.10"),
    ("memorySize", "127"),
    ("memorySize", "10241"),
    ("functionTimeout", "0"),
    ("functionTimeout", "10"),
    ("projectionTimeout", "3"),
    ("functionTimeout", "901"),
    ("projectionTimeout", "901"),
    ("commandConcurrency", "0"),
    ("relayConcurrency", "-2"),
    ("projectionConcurrency", "zero"),
    ("queryConcurrency", "10001"),
    ("validateConcurrency", "0"),
    ("tokenScopesConcurrency", "0"),
    ("operationsConcurrency", "0"),
    ("schemaCompatibility", "backward"),
    ("schemaRegistryCompatibility", "backward"),
    ("draftEvents", "yes"),
    ("codeSigningConfigArn", "csc-0123456789abcdef0"),
    ("codeSigningConfigArn", SIGNING[:-1]),
    ("replicaCodeSigningConfigArn", "csc-0123456789abcdef0"),
    ("signedPackages", "signed/ledger/"),
    ("signedPackages", "s3://signed"),
    ("signedPackages", "s3://signed/ledger"),
    ("replicaSignedPackages", "s3://signed"),
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
    ("projectionMaxReceives", "1"),
    ("transferTimeoutSeconds", "59"),
    ("transferTimeoutSeconds", "2592001"),
    ("transferApprovalAbove", "-1"),
    ("transferApprovalAbove", "0.5"),
    ("processMaxConcurrency", "1"),
    ("processMaxConcurrency", "1001"),
    ("sweepMinutes", "0"),
    ("sweepMinutes", "61"),
    ("heartbeatMinutes", "-1"),
    ("heartbeatMinutes", "6"),
    ("replayRate", "0"),
    ("replayRate", "10001"),
    ("replayConcurrency", "1"),
    ("replayConcurrency", "1001"),
    ("branchDays", "0"),
    ("branchDays", "366"),
    ("deliveryRetryAttempts", "186"),
    ("deliveryMaxEventAge", "59"),
    ("tracing", "1"),
    ("httpApi", "on"),
    ("console", "on"),
    ("corsOrigins", "https://app.example.com"),
    ("corsOrigins", '["*"]'),
    ("corsOrigins", '["http://app.example.com"]'),
    ("corsOrigins", '["https://app.example.com/"]'),
    ("apiThrottleRate", "0"),
    ("apiThrottleRate", "10001"),
    ("apiThrottleBurst", "5001"),
    ("accessLogRetentionDays", "31"),
    ("apiDomain", "https://api.example.com"),
    ("machineApiDomain", "api"),
    ("apiCertificateArn", "arn:aws:iam::123456789012:server-certificate/api"),
    ("signInMfa", "OFF"),
    ("signInPrefix", "aws-ledger"),
    ("signInPrefix", "-ledger"),
    ("oidcIssuer", "http://issuer.example.com"),
    ("oidcClientId", "a client"),
    ("oidcAudience", "an audience"),
    ("oidcAuthorizeUrl", "/authorize"),
    ("oidcTokenUrl", "http://issuer.example.com/token"),
    ("oidcLogoutUrl", "https://issuer.example.com/logout?to=here"),
    ("consoleDomain", "ledger"),
    ("consoleCertificateArn", "a certificate"),
    ("replicaApiCertificateArn", "a certificate"),
    ("replicaConsoleDomain", "ledger"),
    ("consolePriceClass", "PriceClass_50"),
    ("consoleLogBucket", "Logs"),
    ("webAclArn", "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_value_is_refused_by_name_with_what_is_allowed(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({key: value})
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith(f"  event-sourcing:{key} is {value!r}; allowed: ")


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 3 * * ? *)",
        "cron(0 3 ? * 1 *)",
        "cron(0/15 0-6,22 ? jan-MAR MON-FRI 2024-2030/2)",
        "cron(30 */6 L * ? *)",
        "cron(0 3 15W,LW * ? *)",
        "cron(0 3 ? * 2#1 *)",
        "cron(0 3 ? * 6L *)",
    ],
)
def test_what_aws_backup_takes_for_a_schedule_is_taken(expression: str) -> None:
    assert load({"backupDays": "35", "backupSchedule": expression}).backup_schedule == expression


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
        ({"snapStart": "true", "runtime": "python3.11"}, "snapStart"),
        ({"snapStart": "true", "commandProvisionedConcurrency": "1"}, "commandProvisionedConcurrency"),
        ({"snapStart": "true", "queryProvisionedConcurrency": "1"}, "queryProvisionedConcurrency"),
        ({"commandConcurrency": "5", "commandProvisionedConcurrency": "6"}, "commandProvisionedConcurrency"),
        ({"queryConcurrency": "5", "queryProvisionedConcurrency": "6"}, "queryProvisionedConcurrency"),
        ({"maxReadCapacity": "5"}, "maxReadCapacity"),
        (
            {"billingMode": "PROVISIONED", "readCapacity": "5", "writeCapacity": "5", "maxWriteCapacity": "5"},
            "maxWriteCapacity",
        ),
        (
            {"billingMode": "PROVISIONED", "readCapacity": "5", "writeCapacity": "5", "maxReadUnits": "9"},
            "maxReadUnits",
        ),
        ({"warmReadUnits": "12000"}, "warmWriteUnits"),
        ({"subnetIds": IN_VPC["subnetIds"]}, "securityGroupIds"),
        ({**IN_VPC, "subnetIds": '["subnet-01234567"]'}, "subnetIds"),
        ({"recoveryDays": "7", "pointInTimeRecovery": "false"}, "recoveryDays"),
        ({"alarmTopics": json.dumps(TOPICS[1:2])}, "alarmTopics"),
        ({"alarmTopics": json.dumps(TOPICS[:2])}, "alarmTopics"),
        ({"alarmTopics": json.dumps(TOPICS[:1]), "regions": TWO}, "alarmTopics"),
        ({"alarmTopics": json.dumps(TOPICS), "regions": TWO}, "alarmTopics"),
        ({"securityGroupIds": '["sg-01234567"]'}, "securityGroupIds"),
        ({"vpcEndpoints": "create", "vpcId": "vpc-01234567", "routeTableIds": '["rtb-01234567"]'}, "vpcEndpoints"),
        ({**IN_VPC, "vpcEndpoints": "create", "vpcId": "vpc-01234567"}, "routeTableIds"),
        ({**IN_VPC, "vpcEndpoints": "create", "routeTableIds": '["rtb-01234567"]'}, "vpcId"),
        ({**IN_VPC, "vpcId": "vpc-01234567"}, "vpcId"),
        ({**IN_VPC, "regions": '["us-east-1", "eu-west-1"]'}, "subnetIds"),
        ({"codeSigningConfigArn": SIGNING}, "signedPackages"),
        ({"signedPackages": SIGNED["signedPackages"]}, "signedPackages"),
        ({**SIGNED, "codeSigningConfigArn": SIGNING_ELSEWHERE}, "codeSigningConfigArn"),
        ({**SIGNED, "aws:endpoints": '[{"lambda": "http://127.0.0.1:4566"}]'}, "codeSigningConfigArn"),
        ({**SIGNED, "replicaCodeSigningConfigArn": SIGNING_ELSEWHERE}, "replicaCodeSigningConfigArn"),
        ({**SIGNED, "replicaSignedPackages": "s3://signed-elsewhere/"}, "replicaSignedPackages"),
        ({"regions": TWO, "replicaSignedPackages": "s3://signed-elsewhere/"}, "replicaSignedPackages"),
        ({**SIGNED, **SIGNED_ELSEWHERE, "regions": TWO, "replicaSignedPackages": ""}, "replicaSignedPackages"),
        (
            {**SIGNED, **SIGNED_ELSEWHERE, "regions": TWO, "replicaCodeSigningConfigArn": ""},
            "replicaCodeSigningConfigArn",
        ),
        (
            {**SIGNED, **SIGNED_ELSEWHERE, "regions": TWO, "replicaCodeSigningConfigArn": SIGNING},
            "replicaCodeSigningConfigArn",
        ),
        (
            {**SIGNED, **SIGNED_ELSEWHERE, "regions": TWO, "replicaSignedPackages": "s3://signed/elsewhere/"},
            "replicaSignedPackages",
        ),
        ({"projectionTimeout": "60", "projectionVisibilityTimeout": "59"}, "projectionVisibilityTimeout"),
        (
            {"projectionTimeout": "60", "projectionVisibilityTimeout": "79", "projectionBatchWindow": "20"},
            "projectionVisibilityTimeout",
        ),
        ({"projectionBatchSize": "11"}, "projectionBatchWindow"),
        ({"projectionBatchSize": "541", "projectionBatchWindow": "1"}, "projectionBatchSize"),
        ({"projectionTimeout": "4", "projectionBatchSize": "21", "projectionBatchWindow": "1"}, "projectionBatchSize"),
        ({"projectionVisibilityTimeout": "43200", "projectionMaxReceives": "8"}, "projectionMaxReceives"),
        ({"relayBatchSize": "2901"}, "relayBatchSize"),
        ({"functionTimeout": "11", "relayBatchSize": "1101"}, "relayBatchSize"),
        ({"httpApi": "false", "functionTimeout": "60", "relayMaxRecordAge": "60"}, "relayMaxRecordAge"),
        ({"relayParallelization": "5", "relayConcurrency": "4"}, "relayConcurrency"),
        ({"snapshotConcurrency": "9"}, "snapshotConcurrency"),
        ({"projectionMaxConcurrency": "10", "projectionConcurrency": "9"}, "projectionConcurrency"),
        ({"transferTimeoutSeconds": "119", "sweepMinutes": "2"}, "sweepMinutes"),
        ({"alarmsOff": '["heartbeat"]', "alarmThresholds": '["heartbeat=400"]'}, "alarmThresholds"),
        ({"alarmThresholds": '["heartbeat=400", "heartbeat=500"]'}, "alarmThresholds"),
        ({"auditFilesDays": "35", "auditFilesLock": "compliance"}, "auditFilesLock"),
        ({"backupColdAfterDays": "1"}, "backupColdAfterDays"),
        ({"backupVault": "bank-wide"}, "backupVault"),
        ({"backupCopyTo": f'["{VAULT}"]'}, "backupCopyTo"),
        ({"backupLockDays": "1"}, "backupLockDays"),
        ({"backupDays": "35", "backupSchedule": ""}, "backupSchedule"),
        ({"backupDays": "119", "backupColdAfterDays": "30"}, "backupColdAfterDays"),
        ({"backupDays": "35", "backupLock": "governance"}, "backupLockDays"),
        ({"backupDays": "35", "backupLock": "governance", "backupLockDays": "36"}, "backupLockDays"),
        ({"backupDays": "35", "backupLockDays": "35"}, "backupLockDays"),
        (
            {"backupDays": "35", "backupVault": "bank-wide", "backupLock": "governance", "backupLockDays": "35"},
            "backupLock",
        ),
        ({"backupDays": "35", "backupLock": "compliance", "backupLockDays": "35"}, "backupLock"),
        ({"kmsKey": "create", "kmsKeyArn": KEY}, "kmsKey"),
        ({"regions": TWO, "billingMode": "PROVISIONED", "readCapacity": "1", "writeCapacity": "1"}, "billingMode"),
        ({"regions": TWO, "kmsKeyArn": KEY}, "replicaKmsKeyArn"),
        ({"regions": TWO, "replicaKmsKeyArn": ELSEWHERE}, "replicaKmsKeyArn"),
        ({"regions": TWO, "kmsKeyArn": KEY, "replicaKmsKeyArn": KEY}, "replicaKmsKeyArn"),
        ({"kmsKeyArn": KEY, "previousKmsKeyArns": f'["{KEY}"]'}, "previousKmsKeyArns"),
        ({"previousKmsKeyArns": f'["{ELSEWHERE}"]'}, "previousKmsKeyArns"),
        ({**API, "functionTimeout": "30"}, "functionTimeout"),
        ({**API, "oidcClientId": "client"}, "oidcClientId"),
        ({**API, "oidcLogoutUrl": ISSUER["oidcLogoutUrl"]}, "oidcLogoutUrl"),
        *(({**API, **ISSUER, key: ""}, key) for key in ISSUER if key not in ("oidcIssuer", "oidcLogoutUrl")),
        ({**API, "apiDomain": "api.example.com"}, "apiCertificateArn"),
        ({**API, "apiCertificateArn": CERTIFICATE}, "apiCertificateArn"),
        (
            {**API, "apiDomain": "api.example.com", "apiCertificateArn": CERTIFICATE_ELSEWHERE},
            "apiCertificateArn",
        ),
        (
            {
                **API,
                "apiDomain": "api.example.com",
                "machineApiDomain": "api.example.com",
                "apiCertificateArn": CERTIFICATE,
            },
            "machineApiDomain",
        ),
        ({**API, "consoleDomain": "ledger.example.com"}, "consoleCertificateArn"),
        ({**API, "consoleCertificateArn": CERTIFICATE}, "consoleCertificateArn"),
        (
            {**API, "consoleDomain": "ledger.example.com", "consoleCertificateArn": CERTIFICATE_ELSEWHERE},
            "consoleCertificateArn",
        ),
        ({**API, "console": "false", "webAclArn": WEB_ACL}, "webAclArn"),
        ({**API, "console": "false", "consoleLogBucket": "logs"}, "consoleLogBucket"),
        (
            {
                **API,
                "console": "false",
                "consoleDomain": "ledger.example.com",
                "consoleCertificateArn": CERTIFICATE,
            },
            "consoleDomain",
        ),
        ({**API, **NAMED, "regions": TWO}, "replicaApiCertificateArn"),
        ({**API, **NAMED, "replicaApiCertificateArn": CERTIFICATE_ELSEWHERE}, "replicaApiCertificateArn"),
        ({**API, "regions": TWO, "replicaApiCertificateArn": CERTIFICATE_ELSEWHERE}, "replicaApiCertificateArn"),
        ({**API, **NAMED, "regions": TWO, "replicaApiCertificateArn": CERTIFICATE}, "replicaApiCertificateArn"),
        ({**API, "regions": TWO, "replicaConsoleDomain": "b.example.com"}, "consoleCertificateArn"),
        (
            {**API, "replicaConsoleDomain": "b.example.com", "consoleCertificateArn": CERTIFICATE},
            "replicaConsoleDomain",
        ),
        (
            {
                **API,
                "regions": TWO,
                "consoleDomain": "a.example.com",
                "replicaConsoleDomain": "a.example.com",
                "consoleCertificateArn": CERTIFICATE,
            },
            "replicaConsoleDomain",
        ),
        (
            {
                **API,
                "console": "false",
                "regions": TWO,
                "replicaConsoleDomain": "b.example.com",
                "consoleCertificateArn": CERTIFICATE,
            },
            "replicaConsoleDomain",
        ),
        ({**API, "aws:region": "us-gov-west-1"}, "console"),
        ({**API, "console": "false", "aws:region": "cn-north-1"}, "oidcIssuer"),
    ],
)
def test_values_that_do_not_go_together_are_refused(overrides: dict[str, str], key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(overrides)
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith(f"  event-sourcing:{key} is ")


def test_a_lock_of_no_files_is_not_asked_to_be_accepted_but_refused() -> None:
    for accepted in ("[]", '["irreversible-audit-lock"]'):
        with pytest.raises(SettingsError, match="governance with auditFilesDays 0"):
            load({"auditFilesLock": "compliance", "acceptedRisks": accepted})


def test_keys_of_another_region_are_named_beside_all_else_that_is_wrong() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"kmsKeyArn": ELSEWHERE, "previousKmsKeyArns": f'["{KEY}x", "{ELSEWHERE}x"]', "memorySize": "1"})
    of_keys = [complaint for complaint in str(refused.value).splitlines()[1:] if "memorySize" not in complaint]
    assert [complaint.split(" is ")[0].strip() for complaint in of_keys] == [
        "event-sourcing:kmsKeyArn",
        "event-sourcing:previousKmsKeyArns",
    ]
    assert all("a key of us-east-1 (aws:region)" in complaint for complaint in of_keys)
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("overrides", "field", "expected"),
    [
        ({"deployment": "Linear10PercentEvery1Minute"}, "deployment", "Linear10PercentEvery1Minute"),
        ({"snapStart": "true", "runtime": "python3.12"}, "snap_start", True),
        ({"queryConcurrency": "5", "queryProvisionedConcurrency": "5"}, "query_provisioned_concurrency", 5),
        ({"archiveRetentionDays": "0"}, "archive_retention_days", 0),
        ({"regions": TWO}, "regions", ("us-east-1", "eu-central-1")),
        ({"regions": TWO, "kmsKeyArn": KEY, "replicaKmsKeyArn": ELSEWHERE}, "replica_kms_key_arn", ELSEWHERE),
        ({**SIGNED}, "signed_packages", "s3://signed/ledger/"),
        ({**SIGNED, **SIGNED_ELSEWHERE, "regions": TWO}, "replica_code_signing_config_arn", SIGNING_ELSEWHERE),
        ({**SIGNED, "signedPackages": "s3://signed/"}, "signed_packages", "s3://signed/"),
        ({"kmsKeyArn": KEY}, "kms_key_arn", KEY),
        ({"kmsKeyArn": ""}, "kms_key_arn", None),
        ({"previousKmsKeyArns": f'["{KEY}"]'}, "previous_kms_key_arns", (KEY,)),
        ({"kmsKey": "create"}, "kms_key", "create"),
        ({"alarmEmails": '["a@example.com"]'}, "alarm_emails", ("a@example.com",)),
        ({"billingMode": "PROVISIONED", "readCapacity": "1", "writeCapacity": "1"}, "read_capacity", 1),
        ({"projectionBatchSize": "100", "projectionBatchWindow": "1"}, "projection_batch_size", 100),
        ({"projectionTimeout": "30", "projectionVisibilityTimeout": "30"}, "projection_visibility_timeout", 30),
        ({"projectionMaxConcurrency": "10", "projectionConcurrency": "10"}, "projection_concurrency", 10),
        (
            {"projectionTimeout": "30", "projectionBatchWindow": "20", "projectionVisibilityTimeout": "50"},
            "projection_visibility_timeout",
            50,
        ),
        ({"projectionTimeout": "4", "projectionBatchSize": "10"}, "projection_timeout", 4),
        ({"projectionVisibilityTimeout": "43199", "projectionMaxReceives": "8"}, "projection_max_receives", 8),
        ({"functionTimeout": "11", "relayBatchSize": "1100"}, "function_timeout", 11),
        ({"transferTimeoutSeconds": "60"}, "transfer_timeout_seconds", 60),
        ({"transferTimeoutSeconds": "2592000"}, "transfer_timeout_seconds", 30 * 86_400),
        ({"transferApprovalAbove": "10000"}, "transfer_approval_above", 10_000),
        ({"transferTimeoutSeconds": "120", "sweepMinutes": "2"}, "sweep_minutes", 2),
        ({"httpApi": "false", "functionTimeout": "60", "relayMaxRecordAge": "61"}, "relay_max_record_age", 61),
        ({"relayParallelization": "5", "relayConcurrency": "5"}, "relay_concurrency", 5),
        ({"snapshotConcurrency": "10"}, "snapshot_concurrency", 10),
        ({**API, "functionTimeout": "29"}, "function_timeout", 29),
        ({"httpApi": "false", "functionTimeout": "60"}, "function_timeout", 60),
        ({**API, **ISSUER}, "oidc_client_id", "client"),
        ({**API, **ISSUER, "oidcLogoutUrl": ""}, "oidc_logout_url", ""),
        ({**API, **ISSUER, "console": "false", "aws:region": "cn-north-1"}, "http_api", True),
        ({**API, "console": "false", "aws:region": "us-gov-west-1"}, "console", False),
        ({**API, "machineApiDomain": "api.example.com", "apiCertificateArn": CERTIFICATE}, "api_domain", ""),
        ({**API, "consoleDomain": "l.example.com", "consoleCertificateArn": CERTIFICATE}, "console", True),
        ({**API, "webAclArn": WEB_ACL, "consoleLogBucket": "logs"}, "web_acl_arn", WEB_ACL),
        (
            {**API, **NAMED, "regions": TWO, "replicaApiCertificateArn": CERTIFICATE_ELSEWHERE},
            "replica_api_certificate_arn",
            CERTIFICATE_ELSEWHERE,
        ),
        (
            {**API, "regions": TWO, "replicaConsoleDomain": "b.example.com", "consoleCertificateArn": CERTIFICATE},
            "replica_console_domain",
            "b.example.com",
        ),
        ({**SOUND, **ISSUER, "regions": TWO}, "regions", ("us-east-1", "eu-central-1")),
        ({**SOUND, "httpApi": "false", "regions": TWO}, "http_api", False),
        ({"corsOrigins": '["https://a.example.com:8443", "http://localhost:8000"]'}, "http_api", True),
        ({"logLevel": "TRACE"}, "log_level", "TRACE"),
        (SOUND, "production", True),
        (
            {**SOUND, "auditLog": "false", "auditLogRetentionDays": "1", "acceptedRisks": '["no-audit-log"]'},
            "audit_log",
            False,
        ),
    ],
)
def test_good_values_are_taken(overrides: dict[str, str], field: str, expected: object) -> None:
    assert getattr(load(overrides), field) == expected


def test_the_reserves_are_those_of_the_handlers() -> None:
    """The infrastructure may not import the handlers, so it has the numbers again."""
    assert _constant("handlers/command.py", "_RESERVE_SECONDS") == limits.COMMAND_RESERVE_SECONDS
    assert _constant("handlers/store/deadline.py", "SPARE_SECONDS") == limits.PROJECTION_RESERVE_SECONDS
    assert 2 * _constant("handlers/store/conductor.py", "STEP_SECONDS") == limits.SWEEP_RESERVE_SECONDS
    assert _constant("handlers/domain/transfer.py", "LONGEST_SECONDS") == limits.MAX_TRANSFER_SECONDS


@pytest.mark.parametrize(("project", "stack"), [("event-sourcing", "prod.eu"), ("event.sourcing", "prod")])
def test_a_name_that_dashboard_or_layer_refuse_is_refused(project: str, stack: str) -> None:
    with pytest.raises(SettingsError, match=r"is called '\w+\.\w+'; allowed: letters, digits, - and _"):
        run("dev", project=project, renamed=stack, is_preview=True)


def test_a_run_leaves_its_names_to_no_other_context() -> None:
    """Else whoever loads settings next is refused for a name of this one's, depending on the order of tests."""
    with pytest.raises(SettingsError):
        run("dev", project="event.sourcing", renamed="prod.eu", is_preview=True)

    left = contextvars.Context().run(lambda: (pulumi.get_project(), pulumi.get_stack()))
    assert left == NEUTRAL
    assert load().runtime


def test_names_may_be_as_long_as_aws_takes_them() -> None:
    """The layer's is the first that is too long: 140 characters with its -handlers."""
    assert run("dev", project="p" * 90, renamed="s" * 40, is_preview=True).resources
    with pytest.raises(SettingsError) as refused:
        run("dev", project="p" * 90, renamed="s" * 41, is_preview=True)
    (complaint,) = str(refused.value).splitlines()[1:]
    assert complaint.startswith("  the layer would be called 'ppp")
    assert complaint.endswith("-handlers', 141 characters; AWS takes 140: shorten project or stack")


def test_every_name_that_is_composed_is_held_to_its_length() -> None:
    assert {field.name for field in fields(Names)} == set(LONGEST)
    assert len(Names.of("p" * 200, "s" * 100).too_long()) == 3
    for stack in ("dev", "prod"):
        names = Names.of("event-sourcing", stack)
        composed = {
            value
            for resource in graph(stack)
            if resource.custom
            for key, value in resource.inputs.items()
            if key.lower().endswith("name") and value in vars(names).values()
        }
        assert composed == set(vars(names).values())


QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"


@pytest.mark.parametrize(("limit", "is_refused"), [(500, False), (499, True), (10, True)])
def test_reservations_beyond_the_accounts_limit_fail_the_preview(limit: int, is_refused: bool) -> None:
    """Those of prod are 400 together, and AWS keeps 100 for all other functions."""

    def preview() -> Graph:
        return run("prod", is_preview=True, calls={QUOTA: {"value": float(limit)}})

    if is_refused:
        with pytest.raises(AccountLimitError, match=rf"commandConcurrency 100, .* reserve 400 .* has {limit} in"):
            preview()
    else:
        assert preview().resources


def test_who_accepts_less_for_the_others_is_refused_only_what_the_account_has_not_at_all() -> None:
    """AWS keeps 10 or 50 unreserved, not 100, in an account whose limit is lower than usual."""
    accepting = {"event-sourcing:acceptedRisks": '["few-unreserved"]'}

    with pytest.raises(AccountLimitError, match="unless acceptedRisks has few-unreserved"):
        run("prod", is_preview=True, calls={QUOTA: {"value": 410.0}})
    assert run("prod", accepting, is_preview=True, calls={QUOTA: {"value": 410.0}}).resources
    with pytest.raises(AccountLimitError, match=r"reserve 400 .* has 399 in"):
        run("prod", accepting, is_preview=True, calls={QUOTA: {"value": 399.0}})


class NotAllowed(grpc.RpcError):  # type: ignore[misc]
    """As the engine passes on what the provider was refused."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "AccessDeniedException: servicequotas:GetServiceQuota"


@pytest.mark.parametrize("key", ["commandProvisionedConcurrency", "queryProvisionedConcurrency"])
def test_environments_that_stand_come_out_of_what_the_account_has(key: str) -> None:
    with pytest.raises(AccountLimitError, match=f"{key} 901"):
        run("dev", {f"event-sourcing:{key}": "901"}, calls={QUOTA: {"value": 1000.0}})


def test_a_limit_that_cannot_be_asked_stops_nothing() -> None:
    assert run("prod", is_preview=True, calls={QUOTA: NotAllowed()}).resources


def test_a_stack_that_reserves_nothing_asks_for_no_limit() -> None:
    assert run("dev", is_preview=True, calls={QUOTA: AssertionError("asked")}).resources


@pytest.mark.parametrize("setting", ["projectionMaxConcurrency", "processMaxConcurrency", "replayConcurrency"])
@pytest.mark.parametrize(("limit", "is_refused"), [(40, False), (39, True)])
def test_a_queue_that_drives_more_than_the_account_has_fails_the_preview(
    setting: str, limit: int, is_refused: bool
) -> None:
    """Even where nothing is reserved."""

    def preview() -> Graph:
        driven = {f"event-sourcing:{setting}": "40"}
        return run("dev", driven, is_preview=True, calls={QUOTA: {"value": float(limit)}})

    if is_refused:
        with pytest.raises(AccountLimitError, match=rf"{setting} 40 is more than the 39 concurrent"):
            preview()
    else:
        assert preview().resources


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::999999999999:role/glass",
        "arn:aws-cn:iam::123456789012:role/glass",
    ],
)
def test_a_break_glass_role_of_another_account_or_partition_fails_the_preview(arn: str) -> None:
    with pytest.raises(
        SettingsError,
        match=f"event-sourcing:breakGlassArns is '{arn}'; allowed: identities of the account 123456789012",
    ):
        run("dev", {"event-sourcing:breakGlassArns": json.dumps([arn])}, is_preview=True)


def test_a_registry_that_takes_no_second_version_fails_the_preview() -> None:
    told = r"event-sourcing:schemaRegistryCompatibility \(.*\) is 'DISABLED'; allowed: any other mode, .*AccountCreated"
    with pytest.raises(SettingsError, match=told):
        run("dev", {"event-sourcing:schemaRegistryCompatibility": "DISABLED"}, is_preview=True)


def _constant(file: str, name: str) -> float:
    """A number that a module assigns at its top, perhaps by way of others."""
    known: dict[str, float] = {}
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(NameError, TypeError, SyntaxError):
                known[node.targets[0].id] = eval(ast.unparse(node.value), {"__builtins__": {}}, known)  # noqa: S307
    return known[name]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


class Asked:
    """Settings that remember by which names they are asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def flag(self, name: str) -> bool:
        self.names.add(name)
        return True

    def number(self, name: str) -> int:
        self.names.add(name)
        return 1


def test_whatever_the_domain_asks_for_it_is_told() -> None:
    """A line that was forgotten there fails every query, and nothing before it."""
    asked = Asked()
    KINDS.completion(asked)
    KINDS.queries(asked)

    forgotten = asked.names - told(load()).keys()

    assert not forgotten, f"stack/domain.py tells the domain no {', '.join(sorted(forgotten))}"
