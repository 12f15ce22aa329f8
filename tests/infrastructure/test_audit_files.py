"""The audit files are there where they are asked for: what is kept, how long, who writes it, and who hears if not."""

from __future__ import annotations

import json

import pytest

from handlers.sourcing.copies import SOURCE as COPIES
from handlers.sourcing.event import SOURCE as LIVE
from local.engine.pattern_matching import matches
from local.engine.policy_documents import ALLOW_ALL, Access, decide
from local.engine.principals import Principal
from tests.infrastructure.plan.engine import State, destroy, up
from tests.infrastructure.policy import as_list, refuses_plain_http
from tests.infrastructure.program import ACCOUNT, Graph, graph, run

OWN = ("audit-files", "monitoring-audit-files-")
GUARDS = ("versioning", "lock", "encryption", "privacy", "bucket-policy", "lifecycle")
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/Administrator"


def filed(stack: str = "dev", **settings: str) -> Graph:
    return run(stack, {f"event-sourcing:{key}": value for key, value in {"auditFilesDays": "365", **settings}.items()})


@pytest.fixture(scope="module")
def files() -> Graph:
    return filed()


@pytest.fixture(scope="module")
def keyed() -> Graph:
    return filed(kmsKey="create")


def names(declared: Graph) -> set[str]:
    return {each.name for each in declared if each.custom}


def test_the_setting_adds_what_is_its_own_and_changes_the_dashboard_alone(files: Graph) -> None:
    assert {name for name in names(files) - names(graph("dev")) if not name.startswith(OWN)} == set()
    assert names(graph("dev")) < names(files)
    on = up(up(State(), graph("dev")).after, files)
    assert (set(on.updated), on.replaced, on.refused) == ({"monitoring-dashboard"}, {}, set())
    assert files.exports["auditFilesBucket"] == files.named("audit-files-bucket").outputs["bucket"]


def test_everything_on_the_bus_is_for_them_but_copies(files: Graph) -> None:
    pattern = files.named("audit-files-rule").document("eventPattern")
    event = {"account": ACCOUNT, "detail-type": "Anything", "detail": {}}
    assert matches(pattern, {**event, "source": LIVE})
    assert matches(pattern, {**event, "source": LIVE, "detail-type": "CommandRejected"})
    assert matches(pattern, {**event, "source": "event-sourcing.operations"})
    assert not matches(pattern, {**event, "source": COPIES})


def test_what_is_not_taken_is_tried_again_and_set_aside(files: Graph) -> None:
    target = files.named("audit-files-target").inputs
    assert target["arn"] == files.named("audit-files-stream").outputs["arn"]
    assert target["roleArn"] == files.named("audit-files-rule-role").outputs["arn"]
    assert target["deadLetterConfig"]["arn"] == files.named("delivery-dlq-queue").outputs["arn"]
    assert target["retryPolicy"] == {"maximumRetryAttempts": 185, "maximumEventAgeInSeconds": 86_400}
    assert files.named("audit-files-rule-policy").urn in files.named("audit-files-target").depends_on
    (grant,) = files.named("audit-files-rule-policy").statements()
    assert grant["Resource"] == [files.named("audit-files-stream").outputs["arn"]]
    (trust,) = files.named("audit-files-rule-role").statements("assumeRolePolicy")
    assert trust["Condition"] == {"ArnEquals": {"aws:SourceArn": files.named("audit-files-rule").outputs["arn"]}}


