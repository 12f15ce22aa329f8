"""What Object Lock holds stays: nobody shortens the lock first, but who may pass over one of governance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.engine.object_locks import ObjectLocks
from tests.local.in_process import aws, refusal

BUCKET = "evidence"
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)


@pytest.fixture
def s3() -> Iterator[Any]:
    with aws(ObjectLocks) as clients:
        clients("s3").create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield clients("s3")


def locked(s3: Any, mode: str) -> dict[str, str]:
    put = s3.put_object(Bucket=BUCKET, Key="file", Body=b"x", ObjectLockMode=mode, ObjectLockRetainUntilDate=LATER)
    return {"Bucket": BUCKET, "Key": "file", "VersionId": put["VersionId"]}


def retention(mode: str, until: datetime) -> dict[str, Any]:
    return {"Retention": {"Mode": mode, "RetainUntilDate": until}}


WEAKER: list[dict[str, Any]] = [
    retention("COMPLIANCE", LATER - timedelta(days=1)),
    retention("GOVERNANCE", LATER - timedelta(days=1)),
    {"Retention": {}},
]


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize("wanted", [*WEAKER, retention("GOVERNANCE", LATER + timedelta(days=1))])
def test_nobody_weakens_a_lock_of_compliance(s3: Any, wanted: dict[str, Any], bypass: bool) -> None:
    version = locked(s3, "COMPLIANCE")
    asked = {**version, **wanted, "BypassGovernanceRetention": bypass}
    assert refusal(s3.put_object_retention, **asked)[0] == "AccessDenied"
    assert refusal(s3.delete_object, **version, BypassGovernanceRetention=bypass)[0] == "AccessDenied"
    assert s3.get_object_retention(**version)["Retention"] == retention("COMPLIANCE", LATER)["Retention"]


@pytest.mark.parametrize("wanted", WEAKER)
def test_a_lock_of_governance_is_weakened_by_who_asks_to_pass_it_over(s3: Any, wanted: dict[str, Any]) -> None:
    version = locked(s3, "GOVERNANCE")
    assert refusal(s3.put_object_retention, **version, **wanted)[0] == "AccessDenied"
    assert refusal(s3.delete_object, **version)[0] == "AccessDenied"
    s3.put_object_retention(**version, **wanted, BypassGovernanceRetention=True)


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_a_lock_can_be_made_longer_and_stricter(s3: Any, mode: str) -> None:
    version, longer = locked(s3, mode), retention("COMPLIANCE", LATER + timedelta(days=1))
    s3.put_object_retention(**version, **longer)
    assert s3.get_object_retention(**version)["Retention"] == longer["Retention"]


def test_a_lock_into_the_past_is_none(s3: Any) -> None:
    put = s3.put_object(Bucket=BUCKET, Key="file", Body=b"x")
    version = {"Bucket": BUCKET, "Key": "file", "VersionId": put["VersionId"]}
    past = retention("COMPLIANCE", datetime.now(UTC) - timedelta(days=1))
    assert refusal(s3.put_object_retention, **version, **past)[0] == "InvalidArgument"
    assert refusal(s3.get_object_retention, **version)[0] == "NoSuchObjectLockConfiguration"
    s3.delete_object(**version)


def test_the_retention_of_the_bucket_is_told_of_each_version(s3: Any) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 10}}
    s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    s3.put_object(Bucket=BUCKET, Key="file", Body=b"x")
    told = s3.get_object_retention(Bucket=BUCKET, Key="file")["Retention"]
    assert told["Mode"] == "GOVERNANCE"
    assert abs(told["RetainUntilDate"] - LATER) < timedelta(hours=1)


def test_a_bucket_with_locks_keeps_its_versions(s3: Any) -> None:
    suspended = {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}
    assert refusal(s3.put_bucket_versioning, **suspended)[0] == "InvalidBucketState"
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
