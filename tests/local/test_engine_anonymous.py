"""Calls that nobody signed: refused as AWS does, but where a resource's policy lets everybody in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from local.engine import Engine
from local.engine.bucket_policies import is_public

REGION = "us-east-1"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def anybody(engine: Engine, service: str) -> Any:
    unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    session: Any = boto3.Session(region_name=REGION)
    return session.client(service, endpoint_url=engine.endpoint, config=unsigned)


def answer(address: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body."""
    try:
        with urlopen(Request(address, body, {"content-type": "application/json"})) as answered:  # noqa: S310
            return answered.status, answered.read()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read()


ASKED: dict[str, tuple[str, Document]] = {
    "apigatewayv2": ("GetApis", {}),
    "application-autoscaling": ("DescribeScalableTargets", {"ServiceNamespace": "lambda"}),
    "cloudcontrol": ("GetResource", {"TypeName": "AWS::Glue::SchemaVersion", "Identifier": "any"}),
    "cloudformation": ("ListStacks", {}),
    "cloudfront": ("ListDistributions", {}),
    "cloudwatch": ("DescribeAlarms", {}),
    "codedeploy": ("ListApplications", {}),
    "cognito-idp": ("ListUserPools", {"MaxResults": 1}),
    "dynamodb": ("ListTables", {}),
    "dynamodbstreams": ("ListStreams", {}),
    "events": ("PutEvents", {"Entries": [{"Source": "any", "DetailType": "any", "Detail": "{}"}]}),
    "firehose": ("ListDeliveryStreams", {}),
    "glue": ("ListRegistries", {}),
    "iam": ("ListRoles", {}),
    "kms": ("ListKeys", {}),
    "lambda": ("Invoke", {"FunctionName": "any"}),
    "logs": ("DescribeLogGroups", {}),
    "s3": ("ListBuckets", {}),
    "scheduler": ("ListSchedules", {}),
    "service-quotas": ("GetServiceQuota", {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}),
    "sns": ("ListTopics", {}),
    "sqs": ("ListQueues", {}),
    "sts": ("AssumeRole", {"RoleArn": "arn:aws:iam::123456789012:role/any", "RoleSessionName": "any"}),
    "xray": ("PutTraceSegments", {"TraceSegmentDocuments": ["{}"]}),
}


@pytest.mark.parametrize("service", ASKED)
def test_what_nobody_signed_is_refused_by_every_service(engine: Engine, service: str) -> None:
    operation, asked = ASKED[service]

    with pytest.raises(ClientError) as refused:
        getattr(anybody(engine, service), xform_name(operation))(**asked)

    told = refused.value.response
    assert told["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}
    assert told["Error"]["Code"] in {
        "AccessDenied",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
    }


def test_an_invocation_that_nobody_signed_is_told_what_it_lacks(engine: Engine) -> None:
    """Of a function that is there, too: nothing of the path is looked at."""
    path = f"{engine.endpoint}/2015-03-31/functions/any/invocations"

    status, told = answer(path, b"{}")
    error = json.loads(told)
    assert (status, error["__type"]) == (403, "MissingAuthenticationTokenException")
    assert error["message"] == "Request is missing Authentication Token"


def test_a_users_own_calls_need_no_signature_and_a_token_of_elsewhere_is_none(engine: Engine) -> None:
    idp = engine.client("cognito-idp")
    pool = idp.create_user_pool(PoolName="people")["UserPool"]["Id"]
    flows = {"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]}
    app = idp.create_user_pool_client(UserPoolId=pool, ClientName="app", **flows)["UserPoolClient"]["ClientId"]
    idp.admin_create_user(UserPoolId=pool, Username="jane", MessageAction="SUPPRESS")
    idp.admin_set_user_password(UserPoolId=pool, Username="jane", Password="Secret-12345", Permanent=True)
    signing_in = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": app}

    def told(password: str) -> dict[str, Any]:
        return {**signing_in, "AuthParameters": {"USERNAME": "jane", "PASSWORD": password}}

    assert anybody(engine, "cognito-idp").initiate_auth(**told("Secret-12345"))["AuthenticationResult"]["AccessToken"]
    assert code_of(anybody(engine, "cognito-idp").initiate_auth, **told("guessed")) == "NotAuthorizedException"
    entering = {
        "RoleArn": "arn:aws:iam::123456789012:role/any",
        "RoleSessionName": "any",
        "WebIdentityToken": "made-up",
    }
    refused = code_of(anybody(engine, "sts").assume_role_with_web_identity, **entering)
    assert refused == "MissingAuthenticationToken"


def policy(**statement: Any) -> str:
    allowing = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowing | statement]})