def test_files_are_lines_by_the_hour_compressed_and_encrypted(files: Graph, keyed: Graph) -> None:
    to = files.named("audit-files-stream").inputs["extendedS3Configuration"]
    assert to["prefix"] == "events/!{timestamp:yyyy/MM/dd/HH}/"
    assert to["compressionFormat"] == "GZIP"
    assert [each["type"] for each in to["processingConfiguration"]["processors"]] == ["AppendDelimiterToRecord"]
    assert files.named("audit-files-stream").inputs["serverSideEncryption"]["keyType"] == "AWS_OWNED_CMK"

    key = keyed.named("encryption-key").outputs["arn"]
    assert keyed.named("audit-files-stream").inputs["serverSideEncryption"]["keyArn"] == key
    (rule,) = keyed.named("audit-files-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}


def test_a_file_is_locked_and_gone_when_the_lock_is_over(files: Graph) -> None:
    bucket = files.named("audit-files-bucket")
    assert bucket.inputs["objectLockEnabled"] is True
    lock = files.named("audit-files-lock").inputs["rule"]["defaultRetention"]
    assert lock == {"mode": "GOVERNANCE", "days": 365}
    assert files.named("audit-files-versioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    (end,) = files.named("audit-files-lifecycle").inputs["rules"]
    assert end["expiration"]["days"] > lock["days"]

    settings = [each for each in files if each.inputs.get("bucket") == bucket.outputs["bucket"] and each != bucket]
    stream = files.named("audit-files-stream")
    assert {each.name for each in settings} == {f"audit-files-{part}" for part in GUARDS}
    assert all(each.urn in stream.depends_on for each in settings), "nothing is written before they hold"

    for_good = filed(auditFilesLock="compliance", acceptedRisks='["irreversible-audit-lock"]')
    assert for_good.named("audit-files-lock").inputs["rule"]["defaultRetention"]["mode"] == "COMPLIANCE"


@pytest.mark.parametrize("days", [30, 3650])
def test_other_days_lock_files_to_come_and_end_all(files: Graph, days: int) -> None:
    """S3 keeps the locks of before; the lifecycle is the whole bucket's. docs/operations.md says what that does."""
    other = filed(auditFilesDays=str(days))

    changed = up(up(State(), files).after, other)
    assert changed.updated == {"audit-files-lock": {"rule"}, "audit-files-lifecycle": {"rules"}}
    (end,) = other.named("audit-files-lifecycle").inputs["rules"]
    assert (end["filter"], end["expiration"]["days"]) == ({"prefix": ""}, days + 1)
    assert end["noncurrentVersionExpiration"]["noncurrentDays"] == 1, "what is hidden goes once its own lock is over"


def test_nobody_writes_a_file_but_firehose(files: Graph) -> None:
    bucket, policy = files.named("audit-files-bucket").outputs["arn"], files.named("audit-files-bucket-policy")
    assert refuses_plain_http(policy.statements(), "s3:*", [bucket, f"{bucket}/*"])
    writer = files.named("audit-files-writer-role")

    def may_put(arn: str) -> bool:
        context = (("aws:principalarn", arn), ("aws:securetransport", "true"))
        access = Access("s3:PutObject", f"{bucket}/events/2024/01/15/10/a.gz", context)
        return decide(access, Principal("AWS", arn), {"": ALLOW_ALL}, [policy.inputs["policy"]]).allowed

    assert may_put(writer.outputs["arn"])
    assert not may_put(ADMINISTRATOR)
    (trust,) = writer.statements("assumeRolePolicy")
    assert trust["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": ACCOUNT}}


def test_its_role_deletes_nothing_and_passes_no_lock_over(files: Graph, keyed: Graph) -> None:
    for declared, more in ((files, set()), (keyed, {"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"})):
        statements = declared.named("audit-files-writer-policy").statements()
        assert {action for each in statements for action in as_list(each["Action"])} == more | {
            *(f"s3:{each}" for each in ("AbortMultipartUpload", "GetObject", "PutObject")),
            *(f"s3:{each}" for each in ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")),
            "logs:PutLogEvents",
        }


def test_somebody_hears_when_files_are_late_or_events_do_not_get_there(files: Graph) -> None:
    late = files.named("monitoring-audit-files-late").inputs
    assert late["dimensions"] == {"DeliveryStreamName": files.named("audit-files-stream").outputs["name"]}
    assert (late["metricName"], late["threshold"]) == ("DeliveryToS3.DataFreshness", 1800)
    rule = files.named("audit-files-rule").outputs["name"]
    of_the_rule = [each for each in files.of("MetricAlarm") if each.inputs["dimensions"].get("RuleName") == rule]
    assert len(of_the_rule) == 3


def test_files_outlive_setting_and_stack_with_all_that_guards_them(files: Graph) -> None:
    bucket = files.named("audit-files-bucket")
    guards = {f"audit-files-{part}" for part in GUARDS}
    off = up(up(State(), files).after, graph("dev"))
    assert off.retained == {"audit-files-bucket", *guards}
    assert (off.refused, off.failed) == (set(), set())
    assert {"audit-files-bucket", *guards} < destroy(up(State(), files).after).retained
    assert {files.named(guard).options.deleted_with for guard in guards} == {bucket.urn}


def test_production_does_not_let_them_go() -> None:
    off = up(up(State(), filed("prod")).after, graph("prod"))
    assert {"audit-files-bucket", "audit-files-lock", "audit-files-bucket-policy", "audit-files-target"} < off.refused


def test_the_bucket_says_what_data_it_holds_and_the_consoles_does_not(files: Graph) -> None:
    tagged = {each.name: "data-class" in each.inputs.get("tags", {}) for each in files.of("Bucket")}
    assert tagged == {"audit-files-bucket": True, "console-bucket": False}


def test_each_of_two_regions_has_its_own() -> None:
    two = run(
        "dev", {"event-sourcing:regions": json.dumps(["us-east-1", "eu-west-1"]), "event-sourcing:auditFilesDays": "9"}
    )
    assert [each.name for each in two.of("Bucket")].count("audit-files-bucket") == 2
    assert [each.name for each in two.of("FirehoseDeliveryStream")] == ["audit-files-stream"] * 2
