"""The program as a whole: what it declares, under which names, and what it hands out."""

from __future__ import annotations

from collections import Counter
from inspect import signature

import pytest
import yaml
from pulumi_aws import ProviderEndpointArgs

from tests.infrastructure.program import ONCALL, ROOT, TOKEN, TYPES, Graph, graph, run

OUTPUTS = {
    *("eventBusName", "eventBusArn", "archiveName", "archiveArn", "accountRuleArn"),
    *("eventStoreTable", "readModelTable", "snapshotsTable", "branchesTable", "replaysTable", "schemaRegistryName"),
    *("commandFunction", "relayFunction", "projectionFunction", "queryFunction", "snapshotFunction"),
    *("validateFunction", "processFunction", "sweepFunction", "sweepScheduleName", "branchFunction"),
    "operationsFunction",
    *(
        "commandLogGroup",
        "validateLogGroup",
        "queryLogGroup",
        "relayLogGroup",
        "projectionLogGroup",
        "snapshotLogGroup",
    ),
    *("processLogGroup", "sweepLogGroup", "branchLogGroup", "replayerLogGroup", "operationsLogGroup"),
    "tokenScopesLogGroup",
    *("replayerFunction", "replayerRoleArn", "replayQueueUrl", "replayDeadLetterQueueUrl"),
    *("processQueueUrl", "processDeadLetterQueueUrl"),
    *("processRuleName", "auditRuleName", "auditApartRuleName"),
    *("projectionQueueUrl", "deadLetterQueueUrl", "deliveryDeadLetterQueueUrl", "invocationDeadLetterQueueUrl"),
    *("alarmTopicArn", "auditLogGroup", "dashboardName", "region", "readme"),
    *("apiEndpoint", "machineApiEndpoint", "consoleUrl", "issuer", "signInUrl", "userPoolId", "userPoolClientId"),
}

FUNCTIONS = (
    *("command", "relay", "projection", "query", "snapshot", "validate", "process", "sweep", "branch"),
    "operations",
    "command",
    "relay",
    "projection",
    "query",
    "snapshot",
    "validate",
    "process",
    "sweep",
    "branch",
    "replayer",
)

# The inputs by which a resource can be given a name, instead of one that Pulumi makes up.
NAME_INPUTS = (
    *("name", "namePrefix", "functionName", "layerName", "dashboardName", "policyName", "archiveName"),
    *("registryName", "tableName", "queueName", "topicName", "roleName", "ruleName", "targetId", "alarmName"),
)
# Named within an API or a user pool, of which each stack has its own.
NAMED_WITHIN = ("ResourceServer", "Stage", "UserGroup")


# What the provider calls a service, where it is not what the SDK does.
SERVICES = {"cognito": "cognitoidp", "kinesis": "firehose"}
CALLED_BESIDES = {"cloudformation", "servicequotas", "sts"}
"""By cloudcontrol, and by what the program asks for."""


def service(type_: str) -> str:
    """Which service the provider calls for a type."""
    module, _, name = type_.split(":")[1].partition("/")
    if module == "cloudwatch":
        return next((each + "s" for each in ("event", "log") if name.startswith(each)), module)
    return SERVICES.get(module, module)


def test_the_local_stack_calls_no_service_at_the_real_aws() -> None:
    """Also for what a setting brings; a service that the embedded AWS has not refuses there, by its name."""
    (endpoints,) = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text("utf-8"))["config"]["aws:endpoints"]
    called = {service(each) for each in TYPES if each.startswith("aws:")} | CALLED_BESIDES
    assert endpoints.keys() == called
    assert set(endpoints.values()) == {"http://127.0.0.1:4566"}
    assert endpoints.keys() <= {each.rstrip("_") for each in signature(ProviderEndpointArgs).parameters}


@pytest.mark.parametrize("name", ["dev", "prod", "local"])
def test_every_stack_exports_all_outputs(name: str) -> None:
    exports = graph(name).exports
    assert set(exports) == OUTPUTS
    assert all(isinstance(value, str) and value for value in exports.values())


