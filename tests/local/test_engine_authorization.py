"""Who may do what: the evaluation of policies by itself, and what callers of the embedded AWS notice of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.engine import Engine, Permission
from local.engine.policy_conditions import Condition, Unevaluable
from local.engine.policy_documents import Access, decide
from local.engine.principals import ADMINISTRATOR, Principal, Session
from tests.local.conftest import Workshop
from tests.support import eventually

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/events"
ROLE = "arn:aws:iam::123456789012:role/reader"
READER = Session(ROLE, "s").principal
ALLOW = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": TABLE}
DENY = {**ALLOW, "Effect": "Deny"}
ELSEWHERE = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
HERE = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
CONTEXT = (("aws:principalarn", ROLE), ("aws:requestedregion", "us-east-1"), ("aws:securetransport", "true"))
PUT = Access("dynamodb:PutItem", TABLE, CONTEXT)

IMPLICIT = "because no identity-based policy allows the dynamodb:PutItem action"
IDENTITY = "with an explicit deny in an identity-based policy"
RESOURCE = "with an explicit deny in a resource-based policy"

Document = dict[str, Any]
EVERYTHING: Document = {"Effect": "Allow", "Action": "*", "Resource": "*"}
IDLE: Document = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
LOGS: Document = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}


def document(*statements: Document) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        pytest.param([], IMPLICIT, id="no policy"),
        pytest.param([ALLOW], "", id="the very action and resource"),
        pytest.param([{**ALLOW, "Action": "dynamodb:GetItem"}], IMPLICIT, id="another action"),
        pytest.param([{**ALLOW, "Action": ["dynamodb:GetItem", "dynamodb:PutItem"]}], "", id="one of several actions"),
        pytest.param([{**ALLOW, "Action": "DynamoDB:putitem"}], "", id="actions have no case"),
        pytest.param([{**ALLOW, "Action": "dynamodb:*"}], "", id="any action of the service"),
        pytest.param([{**ALLOW, "Action": "dynamodb:Put?tem"}], "", id="a question mark is one character"),
        pytest.param([{**ALLOW, "Action": "dynamodb.PutItem"}], IMPLICIT, id="a full stop is itself"),
        pytest.param([{**ALLOW, "Action": "dynamodb:Put"}], IMPLICIT, id="the beginning of an action"),
        pytest.param([{**ALLOW, "Resource": TABLE + "s"}], IMPLICIT, id="another resource"),
        pytest.param([{**ALLOW, "Resource": TABLE.upper()}], IMPLICIT, id="resources have case"),
        pytest.param([{**ALLOW, "Resource": "arn:aws:dynamodb:*"}], "", id="a star crosses colons and slashes"),
        pytest.param(
            [{**ALLOW, "Resource": TABLE.replace("events", "[e]vents")}], IMPLICIT, id="brackets mean nothing"
        ),
        pytest.param([{**ALLOW, "Resource": [TABLE + "/index/*", TABLE]}], "", id="one of several resources"),
        pytest.param([ALLOW, DENY], IDENTITY, id="a denial beats what allows"),
        pytest.param([{**DENY, "Action": "*"}, ALLOW], IDENTITY, id="in whatever order"),
        pytest.param([ALLOW, {**DENY, "Resource": TABLE + "s"}], "", id="a denial of something else"),
        pytest.param(
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "", id="every action but those of others"
        ),
        pytest.param([{"Effect": "Allow", "NotAction": "dynamodb:Put*", "Resource": "*"}], IMPLICIT, id="not this one"),
        pytest.param(
            [{"Effect": "Allow", "Action": "*", "NotResource": TABLE}], IMPLICIT, id="every resource but this"
        ),
        pytest.param([{"Effect": "Allow", "Action": "*", "NotResource": TABLE + "s"}], "", id="another one left out"),
        pytest.param([{**ALLOW, "Condition": HERE}], "", id="a condition that holds"),
        pytest.param([{**ALLOW, "Condition": ELSEWHERE}], IMPLICIT, id="a condition that does not hold"),
        pytest.param([ALLOW, {**DENY, "Condition": ELSEWHERE}], "", id="nor does it deny"),
        pytest.param(
            [{**ALLOW, "Condition": {**HERE, "ArnEquals": {"aws:SourceArn": ROLE}}}], IMPLICIT, id="all count"
        ),
    ],
)
def test_a_callers_own_policies(statements: list[Document], reason: str) -> None:
    decision = decide(PUT, READER, {"own": document(*statements)})

    assert (decision.allowed, decision.reason) == (not reason, reason)


def test_a_single_statement_needs_no_list_and_policies_add_up() -> None:
    policies = {"one": json.dumps({"Statement": {**ALLOW, "Action": "dynamodb:GetItem"}}), "two": document(ALLOW)}

    decision = decide(PUT, READER, policies)

    assert [(policy, statement.sid) for policy, statement in decision.by] == [("two", "#1")]


@pytest.mark.parametrize(
    ("own", "statement", "reason"),
    [
        pytest.param([], {**ALLOW, "Principal": {"AWS": ROLE}}, "", id="admits the role"),
        pytest.param([], {**ALLOW, "Principal": {"AWS": [READER.arn, "x"]}}, "", id="admits the session"),
        pytest.param([], {**ALLOW, "Principal": "*"}, "", id="admits everybody"),
        pytest.param([], {**ALLOW, "Principal": {"AWS": ROLE + "s"}}, IMPLICIT, id="admits another role"),
        pytest.param([], {**ALLOW, "Principal": {"Service": "events.amazonaws.com"}}, IMPLICIT, id="admits a service"),
        pytest.param([], {**ALLOW, "Principal": {"AWS": "123456789012"}}, IMPLICIT, id="leaves it to the account"),
        pytest.param([ALLOW], {**DENY, "Principal": "*"}, RESOURCE, id="denies everybody"),
        pytest.param([ALLOW], {**DENY, "Principal": {"AWS": ADMINISTRATOR.arn}}, RESOURCE, id="denies the account"),
        pytest.param([ALLOW], {**DENY, "Principal": {"AWS": ROLE}}, RESOURCE, id="denies the role"),
        pytest.param([ALLOW], {**DENY, "Principal": {"AWS": ROLE + "s"}}, "", id="denies another role"),
    ],
)
def test_a_resources_policy(own: list[Document], statement: Document, reason: str) -> None:
    decision = decide(PUT, READER, {"own": document(*own)}, [document(statement)])

    assert (decision.allowed, decision.reason) == (not reason, reason)


def test_a_service_is_admitted_by_the_resource_alone() -> None:
    statement = {**ALLOW, "Principal": {"Service": ["events.amazonaws.com"]}}

    assert decide(PUT, Principal("Service", "events.amazonaws.com"), {}, [document(statement)]).allowed
    assert not decide(PUT, Principal("Service", "sns.amazonaws.com"), {}, [document(statement)]).allowed


RULE = "arn:aws:events:us-east-1:123456789012:rule/bus/rule"


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "holds"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", ["a*"], "ab", False),
        ("StringEquals", ["a"], None, False),
        ("StringEqualsIfExists", ["a"], None, True),
        ("StringEqualsIfExists", ["a"], "b", False),
        ("StringEqualsIgnoreCase", ["A"], "a", True),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a"], None, True),
        ("StringLike", ["a*"], "ab", True),
        ("StringNotLike", ["a*"], "ab", False),
        ("ArnLike", [RULE.replace("bus/rule", "bus/*")], RULE, True),
        ("ArnEquals", [RULE.replace("us-east-1", "*")], RULE, True),
        ("ArnLike", ["arn:aws:events:*"], RULE, False),
        ("ArnLike", ["arn:aws:*:1:function:name"], "arn:aws:lambda:us-east-1:1:function:name", False),
        ("ArnNotLike", [RULE], RULE, False),
        ("Bool", ["true"], "true", True),
        ("Bool", ["False"], "true", False),
        ("Bool", ["false"], None, False),
        ("Null", ["true"], None, True),
        ("Null", ["false"], None, False),
        ("Null", ["false"], "a", True),
        ("ForAnyValue:StringEquals", ["a"], "a", True),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAllValues:StringEquals", ["a"], "b", False),
        ("DateLessThan", ["2026-01-01T00:00:00Z"], "2025-12-31T23:59:59Z", True),
        ("DateLessThan", ["2026-01-01T00:00:00Z"], "2026-01-01T01:00:00+01:00", False),
        ("DateLessThanEquals", ["2026-01-01T00:00:00Z"], "2026-01-01T01:00:00+01:00", True),
        ("DateGreaterThan", ["2026-01-01T00:00:00Z"], "2026-01-01T00:00:00Z", False),
        ("DateGreaterThanEquals", ["2026-01-01T00:00:00Z"], "2026-01-01T00:00:00Z", True),
        ("DateEquals", ["2026-01-01T00:00:00Z"], "2026-01-01T01:00:00+01:00", True),
        ("DateNotEquals", ["2026-01-01T00:00:00Z"], "2026-01-01T01:00:00+01:00", False),
    ],
)
def test_a_condition(operator: str, wanted: list[str], actual: str | None, holds: bool) -> None:
    condition = Condition(operator, "aws:sourcearn", tuple(wanted))

    assert condition.holds({} if actual is None else {"aws:sourcearn": actual}) is holds


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ({**ALLOW, "Condition": {"NumericLessThan": {"aws:RequestedRegion": "1"}}}, "operator NumericLessThan"),
        ({**DENY, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, "operator IpAddress"),
        ({**DENY, "Condition": {"StringEquals": {"dynamodb:LeadingKeys": "a"}}}, "key dynamodb:leadingkeys"),
        ({**DENY, "Condition": {"DateLessThan": {"aws:CurrentTime": "noon"}}}, "no such time in a condition: noon"),
        ({**DENY, "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}}, "no time without an offset"),
        ({**ALLOW, "Resource": TABLE + "/${aws:username}"}, "variables of"),
        ({**ALLOW, "Condition": {"StringEquals": {"aws:PrincipalArn": "${aws:username}"}}}, "variables of"),
    ],
)
def test_what_cannot_be_evaluated_is_said_and_never_passed_over(statement: Document, what: str) -> None:
    policies = {"own": document(ALLOW, statement)}

    with pytest.raises(Unevaluable, match=what):
        decide(PUT, READER, policies)
    assert not decide(Access("dynamodb:Query", TABLE), READER, policies).allowed  # nor does it harm where it is idle
    with pytest.raises(Unevaluable, match="NotPrincipal"):
        decide(PUT, READER, {}, [document({**ALLOW, "NotPrincipal": {"AWS": ROLE}})])
    with pytest.raises(Unevaluable, match="no policy document"):
        decide(PUT, READER, {"own": "nonsense"})


class Actor:
    """A role with these statements, and clients that act in a session of it."""

    def __init__(self, workshop: Workshop, *statements: Document, **session: str) -> None:
        self.engine = workshop.engine
        arn = workshop.make_role(list(statements) or [IDLE])
        self.role_arn = arn
        self.role = arn.rsplit("/", 1)[1]
        keys = self.engine.client("sts").assume_role(RoleArn=arn, RoleSessionName="actor", **session)["Credentials"]
        self._session: Any = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=self.engine.region
        )

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.engine.endpoint)


def arn_of(table: str) -> str:
    return f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}"


def item(identity: str) -> Document:
    return {"Id": {"S": identity}, "Number": {"N": "1"}}


def test_a_function_may_do_what_its_role_may_and_no_more(workshop: Workshop) -> None:
    table, _ = workshop.table()
    role = workshop.make_role([{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn_of(table)}])
    name = workshop.function(
        """
        import os, telling
        def handler(event, context):
            target = "DynamoDB_20120810." + event["operation"]
            return telling.call("dynamodb", target, {"TableName": os.environ["TABLE"], **event["arguments"]})
        """,
        Role=role,
        Variables={"TABLE": table},
    )
    read = {"operation": "GetItem", "arguments": {"Key": item("a")}}
    write = {"operation": "PutItem", "arguments": {"Item": item("a")}}

    assert workshop.invoke(name, read)["Payload"][0] == 200
    status, error = workshop.invoke(name, write)["Payload"]
    assert (status, error["__type"]) == (400, "AccessDeniedException")
    assert error["message"] == (
        f"User: arn:aws:sts::123456789012:assumed-role/{role.rsplit('/', 1)[1]}/{name} is not authorized to perform: "
        f"dynamodb:PutItem on resource: {arn_of(table)} "
        "because no identity-based policy allows the dynamodb:PutItem action"
    )

    iam, more = workshop.engine.client("iam"), document({**ALLOW, "Resource": arn_of(table)})
    policy = iam.create_policy(PolicyName=workshop.name("policy"), PolicyDocument=more)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role.rsplit("/", 1)[1], PolicyArn=policy)
    assert workshop.invoke(name, write)["Payload"][0] == 200


CALLS: dict[str, tuple[str, Callable[[Any], Any], str, int, str]] = {
    "PutEvents": (
        "events",
        lambda events: events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}]),
        "AccessDeniedException",
        400,
        "events:PutEvents on resource: arn:aws:events:us-east-1:123456789012:event-bus/default because",
    ),
    "SendMessage": (
        "sqs",
        lambda sqs: sqs.send_message(QueueUrl="http://x/123456789012/some-queue", MessageBody="x"),
        "AccessDenied",
        403,
        "sqs:sendmessage on resource: arn:aws:sqs:us-east-1:123456789012:some-queue because no identity-based policy "
        "allows the sqs:sendmessage action",
    ),
    "Publish": (
        "sns",
        lambda sns: sns.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:topic", Message="x"),
        "AuthorizationError",
        403,
        "SNS:Publish on resource: arn:aws:sns:us-east-1:123456789012:topic because",
    ),
    "Invoke": (
        "lambda",
        lambda lambda_: lambda_.invoke(FunctionName="some-function", Qualifier="live"),
        "AccessDeniedException",
        403,
        "lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:some-function:live because",
    ),
    "PutLogEvents": (
        "logs",
        lambda logs: logs.put_log_events(
            logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "x"}]
        ),
        "AccessDeniedException",
        400,
        "logs:PutLogEvents on resource: arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:s because",
    ),
    "GetObject": (
        "s3",
        lambda s3: s3.get_object(Bucket="bucket", Key="folder/key"),
        "AccessDenied",
        403,
        "s3:GetObject on resource: arn:aws:s3:::bucket/folder/key because",
    ),
    "PutTraceSegments": (
        "xray",
        lambda xray: xray.put_trace_segments(TraceSegmentDocuments=["{}"]),
        "AccessDeniedException",
        403,
        "xray:PutTraceSegments on resource: * because",
    ),
    "Query of an index": (
        "dynamodb",
        lambda dynamodb: dynamodb.query(TableName="events", IndexName="by-type"),
        "AccessDeniedException",
        400,
        f"dynamodb:Query on resource: {TABLE}/index/by-type because",
    ),
    "DescribeStream": (
        "dynamodbstreams",
        lambda streams: streams.describe_stream(StreamArn=f"{TABLE}/stream/2026-01-01T00:00:00.000"),
        "AccessDeniedException",
        400,
        f"dynamodb:DescribeStream on resource: {TABLE}/stream/2026-01-01T00:00:00.000 because",
    ),
    "ListRoles": (
        "iam",
        lambda iam: iam.list_roles(),
        "AccessDenied",
        403,
        "iam:ListRoles on resource: * because the embedded AWS does not know how to authorise this call",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_service_refuses_in_its_own_way(workshop: Workshop, call: str) -> None:
    service, do, code, status, text = CALLS[call]

    with pytest.raises(ClientError) as refused:
        do(Actor(workshop).client(service))

    answer = refused.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert text in answer["Error"]["Message"]
    assert Actor(workshop).client("sts").get_caller_identity()["Arn"].endswith("/actor")  # which everybody may ask


def test_a_transaction_takes_what_each_of_its_parts_takes(workshop: Workshop) -> None:
    table, _ = workshop.table()
    dynamodb = Actor(workshop, {**ALLOW, "Resource": arn_of(table)}).client("dynamodb")
    put = {"Put": {"TableName": table, "Item": item("a")}}
    delete = {"Delete": {"TableName": table, "Key": item("b")}}

    dynamodb.transact_write_items(TransactItems=[put])
    with pytest.raises(ClientError, match="dynamodb:DeleteItem"):
        dynamodb.transact_write_items(TransactItems=[put, delete])
    with pytest.raises(ClientError, match="dynamodb:BatchWriteItem"):
        dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item("a")}}]})


def test_a_denial_that_begins_with_a_time_begins_then_though_nothing_else_is_called(workshop: Workshop) -> None:
    table, _ = workshop.table()
    client = Actor(workshop, EVERYTHING).client("dynamodb")
    begins = datetime.now(UTC) + timedelta(seconds=1)
    later = {"DateGreaterThanEquals": {"aws:CurrentTime": begins.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    denial = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": arn_of(table)}
    far = {"DateGreaterThanEquals": {"aws:CurrentTime": "9999-01-01T00:00:00Z"}}
    policy = partial(workshop.dynamodb.put_resource_policy, ResourceArn=arn_of(table))

    policy(Policy=document({**denial, "Condition": far}))
    client.put_item(TableName=table, Item=item("a"))
    policy(Policy=document({**denial, "Condition": later}))

    def is_denied() -> bool:
        try:
            client.put_item(TableName=table, Item=item("a"))
        except ClientError as error:
            return "explicit deny" in str(error)
        return False

    eventually(is_denied)


def test_a_tables_policy_can_deny_everybody_but_those_it_names(workshop: Workshop) -> None:
    table, _ = workshop.table()
    admin, named, other = workshop.dynamodb, Actor(workshop, EVERYTHING), Actor(workshop, EVERYTHING)
    denial = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": arn_of(table)}

    def deny_all_but(*arns: str) -> None:
        condition = {"ArnNotLike": {"aws:PrincipalArn": list(arns)}}
        admin.put_resource_policy(ResourceArn=arn_of(table), Policy=document({**denial, "Condition": condition}))

    deny_all_but(named.role_arn)
    named.client("dynamodb").put_item(TableName=table, Item=item("a"))
    for client in (admin, other.client("dynamodb")):
        with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
            client.put_item(TableName=table, Item=item("b"))
    deny_all_but(named.role_arn, ADMINISTRATOR.arn)
    admin.put_item(TableName=table, Item=item("b"))


def test_what_a_tables_policy_denies_it_denies_the_administrator_too(workshop: Workshop) -> None:
    table, _ = workshop.table()
    workshop.put(table, "a", 1)
    admin, role = workshop.dynamodb, Actor(workshop, EVERYTHING).client("dynamodb")
    actions = ["dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:BatchWriteItem"]
    denial = {"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": arn_of(table)}
    admin.put_resource_policy(ResourceArn=arn_of(table), Policy=document(denial))

    partiql = f'DELETE FROM "{table}" WHERE "Id" = \'a\' AND "Number" = 1'  # noqa: S608 - which is the point
    attempts: list[Callable[[Any], Any]] = [
        lambda client: client.delete_item(TableName=table, Key=item("a")),
        lambda client: client.delete_item(TableName=arn_of(table), Key=item("a")),
        lambda client: client.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": item("a")}}]),
        lambda client: client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": item("a")}}]}),
        lambda client: client.execute_statement(Statement=partiql),
    ]
    for client in (admin, role):
        for attempt in attempts:
            with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy") as refused:
                attempt(client)
            assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
        client.put_item(TableName=table, Item=item("b"))  # which is not denied

    admin.delete_resource_policy(ResourceArn=arn_of(table))
    admin.delete_item(TableName=table, Key=item("a"))
    assert [found["Id"] for found in admin.scan(TableName=table)["Items"]] == [{"S": "b"}]


def test_a_queues_policy_can_admit_a_role_and_demand_tls(workshop: Workshop) -> None:
    url = workshop.queue()  # admits everybody
    arn = workshop.queue_arn(url)
    admit = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    tls = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs = Actor(workshop).client("sqs")

    def with_policy(*statements: Document) -> None:
        workshop.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(*statements)})

    with_policy(admit, {**tls, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    sqs.send_message(QueueUrl=url, MessageBody="x")  # the endpoint counts as if it had TLS
    with_policy(admit, tls)
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    with_policy({**admit, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    with pytest.raises(ClientError, match="cannot evaluate the condition operator IpAddress"):
        sqs.send_message(QueueUrl=url, MessageBody="x")


def test_a_session_that_a_policy_limits_is_refused_rather_than_not_limited(workshop: Workshop) -> None:
    limited = Actor(workshop, EVERYTHING, Policy=document(EVERYTHING)).client("sqs")

    with pytest.raises(ClientError, match="evaluates no session policies"):
        limited.get_queue_url(QueueName="any")


def test_a_role_is_assumed_by_whom_its_trust_names_or_leaves_to_the_account(engine: Engine, workshop: Workshop) -> None:
    iam, wanted = engine.client("iam"), workshop.make_role([IDLE])
    entering: Document = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": wanted}
    idle, allowed = Actor(workshop), Actor(workshop, entering)
    denied = Actor(workshop, EVERYTHING, {**entering, "Effect": "Deny"})

    def trusting(*principals: str, **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": [*principals]}, **more}
        iam.update_assume_role_policy(RoleName=wanted.rsplit("/", 1)[1], PolicyDocument=document(statement))

    def enter(actor: Actor, name: str = "guest", **more: Any) -> str:
        try:
            told = actor.client("sts").assume_role(RoleArn=wanted, RoleSessionName=name, **more)
        except ClientError as error:
            return str(error).partition(f" to perform: sts:AssumeRole on resource: {wanted} ")[2]
        return str(told["AssumedRoleUser"]["Arn"]).rsplit("/", 1)[1]

    assert enter(allowed) == "because no resource-based policy allows the sts:AssumeRole action"
    assert engine.client("sts").assume_role(RoleArn=wanted, RoleSessionName="administrator")["Credentials"]
    for account in ("123456789012", ADMINISTRATOR.arn):
        trusting(account)
        assert enter(idle) == "because no identity-based policy allows the sts:AssumeRole action"
        assert enter(allowed) == "guest"
        assert "with an explicit deny in an identity-based policy" in enter(denied)
    trusting(idle.role_arn, denied.role_arn)
    assert enter(idle) == "guest"
    assert enter(allowed) == "because no resource-based policy allows the sts:AssumeRole action"
    assert "with an explicit deny" in enter(denied)
    trusting(idle.role_arn, Condition={"StringEquals": {"sts:ExternalId": "shared", "sts:RoleSessionName": "guest"}})
    assert enter(idle, ExternalId="shared") == "guest"
    assert enter(idle, "stranger", ExternalId="shared").startswith("because no")
    assert enter(idle).startswith("because no")
    trusting(idle.role_arn, Effect="Deny")
    assert "with an explicit deny in a resource-based policy" in enter(idle)


def test_a_permissions_boundary_limits_what_a_role_may_do(engine: Engine, workshop: Workshop) -> None:
    iam, url = engine.client("iam"), workshop.queue()  # admits everybody
    actor = Actor(workshop, EVERYTHING)
    sqs = actor.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="x")

    def bound(*statements: Document) -> None:
        arn = iam.create_policy(PolicyName=workshop.name("boundary"), PolicyDocument=document(*statements))["Policy"][
            "Arn"
        ]
        iam.put_role_permissions_boundary(RoleName=actor.role, PermissionsBoundary=arn)

    bound({"Effect": "Allow", "Action": "sqs:Get*", "Resource": "*"})
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    with pytest.raises(ClientError, match="because no permissions boundary allows the sqs:sendmessage action"):
        sqs.send_message(QueueUrl=url, MessageBody="x")  # though its own policy, and the queue's, allow it
    bound(EVERYTHING, {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"})
    with pytest.raises(ClientError, match="with an explicit deny in a permissions boundary"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    iam.put_role_permissions_boundary(RoleName=actor.role, PermissionsBoundary="arn:aws:iam::123456789012:policy/gone")
    with pytest.raises(ClientError, match="the policy that is the role's permissions boundary is not there"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    iam.delete_role_permissions_boundary(RoleName=actor.role)
    sqs.send_message(QueueUrl=url, MessageBody="x")


def test_a_boundary_allows_nothing_by_itself(engine: Engine, workshop: Workshop) -> None:
    iam, actor = engine.client("iam"), Actor(workshop)
    arn = iam.create_policy(PolicyName=workshop.name("boundary"), PolicyDocument=document(EVERYTHING))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=actor.role, PermissionsBoundary=arn)

    with pytest.raises(ClientError, match="because no identity-based policy allows"):
        actor.client("sqs").get_queue_url(QueueName="any")


POLL: Document = {
    "Sid": "Poll",
    "Effect": "Allow",
    "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    "Resource": "*",
}
FOLLOW: Document = {
    "Effect": "Allow",
    "Action": ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"],
    "Resource": "*",
}
ECHO = "import telling\ndef handler(event, context): telling.tell(len(event['Records']))"


def test_a_mapping_is_not_made_without_what_it_needs(workshop: Workshop) -> None:
    queue = workshop.queue_arn(workshop.queue())
    _, stream = workshop.table()

    def refusal(source: str, *statements: Document, **settings: Any) -> str:
        function = workshop.function(ECHO, Role=workshop.make_role(list(statements)))
        with pytest.raises(ClientError) as refused:
            workshop.map(source, function, **settings)
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
        return str(refused.value.response["Error"]["Message"])

    lacks = "The provided execution role does not have permissions to call {} on SQS"
    assert refusal(queue, LOGS) == lacks.format("ReceiveMessage")
    assert refusal(queue, {**POLL, "Action": POLL["Action"][:1]}) == lacks.format("DeleteMessage")
    assert refusal(stream, LOGS, StartingPosition="LATEST").startswith(f"Cannot access stream {stream}.")
    destination = {"OnFailure": {"Destination": queue.replace(":queue", ":locked-queue")}}
    assert refusal(stream, FOLLOW, StartingPosition="LATEST", DestinationConfig=destination) == lacks.format(
        "SendMessage"
    )


@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_a_mapping_stops_when_its_role_loses_the_source_and_goes_on_when_it_gets_it_back(
    workshop: Workshop, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    tell, source = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    iam, role = workshop.engine.client("iam"), workshop.make_role([POLL, FOLLOW, LOGS])
    own: Document = {"RoleName": role.rsplit("/", 1)[1], "PolicyName": "own"}
    function = workshop.function(ECHO, tell=tell, Role=role)
    if kind == "queue":
        uuid = workshop.map(workshop.queue_arn(source), function)
    else:
        uuid = workshop.map(stream, function, StartingPosition="TRIM_HORIZON")

    def result() -> str:
        mapping = workshop.lambda_.get_event_source_mapping(UUID=uuid)
        return str(mapping["LastProcessingResult"])

    def work(number: int) -> None:
        if kind == "queue":
            workshop.sqs.send_message(QueueUrl=source, MessageBody="x")
        else:
            workshop.put(table, "a", number)

    assert result() == "No records processed"
    work(1)
    assert workshop.told(tell) == [1]
    eventually(lambda: result() == "OK")

    iam.put_role_policy(**own, PolicyDocument=document(LOGS))
    work(2)
    problem = eventually(lambda: result().startswith("PROBLEM: Insufficient permissions") and result())
    assert ("sqs:ReceiveMessage" if kind == "queue" else "dynamodb:GetRecords") in str(problem)
    assert f"{function} is not fed: its role may not" in caplog.text
    assert workshop.stays_empty(tell)

    iam.put_role_policy(**own, PolicyDocument=document(POLL, FOLLOW, LOGS))
    assert workshop.told(tell) == [1]


def test_a_function_that_fails_shows_in_its_mapping(workshop: Workshop) -> None:
    source = workshop.queue(VisibilityTimeout="60")
    uuid = workshop.map(workshop.queue_arn(source), workshop.function("def handler(event, context): raise ValueError"))
    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")

    def failed() -> bool:
        mapping = workshop.lambda_.get_event_source_mapping(UUID=uuid)
        return bool(mapping["LastProcessingResult"] == "PROBLEM: Function call failed")

    eventually(failed)


def test_a_destination_takes_the_role_of_the_function(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    destination = str(workshop.sqs.create_queue(QueueName=workshop.name("locked"))["QueueUrl"])
    arn = workshop.queue_arn(destination)
    function = workshop.function("def handler(event, context): raise ValueError", Role=workshop.make_role([LOGS]))
    workshop.lambda_.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )

    workshop.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload="{}")

    eventually(lambda: f"lost on the way to the destination {arn}" in caplog.text)
    assert "not authorized to perform: sqs:sendmessage" in caplog.text
    assert workshop.size(destination) == 0


def test_traces_take_the_role_of_the_function(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    traces = {"Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*"}
    active: Document = {"TracingConfig": {"Mode": "Active"}}
    code = "def handler(event, context): return 'ran'"
    untraced = workshop.function(code, Role=workshop.make_role([LOGS]))
    traced = workshop.function(code, Role=workshop.make_role([LOGS, traces]), **active)
    refused = workshop.function(code, Role=workshop.make_role([LOGS]), **active)

    with caplog.at_level(logging.WARNING):
        assert [workshop.invoke(name)["Payload"] for name in (untraced, traced, refused, refused)] == ["ran"] * 4

    warnings = [record.getMessage() for record in caplog.records if "traces" in record.getMessage()]
    assert warnings == [
        f"{refused} leaves no traces: its role may not {action}"
        for action in ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
    ]


def test_the_engine_tells_which_grants_were_of_use(engine: Engine, workshop: Workshop) -> None:
    table, _ = workshop.table()
    both = {"Sid": "Both", **ALLOW, "Action": ["dynamodb:PutItem", "dynamodb:Get*"], "Resource": arn_of(table)}
    actor = Actor(workshop, both, {**DENY, "Action": "dynamodb:Scan"})
    dynamodb, role = actor.client("dynamodb"), actor.role

    dynamodb.put_item(TableName=table, Item=item("a"))
    with pytest.raises(ClientError):
        dynamodb.scan(TableName=table)

    assert engine.authorizations.used(role) == {Permission(role, "own", "Both", "dynamodb:PutItem")}
    assert engine.authorizations.unused(role) == {Permission(role, "own", "Both", "dynamodb:Get*")}
    refused = [call for call in engine.authorizations.refused if call.session.role == role]
    assert [str(call) for call in refused] == [f"{role}: dynamodb:Scan on {arn_of(table)}"]
    assert [str(call) for call in engine.authorizations.refused_under(role, {})] == [
        f"{role}: dynamodb:PutItem on {arn_of(table)}"
    ]
    dynamodb.get_item(TableName=table, Key=item("a"))
    assert engine.authorizations.unused(role) == set()