def code_of(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**asked)
    return str(refused.value.response["Error"]["Code"])


def test_a_queue_that_is_open_to_everybody_takes_messages_of_anybody(engine: Engine) -> None:
    sqs, url = anybody(engine, "sqs"), engine.client("sqs").create_queue(QueueName="open")["QueueUrl"]
    message = {"QueueUrl": url, "MessageBody": "x"}
    assert code_of(sqs.send_message, **message) == "AccessDenied"

    def open_to(**statement: Any) -> None:
        told = policy(Action="sqs:SendMessage", **statement)
        engine.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": told})

    open_to()
    assert sqs.send_message(**message)["MessageId"]
    assert code_of(sqs.receive_message, QueueUrl=url) == "AccessDenied"
    for somebody in ({"AWS": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:root"}, {"Service": "*"}):
        open_to(Principal=somebody)
        assert code_of(sqs.send_message, **message) == "AccessDenied"
    open_to(Condition={"StringEquals": {"aws:PrincipalAccount": "123456789012"}})
    assert code_of(sqs.send_message, **message) == "AccessDenied"


BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def test_a_bucket_is_open_by_its_policy_unless_its_block_says_otherwise(engine: Engine) -> None:
    s3, mine, bucket = anybody(engine, "s3"), engine.client("s3"), {"Bucket": "open-to-all"}
    file = {**bucket, "Key": "some/file"}

    def blocking(*those: str) -> None:
        mine.put_public_access_block(**bucket, PublicAccessBlockConfiguration={each: each in those for each in BLOCK})

    mine.create_bucket(**bucket)
    mine.put_object(**file, Body=b"x")
    assert code_of(s3.get_object, **file) == "AccessDenied"
    assert code_of(s3.list_objects_v2, **bucket) == "AccessDenied"
    assert code_of(s3.put_object, **file, Body=b"y") == "AccessDenied"

    mine.put_bucket_policy(**bucket, Policy=policy())
    assert s3.get_object(**file)["Body"].read() == b"x"
    assert s3.list_objects_v2(**bucket)["KeyCount"] == 1
    s3.put_object(**file, Body=b"y")

    blocking("RestrictPublicBuckets")
    assert code_of(s3.get_object, **file) == "AccessDenied"
    assert code_of(s3.list_objects_v2, **bucket) == "AccessDenied"
    assert code_of(s3.put_object, **file, Body=b"z") == "AccessDenied"
    assert mine.get_object(**file)["Body"].read() == b"y", "of the account"

    blocking("BlockPublicPolicy")
    assert s3.get_object(**file)["Body"].read() == b"y", "the policy that is there stays"
    assert code_of(mine.put_bucket_policy, **bucket, Policy=policy()) == "AccessDenied"
    mine.put_bucket_policy(**bucket, Policy=policy(Principal={"AWS": "arn:aws:iam::123456789012:root"}))
    assert code_of(s3.get_object, **file) == "AccessDenied"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_an_address_with_a_signature_is_somebodys(engine: Engine, version: str) -> None:
    mine, file = engine.client("s3"), {"Bucket": f"signed-{version}", "Key": "file"}
    mine.create_bucket(Bucket=file["Bucket"])
    mine.put_object(**file, Body=b"x")
    session: Any = boto3.Session("test", "test", region_name=REGION)
    signing = session.client("s3", endpoint_url=engine.endpoint, config=Config(signature_version=version))
    address = signing.generate_presigned_url("get_object", Params=file)

    assert answer(address) == (200, b"x")
    assert answer(address.partition("?")[0])[0] == 403


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"]}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, False),
        ({"Principal": {"Service": "cloudfront.amazonaws.com"}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}}, True),
        ({"Condition": {"StringLike": {"aws:SourceArn": "arn:aws:s3:::*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "everywhere"}}}, True),
    ],
)
def test_what_s3_calls_public(statement: Document, public: bool) -> None:
    assert is_public(policy(**statement)) is public
