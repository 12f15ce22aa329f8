"""Published versions, aliases that share traffic out, what belongs to an alias alone, and environments that stand."""

from __future__ import annotations

import base64
import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.engine import backends, functions
from tests.local.conftest import Workshop, package
from tests.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

WHICH = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_FUNCTION_VERSION'], {!r}"


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code


def two_versions(workshop: Workshop, **settings: Any) -> str:
    """A function with the versions 1 and 2 and an alias `live` of 1."""
    name = workshop.function(WHICH.format("old"), Publish=True, **settings)
    new = package({"main.py": WHICH.format("new")})
    assert workshop.lambda_.update_function_code(FunctionName=name, ZipFile=new, Publish=True)["Version"] == "2"
    workshop.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


def test_a_version_is_published_with_the_function_and_with_its_code(workshop: Workshop) -> None:
    logging = {"LogFormat": "JSON", "LogGroup": "of-the-function"}
    name = two_versions(workshop, LoggingConfig=logging)

    assert workshop.invoke(f"{name}:1")["Payload"] == ["1", "old"]
    assert workshop.invoke(f"{name}:2")["Payload"] == ["2", "new"]
    assert workshop.invoke(name)["Payload"] == ["$LATEST", "new"]
    for version in ("1", "2"):
        told = workshop.lambda_.get_function_configuration(FunctionName=name, Qualifier=version)
        assert told["LoggingConfig"]["LogGroup"] == "of-the-function"


def test_nothing_new_is_no_new_version(workshop: Workshop) -> None:
    name = workshop.function(WHICH.format("old"), Publish=True)
    same = package({"main.py": WHICH.format("old"), "more.py": ""})
    workshop.lambda_.update_function_code(FunctionName=name, ZipFile=same)

    assert workshop.lambda_.publish_version(FunctionName=name)["Version"] == "2"
    workshop.lambda_.update_function_code(FunctionName=name, ZipFile=same)
    assert workshop.lambda_.publish_version(FunctionName=name)["Version"] == "2"

    workshop.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"A": "1"}})
    assert workshop.lambda_.publish_version(FunctionName=name)["Version"] == "3"


def test_an_alias_shares_invocations_out_by_weight(workshop: Workshop) -> None:
    name = two_versions(workshop)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    workshop.lambda_.update_alias(FunctionName=name, Name="live", RoutingConfig=weights)

    answers = Counter(workshop.invoke(f"{name}:live")["ExecutedVersion"] for _ in range(60))
    assert set(answers) == {"1", "2"}

    told = workshop.lambda_.update_alias(
        FunctionName=name, Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert told["FunctionVersion"] == "2"
    assert {workshop.invoke(f"{name}:live")["ExecutedVersion"] for _ in range(20)} == {"2"}


@pytest.mark.parametrize(
    ("version", "weights", "code"),
    [
        ("1", {"1": 0.5}, "InvalidParameterValueException"),
        ("1", {"2": 1.5}, "InvalidParameterValueException"),
        ("1", {"2": 0.1, "$LATEST": 0.1}, "InvalidParameterValueException"),
        ("$LATEST", {"2": 0.1}, "InvalidParameterValueException"),
        ("1", {"9": 0.1}, "ResourceNotFoundException"),
        ("9", {}, "ResourceNotFoundException"),
        ("live", {}, "InvalidParameterValueException"),
    ],
)
def test_what_aws_refuses_of_an_alias_is_refused(
    workshop: Workshop, version: str, weights: dict[str, float], code: str
) -> None:
    name = two_versions(workshop)
    routing = {"AdditionalVersionWeights": weights}
    with refused(code):
        workshop.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version, RoutingConfig=routing)
    with refused(code):
        workshop.lambda_.create_alias(FunctionName=name, Name="other", FunctionVersion=version, RoutingConfig=routing)
    assert workshop.lambda_.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"


def test_an_alias_that_somebody_changed_meanwhile_is_left_alone(workshop: Workshop) -> None:
    name = two_versions(workshop)
    seen = workshop.lambda_.get_alias(FunctionName=name, Name="live")["RevisionId"]
    workshop.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion="2")

    with refused("PreconditionFailedException"):
        workshop.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion="1", RevisionId=seen)


def test_a_version_behind_an_alias_is_not_deleted(workshop: Workshop) -> None:
    name = two_versions(workshop)

    with refused("ResourceConflictException"):
        workshop.lambda_.delete_function(FunctionName=name, Qualifier="1")
    workshop.lambda_.delete_alias(FunctionName=name, Name="live")
    workshop.lambda_.delete_function(FunctionName=name, Qualifier="1")


def test_a_permission_of_the_function_is_none_of_its_alias(workshop: Workshop) -> None:
    name = two_versions(workshop)
    source = "arn:aws:execute-api:us-east-1:123456789012:api/*"
    permission = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "SourceArn": source}
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    admits = workshop.engine._live.gateway.authorizer.admits

    def admitted(resource: str) -> bool:
        return admits("apigateway.amazonaws.com", "lambda:InvokeFunction", resource, source)

    workshop.lambda_.add_permission(FunctionName=name, StatementId="function", **permission)
    assert (admitted(arn), admitted(f"{arn}:live")) == (True, False)

    workshop.lambda_.add_permission(FunctionName=name, StatementId="alias", Qualifier="live", **permission)
    workshop.lambda_.remove_permission(FunctionName=name, StatementId="function")
    assert (admitted(arn), admitted(f"{arn}:live")) == (False, True)


