"""What the deployer promises any program: real resources, one clear error, nothing left behind."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.deploy import DeployError, Progress, deploy
from local.deploy.monitor import Monitor
from tests.local.projects import PlainAws, plain_aws, write_project

ALLOW = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]})


@pytest.fixture(scope="module")
def plain() -> Iterator[PlainAws]:
    with plain_aws() as started:
        yield started


@pytest.fixture
def endpoint(plain: PlainAws) -> str:
    return plain.endpoint


@pytest.fixture
def aws(plain: PlainAws) -> Any:
    return plain.client


def queue_names(aws: Any, prefix: str) -> list[str]:
    urls = aws("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])
    return [url.rsplit("/", 1)[1] for url in urls]


def test_a_program_becomes_real_resources_and_outputs(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    queue = aws.sqs.Queue("real", visibility_timeout_seconds=pulumi.Config().require_int("size"))
    pulumi.export("name", queue.name)
    pulumi.export("timeout", queue.visibility_timeout_seconds)
    pulumi.export("sentence", pulumi.Output.format("at {0}", queue.arn))
    """

    deployment = deploy(endpoint, "local", write_project(tmp_path, program), config_overrides={"size": "7"})

    [resource] = deployment.resources
    name = deployment.outputs["name"]
    assert re.fullmatch(r"real-[0-9a-f]{7}", name)
    assert deployment.outputs["timeout"] == 7
    assert deployment.outputs["sentence"] == f"at arn:aws:sqs:us-east-1:123456789012:{name}"
    assert resource.urn == "urn:pulumi:local::demo::aws:sqs/queue:Queue::real"
    attributes = aws("sqs").get_queue_attributes(QueueUrl=resource.id, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"] == {"VisibilityTimeout": "7"}


def test_no_position_in_the_program_is_looked_for(
    tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look for one costs a tenth of the time that a program takes, and there is nobody to read it."""
    told: list[Any] = []
    register = Monitor.RegisterResource

    def noting(monitor: Monitor, request: Any) -> Any:
        told.append((len(request.stackTrace.frames), request.HasField("sourcePosition")))
        return register(monitor, request)

    monkeypatch.setattr(Monitor, "RegisterResource", noting)
    deploy(endpoint, "local", write_project(tmp_path, 'aws.sqs.Queue("anywhere")'))

    assert set(told) == {(0, False)}


def test_destroy_deletes_the_newest_first_and_leaves_nothing(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    first = aws.sqs.Queue("gone-first")
    second = aws.sqs.Queue("gone-second", redrive_policy=first.arn.apply(
        lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})))
    """
    deployment = deploy(endpoint, "local", write_project(tmp_path, program))
    seen: list[Progress] = []

    deployment.destroy(on_progress=seen.append)

    assert [each.subject for each in seen if each.kind == "deleted"] == ["gone-second", "gone-first"]
    assert deployment.resources == []
    assert queue_names(aws, "gone") == []


def test_two_stacks_live_side_by_side(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    queue = aws.sqs.Queue("side")
    pulumi.export("name", queue.name)
    pulumi.export("stack", pulumi.get_stack())
    """
    region = "config:\n  aws:region: us-east-1\n"
    folder = write_project(tmp_path, program, blue=region, green=region)

    blue, green = deploy(endpoint, "blue", folder), deploy(endpoint, "green", folder)

    assert {blue.outputs["stack"], green.outputs["stack"]} == {"blue", "green"}
    assert sorted(queue_names(aws, "side")) == sorted([blue.outputs["name"], green.outputs["name"]])
    blue.destroy()
    assert queue_names(aws, "side") == [green.outputs["name"]]


def test_it_works_where_an_event_loop_already_runs(tmp_path: Path, endpoint: str) -> None:
    folder = write_project(tmp_path, 'pulumi.export("answer", pulumi.Output.from_input(42))')

    async def caller() -> int:
        return int(deploy(endpoint, "local", folder).outputs["answer"])

    assert asyncio.run(caller()) == 42


def test_the_program_finds_its_own_modules_and_files(tmp_path: Path, endpoint: str) -> None:
    folder = write_project(
        tmp_path,
        """
        from pathlib import Path
        import demo_neighbour
        pulumi.export("neighbour", demo_neighbour.NAME)
        pulumi.export("note", Path("note.txt").read_text())
        """,
    )
    (folder / "demo_neighbour.py").write_text("NAME = 'next door'")
    (folder / "note.txt").write_text("here")

    assert deploy(endpoint, "local", folder).outputs == {"neighbour": "next door", "note": "here"}


def test_components_pass_through_and_parent_their_children(tmp_path: Path, endpoint: str) -> None:
    program = """
    class Pair(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("demo:index:Pair", name)
            self.queue = aws.sqs.Queue(f"{name}-queue", opts=pulumi.ResourceOptions(parent=self))
            self.register_outputs({"url": self.queue.url})

    pulumi.export("urn", Pair("pair").queue.urn)
    """

    deployment = deploy(endpoint, "local", write_project(tmp_path, program))

    assert deployment.outputs["urn"] == "urn:pulumi:local::demo::demo:index:Pair$aws:sqs/queue:Queue::pair-queue"
    assert [each.type for each in deployment.resources] == ["aws:sqs/queue:Queue"]


def test_the_limit_of_concurrency_is_that_of_most_accounts(tmp_path: Path, endpoint: str) -> None:
    program = """
    quota = aws.servicequotas.get_service_quota(service_code="lambda", quota_code="L-B99A9384")
    pulumi.export("limit", int(quota.value))
    """
    assert deploy(endpoint, "local", write_project(tmp_path, program)).outputs == {"limit": 1000}


def test_account_region_and_partition_are_the_endpoints_own(tmp_path: Path, endpoint: str) -> None:
    program = """
    pulumi.export("account", aws.get_caller_identity().account_id)
    pulumi.export("region", aws.get_region_output().region)
    pulumi.export("partition", aws.get_partition().partition)
    """
    folder = write_project(tmp_path, program, local="config:\n  aws:region: eu-central-1\n")

    outputs = deploy(endpoint, "local", folder).outputs

    assert outputs == {"account": "123456789012", "region": "eu-central-1", "partition": "aws"}


def test_an_explicit_provider_and_default_tags_are_honoured(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    west = aws.Provider("west", region="us-west-2", default_tags={"tags": {"owner": "bank"}})
    queue = aws.sqs.Queue("western", tags={"kind": "test"}, opts=pulumi.ResourceOptions(provider=west))
    pulumi.export("arn", queue.arn)
    pulumi.export("tags", queue.tags_all)
    """

    outputs = deploy(endpoint, "local", write_project(tmp_path, program)).outputs

    assert outputs["arn"].startswith("arn:aws:sqs:us-west-2:")
    assert outputs["tags"] == {"owner": "bank", "kind": "test"}


def test_secret_inputs_reach_aws_in_plain_and_stay_secret_to_the_program(
    tmp_path: Path, endpoint: str, aws: Any
) -> None:
    program = """
    topic = aws.sns.Topic("hush", display_name=pulumi.Output.secret("psst"))
    pulumi.export("arn", topic.arn)
    pulumi.export("is_secret", pulumi.Output.unsecret(pulumi.Output.from_input(topic.display_name.is_secret())))
    """

    outputs = deploy(endpoint, "local", write_project(tmp_path, program)).outputs

    assert aws("sns").get_topic_attributes(TopicArn=outputs["arn"])["Attributes"]["DisplayName"] == "psst"
    assert outputs["is_secret"] is True


@pytest.mark.parametrize(
    ("arguments", "name"),
    [('name="as-i-say"', "as-i-say"), ('name_prefix="begins-"', r"begins-[0-9a-f]{26}"), ("", r"named-[0-9a-f]{7}")],
)
def test_names_are_made_as_the_provider_makes_them(tmp_path: Path, endpoint: str, arguments: str, name: str) -> None:
    folder = write_project(tmp_path, f'pulumi.export("name", aws.sqs.Queue("named", {arguments}).name)')

    assert re.fullmatch(name, deploy(endpoint, "local", folder).outputs["name"])


def test_what_happens_is_reported_as_it_happens(tmp_path: Path, endpoint: str) -> None:
    seen: list[Progress] = []
    program = 'pulumi.log.info("on it")\npulumi.log.warn("careful")\naws.sqs.Queue("watched")'

    deploy(endpoint, "local", write_project(tmp_path, program), seen.append)

    assert [(each.kind, each.subject) for each in seen] == [
        ("info", "on it"),
        ("warning", "careful"),
        ("creating", "watched"),
        ("created", "watched"),
    ]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            'aws.ssm.Parameter("stray", type="String", value="x")',
            "urn:pulumi:local::demo::aws:ssm/parameter:Parameter::stray: "
            "the embedded AWS knows no resource type aws:ssm/parameter:Parameter",
        ),
        (
            'aws.sns.Topic("stray", fifo_topic=True)',
            "urn:pulumi:local::demo::aws:sns/topic:Topic::stray: "
            "the embedded AWS cannot honour the input fifoTopic of aws:sns/topic:Topic",
        ),
        (
            """
            aws.dynamodb.Table("stray", hash_key="id", billing_mode="PAY_PER_REQUEST",
                attributes=[{"name": "id", "type": "S"}],
                global_secondary_indexes=[{"name": "by-id", "hash_key": "id", "projection_type": "ALL",
                    "warm_throughput": {"read_units_per_second": 1}}])
            """,
            "the input globalSecondaryIndexes[0].warmThroughput of aws:dynamodb/table:Table",
        ),
        (
            "aws.get_availability_zones()",
            "the embedded AWS knows no provider function aws:index/getAvailabilityZones:getAvailabilityZones",
        ),
        (
            'aws.sqs.Queue("stray", name="q" * 81)',
            "is 81 characters long; the service allows 80",
        ),
        (
            'aws.cloudwatch.EventRule("stray", event_bus_name="nowhere", event_pattern="{}")',
            "urn:pulumi:local::demo::aws:cloudwatch/eventRule:EventRule::stray: "
            "An error occurred (ResourceNotFoundException) when calling the PutRule operation",
        ),
        (
            'aws.sqs.Queue("stray"); aws.sqs.Queue("stray")',
            "urn:pulumi:local::demo::aws:sqs/queue:Queue::stray: the program registers this URN twice",
        ),
        (
            'aws.sqs.Queue("stray", opts=pulumi.ResourceOptions(import_="existing"))',
            "importing a resource is beyond the embedded AWS",
        ),
        (
            'aws.sqs.Queue.get("stray", "https://sqs.us-east-1.amazonaws.com/1/elsewhere")',
            "'stray': reading what another stack owns is beyond the embedded AWS",
        ),
        ('raise pulumi.RunError("accounts need a currency")', "accounts need a currency"),
        ('int("twelve")', "__main__.py:4: ValueError: invalid literal for int() with base 10: 'twelve'"),
        ('aws.sqs.Queue("stray").name.apply(lambda name: 1 / 0)', "__main__.py:4: ZeroDivisionError: division by zero"),
        ('pulumi.Config().require("colour")', "Missing required configuration variable 'demo:colour'"),
    ],
)
def test_what_cannot_be_deployed_is_one_clear_error(
    tmp_path: Path, endpoint: str, aws: Any, program: str, expected: str
) -> None:
    folder = write_project(tmp_path, program)

    with pytest.raises(DeployError) as caught:
        deploy(endpoint, "local", folder)

    assert expected in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert queue_names(aws, "stray") == []


def test_a_failure_reaches_the_caller_past_everything_that_waits_for_it(
    tmp_path: Path, endpoint: str, aws: Any
) -> None:
    program = """
    before = aws.sqs.Queue("rolled-back")
    broken = aws.cloudwatch.EventRule("broken", event_bus_name="nowhere", event_pattern="{}",
        opts=pulumi.ResourceOptions(depends_on=[before]))
    target = aws.cloudwatch.EventTarget("after", rule=broken.name, arn=before.arn)
    later = aws.sqs.Queue("later", opts=pulumi.ResourceOptions(depends_on=[target]))
    pulumi.export("broken", pulumi.Output.format("{0}", broken.arn))
    """

    with pytest.raises(DeployError, match=r"::broken: .*\(ResourceNotFoundException\)"):
        deploy(endpoint, "local", write_project(tmp_path, program))

    assert queue_names(aws, "rolled-back") == []
    assert queue_names(aws, "later") == []


def test_an_endpoint_that_does_not_answer_is_an_error_not_a_wait(tmp_path: Path) -> None:
    folder = write_project(tmp_path, 'aws.sqs.Queue("nowhere")')

    with pytest.raises(DeployError, match=r'Could not connect to the endpoint URL: "http://127\.0\.0\.1:9/"'):
        deploy("http://127.0.0.1:9", "local", folder)


def test_protected_resources_survive_destroy_unless_forced(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    aws.sqs.Queue("plain")
    table = aws.dynamodb.Table("safe", hash_key="id", billing_mode="PAY_PER_REQUEST",
        attributes=[{"name": "id", "type": "S"}], deletion_protection_enabled=True,
        opts=pulumi.ResourceOptions(protect=True))
    pulumi.export("table", table.name)
    """
    deployment = deploy(endpoint, "local", write_project(tmp_path, program))
    table = deployment.outputs["table"]

    with pytest.raises(DeployError, match=r"protected, so nothing was deleted: .*::safe"):
        deployment.destroy()

    assert table in aws("dynamodb").list_tables()["TableNames"]
    assert len(queue_names(aws, "plain")) == 1
    deployment.destroy(force=True)
    assert table not in aws("dynamodb").list_tables()["TableNames"]


def test_what_is_to_be_retained_is_left_by_destroy(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    aws.sqs.Queue("goes")
    aws.sqs.Queue("stays", opts=pulumi.ResourceOptions(retain_on_delete=True))
    """
    deployment = deploy(endpoint, "local", write_project(tmp_path, program))

    deployment.destroy()

    assert queue_names(aws, "goes") == []
    (stays,) = queue_names(aws, "stays")
    aws("sqs").delete_queue(QueueUrl=aws("sqs").get_queue_url(QueueName=stays)["QueueUrl"])


def test_a_refused_deletion_names_the_resource_and_can_be_tried_again(tmp_path: Path, endpoint: str, aws: Any) -> None:
    program = """
    role = aws.iam.Role("held", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    pulumi.export("role", role.name)
    """
    deployment = deploy(endpoint, "local", write_project(tmp_path, program))
    role = deployment.outputs["role"]
    aws("iam").put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=POLICY)

    with pytest.raises(DeployError, match=r"::held: .*\(DeleteConflict\)"):
        deployment.destroy()
    aws("iam").delete_role_policy(RoleName=role, PolicyName="by-hand")
    deployment.destroy()

    assert role not in [each["RoleName"] for each in aws("iam").list_roles()["Roles"]]
