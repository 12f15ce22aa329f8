"""Whoever has the generated policies can deploy, change, read back and destroy the stack, and needs all of them.

A role has them on the embedded AWS, which authorises each call as AWS does and remembers by which statement. The calls
that only the real provider makes are told by `provider_calls`.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

from local.deploy import Credentials, DeployError
from local.deploy.provider import RESOURCE_TYPES
from local.engine import Call, Engine
from local.engine.policy_documents import decide
from policies.deployer.__main__ import declared
from policies.deployer.documents import Document
from policies.deployer.grants import AWS_ONLY
from tests.effort import LONG
from tests.infrastructure.test_deployer_policy import VARIANTS
from tests.local.deployers import (
    ACCOUNT,
    BOUNDARY,
    REGION,
    SETTINGS,
    TAGS,
    account,
    ask,
    deployed,
    never_of_the_stack,
    one_of_each,
    policies_of_the_stack,
    relieved,
    role,
)
from tests.local.provider_calls import READS, UPDATES

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

ONLY_AWS = {each.grant.sid for each in AWS_ONLY}
READS_ONLY = "previewer"
DEPLOYER = "deployer"


class Work(NamedTuple):
    """What the deployment left behind."""

    allowed: dict[Call, int]
    refused: dict[Call, int]
    policies: Mapping[str, Document]


@pytest.fixture(scope="module")
def policies() -> Mapping[str, Document]:
    return policies_of_the_stack()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with account() as running:
        yield running


@pytest.fixture(scope="module")
def work(engine: Engine, policies: Mapping[str, Document]) -> Work:
    """A whole life of the stack under the role, and a look at it by the one who previews."""
    never = never_of_the_stack()
    deployer = role(engine, DEPLOYER, {**policies, **never})
    previewer = role(engine, READS_ONLY, {name: each for name, each in policies.items() if name.startswith("read-")})
    deployment = deployed(engine, deployer)
    chosen = list(deployment.resources) if LONG else one_of_each(deployment.resources)
    for credentials in (deployer, previewer):
        ask(engine, credentials, READS, chosen)
    ask(engine, deployer, UPDATES, chosen)
    relieved(engine, DEPLOYER, never)
    deployment.destroy(force=True)
    assert not deployment.resources
    return Work(dict(engine.authorizations.allowed), dict(engine.authorizations.refused), policies)


def test_whoever_has_the_policies_can_deploy_change_read_back_and_destroy(work: Work) -> None:
    assert {str(call): count for call, count in work.refused.items()} == {}
    assert sum(count for call, count in work.allowed.items() if call.session.role == DEPLOYER) > 1_000


def test_what_can_be_deployed_there_is_tried_but_the_endpoints_of_a_vpc() -> None:
    """So that a new setting comes into `SETTINGS`, and its grants are proven."""
    tried = {each.type for each in declared("local", SETTINGS)}
    everything = {f"event-sourcing:{name}": value for name, value in VARIANTS["with all that comes on top"].items()}
    declarable = {each.type for each in declared("prod", everything)}

    assert (declarable & RESOURCE_TYPES.keys()) - tried == {"aws:ec2/vpcEndpoint:VpcEndpoint"}


def test_nothing_in_them_is_left_unused_but_what_only_aws_asks_for(engine: Engine, work: Work) -> None:
    unused = engine.authorizations.unused(DEPLOYER)

    assert {(each.sid, each.action) for each in unused if each.sid not in ONLY_AWS} == set()
    assert {each.sid for each in unused} <= ONLY_AWS


def test_without_any_statement_and_any_action_the_deployment_would_be_refused(
    work: Work, record_property: Callable[[str, object], None]
) -> None:
    by_action: dict[str, list[Call]] = defaultdict(list)
    for call in work.allowed:
        if call.session.role == DEPLOYER:
            by_action[call.access.action].append(call)
    removals = 0
    for name, document in work.policies.items():
        for statement in document["Statement"]:
            for action in statement["Action"] if statement["Sid"] not in ONLY_AWS else ():
                removals += 1
                left = texts_without(work.policies, name, statement["Sid"], action)
                assert any(
                    not decide(call.access, call.session.principal, left).allowed for call in by_action[action]
                ), (statement["Sid"], action)
    record_property("cases", f"{removals} removals of an action from a statement, each refused")
    assert removals > 200


def texts_without(policies: Mapping[str, Document], name: str, sid: str, action: str) -> dict[str, str]:
    """Only the statements that have the action: the others decide nothing of it."""
    found = {}
    for each, document in policies.items():
        left = [
            statement
            for statement in document["Statement"]
            if action in statement["Action"] and (each, statement["Sid"]) != (name, sid)
        ]
        found[each] = json.dumps({"Version": "2012-10-17", "Statement": left})
    return found


def test_whoever_previews_reads_everything_and_makes_nothing(engine: Engine, work: Work) -> None:
    asked = {call.access.action for call in work.allowed if call.session.role == READS_ONLY}
    assert {"dynamodb:DescribeTable", "lambda:GetFunction", "kms:DescribeKey", "apigateway:GET"} <= asked

    reading = {name: each for name, each in work.policies.items() if name.startswith("read-")}
    with pytest.raises(DeployError, match="AccessDenied"):
        deployed(engine, role(engine, f"{READS_ONLY}-{uuid.uuid4().hex[:6]}", reading))


def denied(engine: Engine, credentials: Credentials, service: str, operation: str, **arguments: Any) -> str:
    session: Any = boto3.Session(*credentials, region_name=REGION)
    client = session.client(service, endpoint_url=engine.endpoint)
    with pytest.raises(ClientError, match="not authorized") as refused:
        getattr(client, operation)(**arguments)
    return str(refused.value)


def test_nothing_of_anybody_else_can_be_touched(engine: Engine, policies: Mapping[str, Document]) -> None:
    deployer = role(engine, "neighbour", {name: each for name, each in policies.items() if "once-" not in name})
    iam, kms, trust = engine.client("iam"), engine.client("kms"), {"AssumeRolePolicyDocument": "{}"}
    theirs = kms.create_key(Tags=[{"TagKey": "stack", "TagValue": "payroll"}])["KeyMetadata"]["KeyId"]
    iam.create_role(RoleName="payroll-role-0123456", **trust)
    almighty = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'

    mine = {"RoleName": "command-role-0123456", "Path": "/ledger/"}
    assert "iam:CreateRole" in denied(engine, deployer, "iam", "create_role", **mine, **trust), "without the boundary"
    filling = {"RoleName": "payroll-role-0123456", "PolicyName": "all", "PolicyDocument": almighty}
    assert "iam:PutRolePolicy" in denied(engine, deployer, "iam", "put_role_policy", **filling)
    iam.create_role(**mine, **trust)
    filling["RoleName"] = mine["RoleName"]
    assert "iam:PutRolePolicy" in denied(engine, deployer, "iam", "put_role_policy", **filling), "without the boundary"
    taking = {"KeyId": theirs, "Tags": [{"TagKey": key, "TagValue": value} for key, value in TAGS.items()]}
    assert "kms:TagResource" in denied(engine, deployer, "kms", "tag_resource", **taking), "as if it were the stack's"
    assert "kms:CreateKey" in denied(engine, deployer, "kms", "create_key", Tags=taking["Tags"]), "but once"
    assert "kms:ScheduleKeyDeletion" in denied(engine, deployer, "kms", "schedule_key_deletion", KeyId=theirs)
    assert "dynamodb:DeleteTable" in denied(engine, deployer, "dynamodb", "delete_table", TableName="payroll")
    function = {"FunctionName": "payroll", "Code": {"ZipFile": b"-"}}
    passed = {**function, "Role": f"arn:aws:iam::{ACCOUNT}:role/payroll-role-0123456"}
    assert "lambda:CreateFunction" in denied(engine, deployer, "lambda", "create_function", **passed)
    passed |= {"FunctionName": "command-function-0123456"}
    assert "iam:PassRole" in denied(engine, deployer, "lambda", "create_function", **passed), "of another's role"
    target = {"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:payroll"}
    handed = {"Rule": "audit-files-rule-0123456", "Targets": [{**target, "RoleArn": passed["Role"]}]}
    assert "iam:PassRole" in denied(engine, deployer, "events", "put_targets", **handed), "of another's role"


def test_whoever_writes_a_resources_policy_or_a_roles_trust_for_herself_is_denied_all_the_same(
    engine: Engine, policies: Mapping[str, Document]
) -> None:
    """The policy of a table, and a role's trust in its own account, need nothing else to let somebody in."""
    name = "usurper"
    usurper, never = role(engine, name, {**policies, **never_of_the_stack()}), never_of_the_stack()
    her_role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    administrator, store = engine.client("dynamodb"), {"TableName": "event-store-table-0123456"}
    keys = [{"AttributeName": "AggregateId", "KeyType": "HASH"}]
    types = [{"AttributeName": "AggregateId", "AttributeType": "S"}]
    made = administrator.create_table(
        **store, KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
    )
    arn = made["TableDescription"]["TableArn"]
    iam = engine.client("iam")
    writer = {"RoleName": "command-role-7654321"}
    bound = {"Path": "/ledger/", "PermissionsBoundary": BOUNDARY, "AssumeRolePolicyDocument": "{}"}
    trusted = iam.create_role(**writer, **bound)["Role"]["Arn"]
    bucket = {"Bucket": "audit-files-bucket-0123456"}
    engine.client("s3").create_bucket(**bucket, ObjectLockEnabledForBucket=True)
    log = {"logGroupName": "/aws/events/audit-log-0123456789"}
    engine.client("logs").create_log_group(**log)
    tags = [{"TagKey": key, "TagValue": value} for key, value in TAGS.items()]
    key = {"KeyId": engine.client("kms").create_key(Tags=tags)["KeyMetadata"]["KeyId"]}

    def allowing(action: str, *on: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": her_role}, "Action": action}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement | ({"Resource": [*on]} if on else {})]})

    session: Any = boto3.Session(*usurper, region_name=REGION)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=engine.endpoint)

    client("dynamodb").put_resource_policy(ResourceArn=arn, Policy=allowing("dynamodb:*", arn))
    client("iam").update_assume_role_policy(**writer, PolicyDocument=allowing("sts:AssumeRole"))
    files = [f"arn:aws:s3:::{bucket['Bucket']}", f"arn:aws:s3:::{bucket['Bucket']}/*"]
    client("s3").put_bucket_policy(**bucket, Policy=allowing("s3:*", *files))

    item, file = {"AggregateId": {"S": "account"}}, {**bucket, "Key": "events/forged"}
    takeover: list[tuple[str, str, dict[str, Any]]] = [
        ("dynamodb", "scan", store),
        ("dynamodb", "put_item", {**store, "Item": item}),
        ("dynamodb", "delete_item", {**store, "Key": item}),
        ("dynamodb", "delete_table", store),
        ("s3", "get_object", file),
        ("s3", "put_object", {**file, "Body": b""}),
        ("s3", "delete_object", {**file, "BypassGovernanceRetention": True}),
        ("events", "delete_archive", {"ArchiveName": "events-archive-0123456"}),
        ("logs", "delete_log_group", log),
        ("kms", "disable_key", key),
        ("kms", "schedule_key_deletion", key),
    ]
    entering = {"RoleArn": trusted, "RoleSessionName": "usurper"}
    takeover.append(("sts", "assume_role", entering))
    for service, operation, arguments in takeover:
        assert "with an explicit deny" in denied(engine, usurper, service, operation, **arguments), operation
    relieved(engine, name, never)
    assert client("sts").assume_role(**entering)["Credentials"], "without it, the role's trust is enough"
    assert client("dynamodb").scan(**store)["Items"] == [], "without it, the table's policy is enough"