def test_retries_and_destinations_of_the_function_are_none_of_its_alias(workshop: Workshop) -> None:
    lost, failures = workshop.queue(), workshop.queue()
    name = workshop.function("def handler(event, context): raise RuntimeError", Publish=True)
    workshop.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for qualifier, queue in ((None, lost), ("live", failures)):
        workshop.lambda_.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(queue)}},
            **({"Qualifier": qualifier} if qualifier else {}),
        )
    told = workshop.lambda_.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert sorted(each["FunctionArn"].rsplit(":", 1)[1] for each in told) == ["$LATEST", "live"]

    workshop.lambda_.invoke(FunctionName=f"{name}:live", InvocationType="Event", Payload=b'{"n": 1}')

    assert json.loads(workshop.take(failures)[0]["Body"])["requestPayload"] == {"n": 1}
    assert workshop.size(lost) == 0
    workshop.lambda_.delete_function_event_invoke_config(FunctionName=name, Qualifier="live")
    with refused("ResourceNotFoundException"):
        workshop.lambda_.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
    workshop.lambda_.get_function_event_invoke_config(FunctionName=name)


def test_a_queue_feeds_the_alias_it_names(workshop: Workshop) -> None:
    tell, queue = workshop.queue(), workshop.queue()
    code = "import os, telling\ndef handler(event, context): telling.tell(os.environ['AWS_LAMBDA_FUNCTION_VERSION'])"
    name = workshop.function(code, tell=tell, Publish=True)
    alias = workshop.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]
    workshop.lambda_.update_function_configuration(FunctionName=name, Timeout=9)
    workshop.lambda_.create_event_source_mapping(FunctionName=alias, EventSourceArn=workshop.queue_arn(queue))

    workshop.sqs.send_message(QueueUrl=queue, MessageBody="{}")

    assert workshop.told(tell) == ["1"]


def test_provisioned_environments_stand_before_anybody_comes(workshop: Workshop) -> None:
    code = (
        "import os\nprint('loaded')\ndef handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"
    )
    name = workshop.function(code, Publish=True)
    workshop.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    of = {"FunctionName": name, "Qualifier": "live"}
    workshop.lambda_.put_provisioned_concurrency_config(**of, ProvisionedConcurrentExecutions=2)

    def status() -> str:
        return str(workshop.lambda_.get_provisioned_concurrency_config(**of)["Status"])

    eventually(lambda: status() == "READY")
    answer = workshop.invoke(f"{name}:live", LogType="Tail")

    assert answer["Payload"] == "provisioned-concurrency"
    assert b"Init Duration" not in base64.b64decode(answer["LogResult"])
    assert workshop.invoke(name)["Payload"] == "on-demand"
    workshop.lambda_.delete_provisioned_concurrency_config(**of)
    with refused("ProvisionedConcurrencyConfigNotFoundException"):
        status()


def test_they_move_along_with_the_alias(workshop: Workshop) -> None:
    name = workshop.function("import os\ndef handler(event, context): return os.environ.get('C')", Publish=True)
    workshop.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    of = {"FunctionName": name, "Qualifier": "live"}
    workshop.lambda_.put_provisioned_concurrency_config(**of, ProvisionedConcurrentExecutions=1)
    workshop.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"C": "new"}})
    version = workshop.lambda_.publish_version(FunctionName=name)["Version"]
    workshop.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    eventually(lambda: workshop.lambda_.get_provisioned_concurrency_config(**of)["Status"] == "READY")
    assert workshop.invoke(f"{name}:live")["Payload"] == "new"


def test_what_cannot_be_loaded_is_told(workshop: Workshop) -> None:
    name = workshop.function("raise RuntimeError('broken')", Publish=True)
    of = {"FunctionName": name, "Qualifier": "1"}
    workshop.lambda_.put_provisioned_concurrency_config(**of, ProvisionedConcurrentExecutions=1)

    def reason() -> str:
        return str(workshop.lambda_.get_provisioned_concurrency_config(**of).get("StatusReason", ""))

    assert "broken" in eventually(reason)


def test_what_aws_refuses_of_provisioned_concurrency_is_refused(workshop: Workshop) -> None:
    name = two_versions(workshop)
    put = workshop.lambda_.put_provisioned_concurrency_config

    with refused("InvalidParameterValueException"):
        put(FunctionName=name, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    workshop.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    with refused("InvalidParameterValueException"):
        put(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=3)
    with refused("ResourceNotFoundException"):
        put(FunctionName=name, Qualifier="nobody", ProvisionedConcurrentExecutions=1)


def test_snap_start_is_kept_of_published_versions_alone(workshop: Workshop) -> None:
    name = workshop.function(WHICH.format("x"), Publish=True, SnapStart={"ApplyOn": "PublishedVersions"})

    def told(qualifier: str) -> Any:
        return workshop.lambda_.get_function_configuration(FunctionName=name, Qualifier=qualifier)["SnapStart"]

    assert told("$LATEST") == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    assert told("1") == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    with refused("InvalidParameterValueException"):
        workshop.lambda_.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
        )
    with refused("InvalidParameterValueException"):
        workshop.lambda_.update_function_configuration(
            FunctionName=name, Runtime="python3.11", SnapStart={"ApplyOn": "PublishedVersions"}
        )


def test_what_is_published_shares_the_bytes_of_its_package(workshop: Workshop) -> None:
    """2 MB a version otherwise."""
    name = workshop.function(WHICH.format("x"), Publish=True)

    latest, version = (
        functions.record_of(functions.FunctionRef("us-east-1", name, qualifier)) for qualifier in (None, "1")
    )
    assert version is backends.functions_by_name("us-east-1")[name]["versions"][0]
    assert version.code_bytes is latest.code_bytes
