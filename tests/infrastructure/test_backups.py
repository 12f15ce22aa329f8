"""Backups by AWS Backup are there where they are asked for: of which tables, by whose leave, locked and copied how."""

from __future__ import annotations

import json

import pytest

from local.engine.pattern_matching import matches
from tests.infrastructure.plan.engine import State, destroy, up
from tests.infrastructure.policy import as_list
from tests.infrastructure.program import ACCOUNT, Graph, graph, run

ELSEWHERE = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:far"
ANOTHERS = "arn:aws:backup:us-east-1:210987654321:backup-vault:theirs"
OWN = ("backups-", "backup-watch-", "monitoring-backup-target")
TABLES = ("event-store", "read-model", "snapshots")
LOCKED = {"backupDays": "365", "backupLock": "governance", "backupLockDays": "90"}


def backed_up(stack: str = "dev", **settings: str) -> Graph:
    return run(stack, {f"event-sourcing:{key}": value for key, value in {"backupDays": "35", **settings}.items()})


@pytest.fixture(scope="module")
def simple() -> Graph:
    return backed_up()


@pytest.fixture(scope="module")
def whole() -> Graph:
    """With all of it."""
    return backed_up(
        **LOCKED,
        backupColdAfterDays="30",
        backupCopyTo=json.dumps([ELSEWHERE, ANOTHERS]),
        kmsKey="create",
    )


def test_without_the_setting_there_is_none_of_it(stack: Graph) -> None:
    assert not [each for each in stack if ":backup/" in each.type or each.name.startswith(OWN)]


def test_the_three_tables_are_backed_up_and_no_other(simple: Graph) -> None:
    (selection,) = simple.of("Selection")
    tables = {simple.named(f"{name}-table").outputs["arn"] for name in TABLES}
    assert set(selection.inputs["resources"]) == tables
    assert selection.inputs["iamRoleArn"] == simple.named("backups-role").outputs["arn"]
    assert simple.named("backups-policy").urn in selection.depends_on


def test_a_plan_makes_them_when_it_says_and_keeps_them_as_long(simple: Graph, whole: Graph) -> None:
    (rule,) = simple.of("Plan")[0].inputs["rules"]
    assert rule["schedule"] == "cron(0 3 * * ? *)"
    assert rule["targetVaultName"] == simple.named("backups-vault").outputs["name"]
    assert rule["lifecycle"] == {"deleteAfter": 35}
    assert "copyActions" not in rule

    (rule,) = whole.of("Plan")[0].inputs["rules"]
    kept = {"deleteAfter": 365, "coldStorageAfter": 30}
    assert rule["lifecycle"] == kept
    assert rule["copyActions"] == [{"destinationVaultArn": arn, "lifecycle": kept} for arn in (ELSEWHERE, ANOTHERS)]


def _allowed(declared: Graph) -> dict[str, set[str]]:
    """What the role may do: the resources by action."""
    found: dict[str, set[str]] = {}
    for statement in declared.named("backups-policy").statements():
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            found.setdefault(action, set()).update(as_list(statement["Resource"]))
    return found