def test_outputs_lead_to_the_resources_they_name(stack: Graph) -> None:
    expected = {
        "eventBusName": stack.named("events-bus").outputs["name"],
        "eventBusArn": stack.named("events-bus").outputs["arn"],
        "archiveName": stack.named("events-archive").outputs["name"],
        "archiveArn": stack.named("events-archive").outputs["arn"],
        "accountRuleArn": stack.named("projection-feed-rule").outputs["arn"],
        "processRuleName": stack.named("process-feed-rule").outputs["name"],
        "auditRuleName": stack.named("audit-log-rule").outputs["name"],
        "auditApartRuleName": stack.named("audit-log-apart-rule").outputs["name"],
        "eventStoreTable": stack.named("event-store-table").outputs["name"],
        "readModelTable": stack.named("read-model-table").outputs["name"],
        "snapshotsTable": stack.named("snapshots-table").outputs["name"],
        "branchesTable": stack.named("branches-table").outputs["name"],
        "replaysTable": stack.named("replays-table").outputs["name"],
        "projectionQueueUrl": stack.named("projection-feed-queue").outputs["url"],
        "deadLetterQueueUrl": stack.named("projection-dlq-queue").outputs["url"],
        "deliveryDeadLetterQueueUrl": stack.named("delivery-dlq-queue").outputs["url"],
        "invocationDeadLetterQueueUrl": stack.named("invocation-dlq-queue").outputs["url"],
        "alarmTopicArn": stack.named("monitoring-topic").outputs["arn"],
        "auditLogGroup": stack.named("audit-log-group").outputs["name"],
        "dashboardName": stack.named("monitoring-dashboard").outputs["dashboardName"],
    } | {f"{entry}Function": stack.named(f"{entry}-function").outputs["name"] for entry in FUNCTIONS}
    groups = {each: f"{each}-logs" for each in FUNCTIONS} | {"tokenScopes": "token-scopes-logs"}
    expected |= {f"{each}LogGroup": stack.named(name).outputs["name"] for each, name in groups.items()}
    assert {key: stack.exports[key] for key in expected} == expected


def test_the_stack_readme_mentions_only_outputs_that_exist() -> None:
    readme = (ROOT / "Pulumi.README.md").read_text("utf-8")
    placeholders = {part.split("}")[0] for part in readme.split("${outputs.")[1:]}
    assert placeholders
    assert placeholders <= OUTPUTS
    assert {output for output in OUTPUTS if output.endswith("Function")} <= placeholders
    assert "unless the setting `auditLog` is false" in readme


def test_every_resource_belongs_to_a_component(stack: Graph) -> None:
    components = {resource.urn: resource for resource in stack if not resource.custom}
    for resource in stack:
        if resource.custom:
            assert resource.parent in components, f"{resource.name} has no component"
            owner = components[resource.parent].name
            assert resource.name.startswith(f"{owner}-"), f"{resource.name} does not say that it is part of {owner}"
        else:
            assert resource.type.startswith(TOKEN)


def test_every_component_registers_its_outputs_once(stack: Graph) -> None:
    components = {resource.urn for resource in stack if not resource.custom}
    completed = Counter(urn for urn in stack.completed if urn in components)
    assert completed == dict.fromkeys(components, 1)


def test_logical_names_are_unique(stack: Graph) -> None:
    names = Counter(resource.name for resource in stack)
    assert [name for name, times in names.items() if times > 1] == []


def test_two_stacks_share_no_physical_name() -> None:
    """Where AWS insists on being given a name, it holds the stack's; everything else is named by Pulumi."""
    given = {
        name: {
            (resource.type, key): resource.inputs[key]
            for resource in graph(name)
            for key in NAME_INPUTS
            # These refer to the function that they belong to, or stand inside of what is the stack's own.
            if key in resource.inputs
            and not (key == "functionName" and "function:Function" not in resource.type)
            and resource.type.rpartition(":")[2] not in NAMED_WITHIN
        }
        for name in ("dev", "prod")
    }
    prefixes = {each.inputs["namePrefix"] for each in graph("dev") if "namePrefix" in each.inputs}
    assert prefixes == {
        f"/aws/{name}-" for name in ("events/audit-log", "vendedlogs/people-api", "vendedlogs/machine-api")
    }
    for name, names in given.items():
        assert all(name in value for (_, key), value in names.items() if key != "namePrefix")


def test_a_preview_shows_what_an_update_will_make(stack: Graph) -> None:
    """Nothing hangs on a value that only AWS knows: neither whether a resource exists nor what it is called."""
    stack_name = stack.exports["dashboardName"].removeprefix("event-sourcing-")
    preview = run(stack_name, is_preview=True)
    assert {resource.urn for resource in preview} == {resource.urn for resource in stack}


def test_no_input_holds_an_unresolved_output(stack: Graph) -> None:
    for resource in stack:
        assert "Calling __str__" not in repr(resource.inputs), resource.name


def test_dev_and_prod_are_one_system_of_two_sizes() -> None:
    """What works in dev is what runs in prod: the same resources, of other retention, size and protection."""
    dev, prod = ({(r.type, r.name) for r in graph(stack)} for stack in ("dev", "prod"))
    assert prod - dev == {("aws:sns/topicSubscription:TopicSubscription", f"monitoring-{ONCALL}")}
    assert dev <= prod
