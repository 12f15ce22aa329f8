"""What the program asks for is what stands at the endpoint, as AWS's own APIs describe it."""

import gzip
import json
import re
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from local.client import StackClient, eventually
from local.deploy import DeployedResource, Deployment, deploy
from local.engine import Engine
from ops.releases import Releases
from ops.system import System
from schemas.files import each_version, load, text_of
from tests.infrastructure.test_program import OUTPUTS
from tests.lean import lean_settings
from tests.local.conftest import DISORDER, PROJECT
from tests.local.provider_calls import READS, Call

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

SOON = 30.0
ROOT_USER = "arn:aws:iam::123456789012:root"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(stream_disorder=DISORDER) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(engine: Engine) -> Deployment:
    overrides = {
        "alarmEmails": '["ops@example.org"]',
        "auditFilesDays": "30",
        "busWriterArns": f'["{ROOT_USER}"]',
        "guardBus": "true",
        "kmsKey": "create",
        "watchGuards": "true",
    }
    return deploy(engine.endpoint, "local", PROJECT, config_overrides=overrides)


@pytest.fixture
def outputs(deployment: Deployment) -> dict[str, Any]:
    return deployment.outputs


def queue(engine: Engine, url: str) -> dict[str, str]:
    attributes: dict[str, str] = engine.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return attributes


def mapping(engine: Engine, function: str) -> dict[str, Any]:
    [only] = [
        each
        for each in engine.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        if each["FunctionArn"].endswith(f":{function}")
    ]
    return dict(only)


def test_every_output_of_the_stack_has_a_value(outputs: dict[str, Any]) -> None:
    assert set(outputs) == {*OUTPUTS, "auditFilesBucket", "auditFilesRuleName"}
    assert all(outputs.values())