def test_its_role_backs_up_these_tables_into_these_vaults_and_reads_and_restores_nothing(
    simple: Graph, whole: Graph
) -> None:
    (trust,) = simple.named("backups-role").statements("assumeRolePolicy")
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}

    tables = {simple.named(f"{name}-table").outputs["arn"] for name in TABLES}
    vault = simple.named("backups-vault").outputs["arn"]
    assert _allowed(simple) == {
        **{f"dynamodb:{each}": tables for each in ("DescribeTable", "ListTagsOfResource", "StartAwsBackupJob")},
        **{f"backup:{each}": {vault} for each in ("CopyIntoBackupVault", "DescribeBackupVault")},
        "backup:TagResource": {f"arn:aws:backup:us-east-1:{ACCOUNT}:recovery-point:*"},
    }

    key = {whole.named("encryption-key").outputs["arn"]}
    more = _allowed(whole)
    assert more.pop("backup:CopyFromBackupVault") == {"*"}
    assert more.pop("backup:CopyIntoBackupVault") == {vault, ELSEWHERE, ANOTHERS}
    assert {action for action, resources in more.items() if resources == key} == {
        *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
    }
    by_sid = {each["Sid"]: each.get("Condition") for each in whole.named("backups-policy").statements()}
    assert by_sid["LetBackupUseKey"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert by_sid["UseKey"] == {
        "StringEquals": {"kms:ViaService": ["backup.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"]}
    }


def test_a_vault_of_its_own_is_under_the_stacks_key_and_outlives_setting_and_stack(whole: Graph) -> None:
    vault = whole.named("backups-vault")
    assert vault.inputs["kmsKeyArn"] == whole.named("encryption-key").outputs["arn"]
    standing = up(State(), whole).after

    gone = destroy(standing)
    assert {"backups-vault", "backups-lock", "backups-plan"}.isdisjoint({kept.name for kept in gone.after})
    assert {"backups-vault", "encryption-key"} <= gone.retained
    assert whole.named("backups-lock").options.deleted_with == vault.urn, "its lock is not taken off it"

    off = up(up(State(), backed_up()).after, graph("dev"))
    assert off.retained == {"backups-vault"}
    assert (off.refused, off.failed) == (set(), set())


def test_in_production_backups_are_not_let_go_but_the_watch_is() -> None:
    production = backed_up("prod", **LOCKED)
    off = up(up(State(), production).after, graph("prod"))
    kept = {f"backups-{part}" for part in ("vault", "lock", "role", "policy", "plan", "selection")}
    assert off.refused == {"backups", *kept}


def test_the_lock_of_governance_can_be_lifted_and_that_of_compliance_only_in_its_grace(whole: Graph) -> None:
    lock = whole.named("backups-lock").inputs
    assert lock == {"backupVaultName": whole.named("backups-vault").outputs["name"], "minRetentionDays": 90}

    for_good = backed_up(
        **{**LOCKED, "backupLock": "compliance", "backupLockGraceDays": "7"},
        acceptedRisks='["irreversible-backup-lock"]',
    )
    assert for_good.named("backups-lock").inputs["changeableForDays"] == 7


def test_another_lock_takes_the_place_of_the_old_one_and_does_not_go_with_it() -> None:
    """A vault has one lock: to delete the old one behind the new one would unlock the vault."""
    before, after = backed_up(**LOCKED), backed_up(**{**LOCKED, "backupLockDays": "91"})
    assert up(up(State(), before).after, after).replaced == {"backups-lock": {"minRetentionDays"}}
    assert after.named("backups-lock").options.delete_before_replace


def test_a_vault_that_is_given_is_neither_made_nor_locked() -> None:
    given = backed_up(backupVault="bank-wide")
    assert not [each for each in given if each.name in ("backups-vault", "backups-lock")]
    (rule,) = given.of("Plan")[0].inputs["rules"]
    assert rule["targetVaultName"] == "bank-wide"
    assert f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:bank-wide" in _allowed(given)["backup:CopyIntoBackupVault"]


def _ended(table: str, state: str, kind: str = "Backup Job State Change") -> dict[str, object]:
    """An event of AWS Backup, as it documents it."""
    detail = {"state": state, "resourceArn": table, "resourceType": "DynamoDB", "backupVaultName": "backups-vault-1"}
    return {"source": "aws.backup", "detail-type": kind, "account": ACCOUNT, "detail": detail}


def test_a_backup_or_copy_that_fails_is_told_to_the_alarm_topic(simple: Graph) -> None:
    rule, target = simple.named("backup-watch-rule"), simple.named("monitoring-backup-target")
    pattern = rule.document("eventPattern")
    store = simple.named("event-store-table").outputs["arn"]
    for state in ("FAILED", "EXPIRED", "ABORTED", "PARTIAL"):
        assert matches(pattern, _ended(store, state))
    assert matches(pattern, _ended(store, "FAILED", "Copy Job State Change"))
    for other in (
        _ended(store, "COMPLETED"),
        _ended(simple.named("replays-table").outputs["arn"], "FAILED"),
        _ended(store, "FAILED", "Restore Job State Change"),
    ):
        assert not matches(pattern, other)

    (topic,) = simple.of("Topic")
    assert target.inputs["arn"] == topic.outputs["arn"]
    assert target.inputs["rule"] == rule.outputs["name"]
    assert target.inputs["deadLetterConfig"]["arn"] == simple.named("delivery-dlq-queue").outputs["arn"]
    for name in ("monitoring-topic-policy", "delivery-dlq-policy"):
        assert rule.outputs["arn"] in json.dumps(simple.named(name).statements()), name


def test_each_of_two_regions_backs_up_its_own_and_the_first_alone_copies() -> None:
    two = run(
        "dev",
        {
            "event-sourcing:regions": '["us-east-1", "eu-west-1"]',
            "event-sourcing:backupDays": "35",
            "event-sourcing:backupCopyTo": json.dumps([ANOTHERS]),
        },
    )
    selections = {":Region$" in each.urn: each.inputs["resources"] for each in two.of("Selection")}
    assert set(selections) == {True, False}
    for second, region in ((False, "us-east-1"), (True, "eu-west-1")):
        assert len(selections[second]) == 4
        assert {arn.split(":")[3] for arn in selections[second]} == {region}
        assert sum("conflicts" in arn for arn in selections[second]) == 1
        assert not [arn for arn in selections[second] if "standings" in arn]
    copies = {":Region$" in each.urn: "copyActions" in each.inputs["rules"][0] for each in two.of("Plan")}
    assert copies == {False: True, True: False}