def test_the_event_store_has_its_keys_indexes_stream_and_policy(engine: Engine, outputs: dict[str, Any]) -> None:
    dynamodb = engine.client("dynamodb")
    table = dynamodb.describe_table(TableName=outputs["eventStoreTable"])["Table"]

    indexes = {
        each["IndexName"]: [key["AttributeName"] for key in each["KeySchema"]]
        for each in table["GlobalSecondaryIndexes"] + table["LocalSecondaryIndexes"]
    }
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["AggregateId", "EventSequence"]
    assert indexes == {
        "EventType-Timestamp-index": ["TypeBucket", "Timestamp"],
        "Correlation-Timestamp-index": ["Correlation", "Timestamp"],
        "CommandId-index": ["AggregateId", "CommandId"],
    }
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    backups = dynamodb.describe_continuous_backups(TableName=outputs["eventStoreTable"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    policy = json.loads(dynamodb.get_resource_policy(ResourceArn=table["TableArn"])["Policy"])
    change, put = policy["Statement"]
    assert change["Effect"] == put["Effect"] == "Deny"
    assert {"dynamodb:UpdateItem", "dynamodb:DeleteItem"} <= set(change["Action"])
    assert put["Action"] == "dynamodb:PutItem"


def test_the_relay_is_fed_by_the_stream_with_bounded_retries(engine: Engine, outputs: dict[str, Any]) -> None:
    feed = mapping(engine, outputs["relayFunction"])
    stream = engine.client("dynamodb").describe_table(TableName=outputs["eventStoreTable"])["Table"]["LatestStreamArn"]

    assert feed["EventSourceArn"] == stream
    assert feed["StartingPosition"] == "TRIM_HORIZON"
    assert (feed["BatchSize"], feed["ParallelizationFactor"]) == (100, 10)
    assert (feed["MaximumRetryAttempts"], feed["MaximumRecordAgeInSeconds"]) == (10_000, 21_600)
    assert feed["BisectBatchOnFunctionError"] is True
    assert feed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    failures = queue(engine, outputs["invocationDeadLetterQueueUrl"])["QueueArn"]
    assert feed["DestinationConfig"]["OnFailure"]["Destination"] == failures


def test_the_rule_delivers_account_events_to_the_queue_or_its_dead_letters(
    engine: Engine, outputs: dict[str, Any]
) -> None:
    events = engine.client("events")
    on_bus = {"EventBusName": outputs["eventBusName"]}
    rule_name = outputs["accountRuleArn"].rsplit("/", 1)[1]

    pattern = json.loads(events.describe_rule(Name=rule_name, **on_bus)["EventPattern"])
    [target] = events.list_targets_by_rule(Rule=rule_name, **on_bus)["Targets"]
    assert pattern["source"] == ["event-sourcing.financial"]
    assert pattern["detail-type"] == [{"anything-but": ["CommandRejected"]}]
    assert target["Arn"] == queue(engine, outputs["projectionQueueUrl"])["QueueArn"]
    assert target["DeadLetterConfig"]["Arn"] == queue(engine, outputs["deliveryDeadLetterQueueUrl"])["QueueArn"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_the_projection_queue_redrives_what_keeps_failing(engine: Engine, outputs: dict[str, Any]) -> None:
    attributes = queue(engine, outputs["projectionQueueUrl"])
    feed = mapping(engine, outputs["projectionFunction"])

    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == queue(engine, outputs["deadLetterQueueUrl"])["QueueArn"]
    assert int(redrive["maxReceiveCount"]) == 3  # as Pulumi.local.yaml has it
    assert attributes["VisibilityTimeout"] == "5"
    assert feed["EventSourceArn"] == attributes["QueueArn"]
    assert feed["ScalingConfig"] == {"MaximumConcurrency": 10}
    assert feed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_dead_letter_queues_say_who_may_redrive_to_them(engine: Engine, outputs: dict[str, Any]) -> None:
    source = queue(engine, outputs["projectionQueueUrl"])["QueueArn"]

    allowed = {
        url: json.loads(queue(engine, outputs[url])["RedriveAllowPolicy"])
        for url in ("deadLetterQueueUrl", "deliveryDeadLetterQueueUrl", "invocationDeadLetterQueueUrl")
    }
    assert allowed == {
        "deadLetterQueueUrl": {"redrivePermission": "byQueue", "sourceQueueArns": [source]},
        "deliveryDeadLetterQueueUrl": {"redrivePermission": "denyAll"},
        "invocationDeadLetterQueueUrl": {"redrivePermission": "denyAll"},
    }


@pytest.mark.parametrize(
    "url",
    [
        *("projectionQueueUrl", "processQueueUrl", "deadLetterQueueUrl", "processDeadLetterQueueUrl"),
        *("deliveryDeadLetterQueueUrl", "invocationDeadLetterQueueUrl"),
    ],
)
def test_queues_are_encrypted_and_refuse_plain_http(engine: Engine, outputs: dict[str, Any], url: str) -> None:
    attributes = queue(engine, outputs[url])

    denials = [each for each in json.loads(attributes["Policy"])["Statement"] if each["Effect"] == "Deny"]
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert [each["Condition"] for each in denials] == [{"Bool": {"aws:SecureTransport": "false"}}]


@pytest.mark.parametrize("name", ["command", "relay", "projection", "query", "validate", "process", "sweep"])
def test_functions_have_their_package_layer_role_and_log_group(
    engine: Engine, outputs: dict[str, Any], name: str
) -> None:
    lambda_ = engine.client("lambda")
    function = outputs[f"{name}Function"]

    configuration = lambda_.get_function_configuration(FunctionName=function)
    role = configuration["Role"].rsplit("/", 1)[1]
    assert configuration["Handler"] == f"handlers.{name}.lambda_handler"
    assert configuration["Architectures"] == ["arm64"]
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert len(configuration["Layers"]) == 1
    assert engine.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
    retries = lambda_.get_function_event_invoke_config(FunctionName=function)
    assert retries["MaximumRetryAttempts"] == 2
    assert (
        retries["DestinationConfig"]["OnFailure"]["Destination"]
        == queue(engine, outputs["invocationDeadLetterQueueUrl"])["QueueArn"]
    )
    logging = configuration["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    groups = engine.client("logs").describe_log_groups(logGroupNamePrefix=f"{name}-logs")["logGroups"]
    assert [(group["logGroupName"], group["retentionInDays"]) for group in groups] == [(logging["LogGroup"], 1)]


def test_the_registry_holds_every_version_of_every_schema(engine: Engine, outputs: dict[str, Any]) -> None:
    glue = engine.client("glue")
    for event_type, version, schema in each_version(load()):
        held = glue.get_schema_version(
            SchemaId={"RegistryName": outputs["schemaRegistryName"], "SchemaName": event_type},
            SchemaVersionNumber={"VersionNumber": version},
        )
        assert json.loads(held["SchemaDefinition"], parse_float=Decimal) == schema


def test_the_bus_is_archived_and_written_to_the_audit_log(engine: Engine, outputs: dict[str, Any]) -> None:
    events = engine.client("events")

    archive = events.describe_archive(ArchiveName=outputs["archiveName"])
    assert archive["EventSourceArn"] == outputs["eventBusArn"]
    assert archive["RetentionDays"] == 1
    [group] = engine.client("logs").describe_log_groups(logGroupNamePrefix="/aws/events/")["logGroups"]
    targets = [
        target["Arn"]
        for rule in events.list_rules(EventBusName=outputs["eventBusName"])["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"], EventBusName=outputs["eventBusName"])["Targets"]
    ]
    assert group["arn"].removesuffix(":*") in targets


def test_the_bus_is_written_to_files_that_nobody_deletes_and_nobody_adds_to(
    engine: Engine, outputs: dict[str, Any]
) -> None:
    s3, files = engine.client("s3"), {"Bucket": outputs["auditFilesBucket"]}
    entry = {"Source": "another", "DetailType": "Said", "Detail": '{"exact":1.10}'}
    engine.client("events").put_events(Entries=[{**entry, "EventBusName": outputs["eventBusName"]}])

    def found() -> list[dict[str, Any]]:
        keys = [each["Key"] for each in s3.list_objects_v2(**files, Prefix="events/").get("Contents", [])]
        return [s3.get_object(**files, Key=key) | {"Key": key} for key in keys]

    file = eventually(found, bool, SOON)[0]
    assert re.fullmatch(r"events/\d{4}/\d{2}/\d{2}/\d{2}/audit-files-stream-.+\.gz", file["Key"])
    assert gzip.decompress(file["Body"].read()).endswith(b'"detail":{"exact":1.10}}\n')
    assert file["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**files, Key=file["Key"], VersionId=file["VersionId"])
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**files, Key="events/forged.gz", Body=b"")


def test_whoever_is_not_named_puts_no_event_on_the_bus_whatever_the_role_allows(
    engine: Engine, outputs: dict[str, Any]
) -> None:
    """And the relay does: what the command function stores comes to the audit files."""
    ledger = StackClient({**outputs, "endpoint": engine.endpoint})
    iam, name = engine.client("iam"), f"stranger-{uuid4().hex[:6]}"
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(anything))
    keys = engine.client("sts").assume_role(RoleArn=role, RoleSessionName="stranger")["Credentials"]
    stranger: Any = boto3.client(
        "events",
        endpoint_url=engine.endpoint,
        region_name=outputs["region"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    forged: Any = {"Source": "event-sourcing.financial", "DetailType": "AccountCreated", "Detail": "{}"}
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        stranger.put_events(Entries=[{**forged, "EventBusName": outputs["eventBusName"]}])

    ledger.command("guarded", "AccountCreated", {"customerId": "customer-7"})
    s3, files = engine.client("s3"), {"Bucket": outputs["auditFilesBucket"]}

    def told() -> list[str]:
        keys = [each["Key"] for each in s3.list_objects_v2(**files, Prefix="events/").get("Contents", [])]
        lines = [gzip.decompress(s3.get_object(**files, Key=key)["Body"].read()).decode() for key in keys]
        return [line for line in lines if '"AggregateId":"guarded"' in line]

    assert len(eventually(told, bool, SOON)) == 1


def test_alarms_ring_the_topic_and_the_topic_mails_whom_the_stack_names(
    engine: Engine, outputs: dict[str, Any]
) -> None:
    cloudwatch = engine.client("cloudwatch")

    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert alarms
    assert all(alarm["AlarmActions"] == [outputs["alarmTopicArn"]] for alarm in alarms)
    throttled = [alarm for alarm in alarms if alarm["Namespace"] == "AWS/Events" and alarm["Dimensions"]]
    assert {d["Name"] for alarm in throttled for d in alarm["Dimensions"]} == {"EventBusName", "RuleName"}
    [subscription] = engine.client("sns").list_subscriptions_by_topic(TopicArn=outputs["alarmTopicArn"])[
        "Subscriptions"
    ]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")
    assert cloudwatch.get_dashboard(DashboardName=outputs["dashboardName"])["DashboardBody"]


@pytest.fixture(scope="module")
def second(engine: Engine, deployment: Deployment) -> Iterator[Deployment]:
    """A stack beside the first, without any of the parts that can be left out, and with versions of its functions."""
    settings = {**lean_settings(), "typeIndex": "false", "snapshotEvery": "10"}  # a few events are to make one
    settings |= {"deployment": "Canary10Percent5Minutes", "commandProvisionedConcurrency": "1"}
    lean_stack = deploy(engine.endpoint, "dev", PROJECT, config_overrides=settings)
    yield lean_stack
    lean_stack.destroy(force=True)
    assert engine.client("dynamodb").describe_table(TableName=deployment.outputs["eventStoreTable"])


# Called by a name within an API, or a bucket, of which each stack has its own.
NAMED_WITHIN = ("aws:apigatewayv2/stage:Stage", "aws:s3/bucketObjectv2:BucketObjectv2")


def test_a_second_stack_lives_beside_the_first_and_both_work(
    engine: Engine, deployment: Deployment, second: Deployment
) -> None:
    every = [each for each in deployment.resources + second.resources if each.type not in NAMED_WITHIN]
    names = {each.type: set[str]() for each in every}
    for each in every:
        assert each.id not in names[each.type], f"{each.urn} has the same id in both stacks"
        names[each.type].add(each.id)
    for stack in (deployment.outputs, second.outputs):
        answer = engine.client("lambda").invoke(
            FunctionName=stack["queryFunction"], Payload=json.dumps({"queryType": "reconstructState"})
        )
        assert json.loads(answer["Payload"].read())["statusCode"] == 400


def test_a_stack_without_what_can_be_left_out_does_all_else(engine: Engine, second: Deployment) -> None:
    ledger = StackClient({**second.outputs, "endpoint": engine.endpoint})

    for number in range(10):  # the tenth event makes a snapshot
        event = ("AccountCreated", {}) if number == 0 else ("TransactionProcessed", {"amount": 5})
        assert ledger.command("lean", *event)[0] == 200
    row = eventually(lambda: ledger.row("lean") or {}, lambda row: row.get("LastSequence") == 10, SOON)

    assert row["Balance"] == 45
    assert ledger.query("reconstructState", aggregateId="lean")[1]["eventsProcessed"] == 10
    snapshots = engine.client("dynamodb").scan
    made = eventually(lambda: snapshots(TableName=second.outputs["snapshotsTable"])["Count"], bool, SOON)
    assert made == 1
    status, answer = ledger.query("getEventsByType", eventType="AccountCreated")
    assert (status, "its setting typeIndex" in answer["error"]["message"]) == (400, True)
    status, answer = ledger.query("getAccountStatement", accountId="lean")
    assert (status, "its setting `statement`" in answer["error"]["message"]) == (400, True)
    for queue in ("deadLetterQueueUrl", "deliveryDeadLetterQueueUrl", "invocationDeadLetterQueueUrl"):
        assert ledger.messages(queue) == 0
    table = engine.client("dynamodb").describe_table(TableName=second.outputs["eventStoreTable"])["Table"]
    assert "EventType-Timestamp-index" not in {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ())}
    configured = engine.client("lambda").get_function_configuration(FunctionName=second.outputs["commandFunction"])
    assert configured["TracingConfig"] == {"Mode": "PassThrough"}
    lines = engine.client("logs").filter_log_events(logGroupName=configured["LoggingConfig"]["LogGroup"])["events"]
    assert lines
    assert not [line["message"] for line in lines if '"platform.report"' in line["message"]]
    assert not [each for each in second.resources if "audit" in each.urn]


def test_its_callers_are_moved_to_other_code_and_back(engine: Engine, second: Deployment) -> None:
    """As `ops deploy` does it, in the role that the program made for it; all at once, for the time."""
    lambda_, outputs = engine.client("lambda"), {**second.outputs, "endpoint": engine.endpoint}
    called, release = outputs["queryFunction"], outputs["releases"]["query"]
    assert called == f"{release['function']}:live"
    before = lambda_.get_function_configuration(FunctionName=called)
    variables = {**before["Environment"]["Variables"], "OF_ANOTHER_RELEASE": "true"}
    lambda_.update_function_configuration(FunctionName=release["function"], Environment={"Variables": variables})
    version = lambda_.publish_version(FunctionName=release["function"])["Version"]
    there = {**outputs, "releases": {**outputs["releases"], "query": {**release, "version": version}}}
    releases = Releases(System(there, there["region"], engine.endpoint), lambda _: None, lambda _: time.sleep(0.02))
    ledger = StackClient(outputs)
    assert (
        lambda_.get_provisioned_concurrency_config(
            FunctionName=outputs["releases"]["command"]["function"], Qualifier="live"
        )["Status"]
        == "READY"
    )

    releases.start(at_once=True)

    assert releases.standing("query").shares == {version: 1.0}
    assert "OF_ANOTHER_RELEASE" in lambda_.get_function_configuration(FunctionName=called)["Environment"]["Variables"]
    assert ledger.query("reconstructState", aggregateId="nobody")[0] == 404

    assert releases.prunable("query", 1) == [], "what roll_back comes to"
    assert releases.roll_back() == 1

    assert lambda_.get_function_configuration(FunctionName=called)["Version"] == before["Version"]
    assert ledger.query("reconstructState", aggregateId="nobody")[0] == 404

    for number in range(3):
        lambda_.update_function_configuration(
            FunctionName=release["function"], Environment={"Variables": {**variables, "OF_A_RELEASE": str(number)}}
        )
        newest = lambda_.publish_version(FunctionName=release["function"])["Version"]
    there["releases"]["query"]["version"] = newest
    at = releases.standing("query").version
    assert at == before["Version"]
    can_go = releases.prunable("query", 1)
    assert can_go
    assert {at, newest}.isdisjoint(can_go)
    assert releases.prunable("query", 1000) == []

    releases.prune("query", can_go)

    left = {each["Version"] for each in lambda_.list_versions_by_function(FunctionName=release["function"])["Versions"]}
    assert left.isdisjoint(can_go)
    assert {at, newest} <= left
    assert releases.prunable("query", 1) == []
    assert ledger.query("reconstructState", aggregateId="nobody")[0] == 404


def _outputs(resource: DeployedResource) -> Mapping[str, Any]:
    assert resource.created is not None
    return resource.created.outputs


def _reads(deployment: Deployment) -> list[Call]:
    """The calls by which the real provider reads back what was deployed."""
    return [call for resource in deployment.resources for call in READS[resource.type](resource.id, _outputs(resource))]


def test_a_real_provider_can_read_back_all_that_the_program_makes(engine: Engine, deployment: Deployment) -> None:
    definitions = []
    for service, operation, arguments in _reads(deployment):
        answer = getattr(engine.client(service), operation)(**arguments)
        if (service, operation) == ("cloudcontrol", "get_resource"):
            definitions.append(json.loads(answer["ResourceDescription"]["Properties"])["SchemaDefinition"])
    later = [schema for _, version, schema in each_version(load()) if version > 1]
    assert sorted(definitions) == sorted(map(text_of, later))


def test_the_local_stack_has_an_endpoint_for_every_service_that_a_provider_calls(deployment: Deployment) -> None:
    """For a service without one the real provider would call the real AWS."""
    text = (PROJECT / "Pulumi.local.yaml").read_text("utf-8")
    configured = {name for each in yaml.safe_load(text)["config"]["aws:endpoints"] for name in each}
    assert {call.service.replace("-", "") for call in _reads(deployment)} | {"sts"} <= configured


def test_cloud_control_tells_what_became_of_a_request(engine: Engine) -> None:
    control = engine.client("cloudcontrol")
    state = {"Schema": {"SchemaArn": "arn:aws:glue:us-east-1:123456789012:schema/no/such"}, "SchemaDefinition": "{}"}

    asked = control.create_resource(TypeName="AWS::Glue::SchemaVersion", DesiredState=json.dumps(state))

    token = asked["ProgressEvent"]["RequestToken"]
    event = control.get_resource_request_status(RequestToken=token)["ProgressEvent"]
    assert (event["OperationStatus"], event["ErrorCode"]) == ("FAILED", "NotFound")
    with pytest.raises(control.exceptions.RequestTokenNotFoundException):
        control.get_resource_request_status(RequestToken="never given out")
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_resource(TypeName="AWS::Glue::SchemaVersion", Identifier=str(uuid4()))
    with pytest.raises(ClientError, match="AWS::S3::Bucket"):
        control.create_resource(TypeName="AWS::S3::Bucket", DesiredState="{}")


def test_cloudformation_says_of_a_schema_version_that_nothing_of_it_can_change(engine: Engine) -> None:
    told = engine.client("cloudformation").describe_type(Type="RESOURCE", TypeName="AWS::Glue::SchemaVersion")
    schema = json.loads(told["Schema"])
    assert {"/properties/Schema", "/properties/SchemaDefinition"} <= set(schema["createOnlyProperties"])
    assert schema["primaryIdentifier"] == ["/properties/VersionId"]


def test_a_change_of_the_stores_guards_would_reach_the_alarm_topic(
    engine: Engine, outputs: dict[str, Any], deployment: Deployment
) -> None:
    (rule,) = (each for each in deployment.resources if each.name == "guard-watch-rule")
    events = engine.client("events")

    pattern = json.loads(events.describe_rule(Name=_outputs(rule)["name"])["EventPattern"])
    (target,) = events.list_targets_by_rule(Rule=_outputs(rule)["name"])["Targets"]

    table = outputs["eventStoreTable"]
    assert [each["requestParameters"] for each in pattern["detail"]["$or"]] == [
        {"resourceArn": [f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}"]},
        {"tableName": [table, f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}"]},
    ]
    assert target["Arn"] == outputs["alarmTopicArn"]


def test_each_watch_takes_the_calls_that_it_is_for(
    engine: Engine, outputs: dict[str, Any], deployment: Deployment
) -> None:
    """As the rules came to stand there, and as the service matches them."""
    function, place = outputs["commandFunction"].partition(":")[0], "us-east-1:123456789012"
    (api,) = (each for each in deployment.resources if each.name == "people-api-api")
    assert api.created is not None
    (role,) = (each for each in deployment.resources if each.name == "command-role")
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("evidence", "events", "DeleteArchive", {"archiveName": outputs["archiveName"]}),
        ("evidence", "events", "DisableRule", {"name": outputs["auditRuleName"]}),
        ("evidence", "logs", "DeleteLogGroup", {"logGroupName": outputs["auditLogGroup"]}),
        ("evidence", "s3", "PutBucketLifecycle", {"bucketName": outputs["auditFilesBucket"]}),
        ("doors", "events", "PutPermission", {"eventBusName": outputs["eventBusName"]}),
        ("doors", "sqs", "SetQueueAttributes", {"queueUrl": outputs["processQueueUrl"]}),
        ("doors", "apigateway", "UpdateRoute", {"apiId": api.created.id}),
        (
            "writers",
            "lambda",
            "AddPermission20150331v2",
            {"functionName": f"arn:aws:lambda:{place}:function:{function}"},
        ),
        ("publishers", "lambda", "CreateFunctionUrlConfig", {"functionName": outputs["relayFunction"]}),
        ("roles", "iam", "UpdateAssumeRolePolicy", {"roleName": _outputs(role)["name"]}),
    ]
    events = engine.client("events")
    for label, service, name, parameters in calls:
        pattern = events.describe_rule(Name=_watch(deployment, label))["EventPattern"]
        for asked, is_told in ((parameters, True), (dict.fromkeys(parameters, "payroll"), False)):
            sample = json.dumps(_recorded(service, name, asked))
            assert events.test_event_pattern(EventPattern=pattern, Event=sample)["Result"] is is_told, (name, asked)


@pytest.mark.parametrize("label", ["evidence", "doors", "writers", "publishers", "roles"])
def test_what_a_watch_takes_comes_to_whoever_hears_the_alarm_topic(
    engine: Engine, outputs: dict[str, Any], deployment: Deployment, label: str
) -> None:
    """AWS alone puts events of its services, so the rule takes those of another source for a while."""
    events, sns, sqs = engine.client("events"), engine.client("sns"), engine.client("sqs")
    rule = _watch(deployment, label)
    inbox = sqs.create_queue(QueueName=f"inbox-{label}-{uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(TopicArn=outputs["alarmTopicArn"], Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    before = events.describe_rule(Name=rule)["EventPattern"]
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [f"tests.{label}"]}))
    try:
        told = _recorded("tests", "UpdateRoute", {"apiId": label})
        entry = {"DetailType": told["detail-type"], "Detail": json.dumps(told["detail"]), "Source": f"tests.{label}"}
        events.put_events(Entries=[entry])
        (message,) = eventually(
            lambda: list(sqs.receive_message(QueueUrl=inbox, WaitTimeSeconds=1).get("Messages", [])), bool, SOON
        )
    finally:
        events.put_rule(Name=rule, EventPattern=before)
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=inbox)
    assert json.loads(json.loads(message["Body"])["Message"])["detail"] == told["detail"]


def _watch(deployment: Deployment, label: str) -> str:
    (rule,) = (each for each in deployment.resources if each.name == f"{label}-watch-rule")
    return str(_outputs(rule)["name"])


def _recorded(service: str, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What EventBridge makes of a call that CloudTrail recorded."""
    return {
        "id": str(uuid4()),
        "version": "0",
        "account": "123456789012",
        "region": "us-east-1",
        "time": "2024-01-15T10:00:00Z",
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "resources": [],
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "readOnly": False,
            "requestParameters": parameters,
        },
    }


def test_only_the_command_function_and_whoever_breaks_the_glass_add_events(
    engine: Engine, outputs: dict[str, Any]
) -> None:
    """On the laptop the root user breaks it; a role that may do everything does not."""
    table, iam = outputs["eventStoreTable"], engine.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    arn = iam.create_role(RoleName="almighty", AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="almighty", PolicyName="all", PolicyDocument=_document(everything))
    keys = engine.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    session: Any = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=engine.region
    )
    almighty = session.client("dynamodb", endpoint_url=engine.endpoint)

    put = {"TableName": table, "Item": {"AggregateId": {"S": f"made-up-{uuid4()}"}, "EventSequence": {"N": "1"}}}
    with pytest.raises(ClientError, match=r"PutItem .* explicit deny in a resource-based policy"):
        almighty.put_item(**put)
    engine.client("dynamodb").put_item(**put)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
