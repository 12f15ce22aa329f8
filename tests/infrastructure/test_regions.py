"""A stack of two Regions: what lies where, what crosses between them, and that one Region has nothing of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from components.account_limits import AccountLimitError
from handlers.store import standings
from handlers.upkeep.letters import queues
from ops.feeds import FED
from ops.function_logs import FUNCTIONS, spelled
from ops.status import looks
from tests.infrastructure.policy import as_list, may
from tests.infrastructure.program import Graph, Resource, graph, of_two_regions, run

HERE, THERE = "us-east-1", "eu-west-1"
_TWO = {"event-sourcing:regions": json.dumps([HERE, THERE])}
_BETWEEN = ("reconcile", "conflict", "crossing", "standings", "region")


@pytest.fixture(scope="module")
def two() -> Graph:
    return of_two_regions()


def _is_beside(resource: Resource) -> bool:
    return "event-sourcing:index:Region" in resource.urn


def of(two: Graph, region: str, type_: str) -> dict[str, Resource]:
    found = {each.name: each for each in two.of(type_) if _is_beside(each) == (region == THERE)}
    assert len(found) == sum(_is_beside(each) == (region == THERE) for each in two.of(type_))
    return found


def test_one_region_has_nothing_of_two() -> None:
    one = graph("prod")
    names = {each.name for each in one}

    assert not [name for name in names if name.startswith(_BETWEEN)]
    assert "regions" not in one.exports
    assert all("replicas" not in each.inputs for each in one.of("Table"))
    environment = [name for each in one.of("Function") for name in each.inputs["environment"]["variables"]]
    assert not [name for name in environment if "REGION" in name or "CONFLICT" in name]
    statements = one.named("event-store-guard-policy").statements()
    assert [each["Sid"] for each in statements] == ["AppendOnly", "AppendByTheLedger"]


def test_the_second_region_has_all_but_what_is_replicated_and_the_front_door(two: Graph) -> None:
    for type_ in ("EventBus", "Queue", "Schedule", "Key", "Topic", "MetricAlarm"):
        first, second = of(two, HERE, type_), of(two, THERE, type_)
        assert second.keys() <= first.keys()
        assert {name for name in first.keys() - second.keys() if "api" not in name} <= {
            *(f"monitoring-{each}" for each in first_alone())
        }, type_
    assert of(two, HERE, "Table").keys() - of(two, THERE, "Table").keys() == {"event-store-table", "conflicts-table"}
    functions = of(two, HERE, "Function").keys() - of(two, THERE, "Function").keys()
    assert functions == {"operations-function", "token-scopes-function"}


def first_alone() -> list[str]:
    alarms = ("errors", "throttles", "dead-letter-failures")
    return [*(f"{name}-{each}" for name in ("operations", "token-scopes") for each in alarms), "operations-faults"]


def test_nothing_lies_in_a_region_by_the_others_provider(two: Graph) -> None:
    for each in two:
        arn = str(each.outputs.get("arn", "")) if each.custom and "arn" not in each.inputs else ""
        if arn.count(":") >= 5 and (region := arn.split(":")[3]):
            assert region == (THERE if _is_beside(each) else HERE), each.urn


def test_two_tables_are_replicated_each_under_a_key_of_its_region(two: Graph) -> None:
    keys = {region: of(two, region, "Key")["encryption-key"].outputs["arn"] for region in (HERE, THERE)}
    for name, table in of(two, HERE, "Table").items():
        replicas = table.inputs.get("replicas", [])
        if name not in ("event-store-table", "conflicts-table"):
            assert not replicas
            continue
        assert table.inputs["serverSideEncryption"]["kmsKeyArn"] == keys[HERE]
        assert replicas == [
            {
                "regionName": THERE,
                "kmsKeyArn": keys[THERE],
                "pointInTimeRecovery": True,
                "deletionProtectionEnabled": True,
                "propagateTags": True,
            }
        ]


def test_each_region_follows_its_own_stream_and_guards_its_own_replica(two: Graph) -> None:
    table = two.named("event-store-table")
    (replica,) = table.outputs["replicas"]
    for region, arn, stream in (
        (HERE, table.outputs["arn"], table.outputs["streamArn"]),
        (THERE, replica["arn"], replica["streamArn"]),
    ):
        mappings = of(two, region, "EventSourceMapping")
        assert {mappings[f"{name}-feed-mapping"].inputs["eventSourceArn"] for name in ("relay", "snapshot")} == {stream}
        policy = of(two, region, "ResourcePolicy")["event-store-guard-policy"]
        assert policy.inputs["resourceArn"] == arn


def test_reconcile_of_each_region_alone_may_remove_events_there(two: Graph) -> None:
    for region in (HERE, THERE):
        roles = {name.removesuffix("-role"): each.outputs["arn"] for name, each in of(two, region, "Role").items()}
        policy = of(two, region, "ResourcePolicy")["event-store-guard-policy"]
        admitted = {
            action: set(as_list(statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]))
            for statement in policy.statements()
            for action in as_list(statement["Action"])
        }
        replication = admitted["dynamodb:UpdateItem"]
        assert all("AWSServiceRoleForDynamoDBReplication" in arn for arn in replication)
        assert admitted["dynamodb:DeleteItem"] - replication == {roles["reconcile"]}
        writers = {roles[name] for name in ("command", "process", "sweep", "reconcile")}
        assert admitted["dynamodb:PutItem"] - replication == writers
        assert admitted["dynamodb:BatchWriteItem"] == replication
        policies = of(two, region, "RolePolicy")
        for name, each in policies.items():
            deletes = may(each.statements(), "dynamodb:DeleteItem", policy.inputs["resourceArn"])
            assert deletes == (name == "reconcile-policy"), name


def test_functions_are_told_where_they_are_and_who_decides_at_first(two: Graph) -> None:
    for region, role in ((HERE, "active"), (THERE, "standby")):
        for name in ("command", "process", "sweep", "validate", "relay", "reconcile"):
            told = of(two, region, "Function")[f"{name}-function"].inputs["environment"]["variables"]
            assert (told["REGION"], told["REGION_ROLE"], told["PRIMARY_REGION"]) == (region, role, HERE)
            assert told["REGION_TABLE"] == of(two, region, "Table")["standings-table"].outputs["name"]
        assert of(two, region, "Function")["reconcile-function"].inputs["environment"]["variables"]["REGIONS"] == (
            f"{HERE},{THERE}"
        )


def test_at_home_both_decide() -> None:
    two = run("dev", {**_TWO, "event-sourcing:regionMode": "home"})
    roles = [
        each.inputs["environment"]["variables"]["REGION_ROLE"]
        for each in two.of("Function")
        if each.name == "command-function"
    ]
    assert roles == ["active", "active"]


def test_a_fence_is_waited_for_as_the_handlers_reckon(two: Graph) -> None:
    timeout = int(of(two, HERE, "Function")["command-function"].inputs["timeout"])
    assert two.exports["fenceSeconds"] == standings.fence_seconds(timeout)
    told = of(two, HERE, "Function")["reconcile-function"].inputs["environment"]["variables"]
    assert told["FENCE_SECONDS"] == str(two.exports["fenceSeconds"])


def test_what_has_no_stored_event_crosses_once_and_does_not_come_back(two: Graph) -> None:
    for region, other in ((HERE, THERE), (THERE, HERE)):
        rule = of(two, region, "EventRule")["crossing-rule"]
        assert json.loads(rule.inputs["eventPattern"]) == {
            "source": ["event-sourcing.financial"],
            "detail-type": ["CommandRejected"],
            "region": [region],
        }
        target = of(two, region, "EventTarget")["crossing-target"]
        bus = of(two, other, "EventBus")["events-bus"].outputs["arn"]
        assert target.inputs["arn"] == bus
        role = of(two, region, "RolePolicy")["crossing-policy"]
        assert [(each["Action"], each["Resource"]) for each in role.statements()] == [(["events:PutEvents"], [bus])]


def test_each_region_tells_that_it_lags_that_something_is_lost_and_that_it_is_overtaken(two: Graph) -> None:
    for region, other in ((HERE, THERE), (THERE, HERE)):
        alarms = of(two, region, "MetricAlarm")
        late = alarms["monitoring-replication-latency"].inputs
        assert late["dimensions"] == {
            "TableName": two.named("event-store-table").outputs["name"],
            "ReceivingRegion": other,
        }
        metrics = {name: each.inputs["metricName"] for name, each in alarms.items()}
        assert metrics["monitoring-open-conflicts"] == "OpenConflicts"
        assert metrics["monitoring-epochs-over"] == "EpochsOver"
        assert "monitoring-conflict-dlq-not-empty" in metrics


def outputs_of(two: Graph, region: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = two.exports if region == HERE else two.exports["regions"][region]
    return found


def test_operators_tools_know_every_queue_and_every_feed_of_each_region(two: Graph) -> None:
    """What they do not know, nobody looks at, and nobody gets anything out of."""
    for region in (HERE, THERE):
        outputs = outputs_of(two, region)
        letters = {outputs[output] for output in queues.OUTPUTS.values()}
        work = {outputs[output] for output in looks.WORK_QUEUES.values()}
        deployed = {each.outputs["url"]: name for name, each in of(two, region, "Queue").items()}
        assert deployed.keys() == letters | work, {deployed[url] for url in deployed.keys() - letters - work}
        assert {name for url, name in deployed.items() if url in letters} == {
            n for n in deployed.values() if "dlq" in n
        }
        fed = {each.inputs["functionName"] for each in of(two, region, "EventSourceMapping").values()}
        functions = of(two, region, "Function")
        assert fed == {functions[f"{name}-function"].outputs["arn"] for name in FED}
        tables = {outputs[output] for output in looks._TABLES.values()}
        assert tables >= {each.outputs["name"] for each in of(two, region, "Table").values()}
        assert {f"{name}Function" for name in map(spelled, FUNCTIONS)} >= {
            output for output in outputs if output.endswith("Function")
        }


def test_operators_over_http_may_see_to_the_letters_of_conflicts(two: Graph) -> None:
    told = of(two, HERE, "Function")["operations-function"].inputs["environment"]["variables"]
    queue, letters = of(two, HERE, "Queue")["conflict-queue"], of(two, HERE, "Queue")["conflict-dlq-queue"]
    assert (told["CONFLICT_QUEUE_URL"], told["CONFLICT_DEAD_LETTERS_URL"]) == (
        queue.outputs["url"],
        letters.outputs["url"],
    )
    statements = of(two, HERE, "RolePolicy")["operations-policy"].statements()
    assert may(statements, "sqs:SendMessage", queue.outputs["arn"])
    assert may(statements, "sqs:DeleteMessage", letters.outputs["arn"])
    assert may(statements, "dynamodb:Query", two.named("conflicts-table").outputs["arn"])
    assert not may(statements, "dynamodb:PutItem", two.named("conflicts-table").outputs["arn"])
    assert not may(statements, "dynamodb:PutItem", of(two, HERE, "Table")["standings-table"].outputs["arn"])


def test_all_of_the_second_region_is_protected_so_that_no_up_takes_it_away(two: Graph) -> None:
    loose = {each.type.rpartition(":")[2] for each in two if each.custom and _is_beside(each) and not each.protect}
    assert loose == {each.type.rpartition(":")[2] for each in graph("prod") if each.custom and not each.protect} & loose
    assert not loose & {"EventBus", "Table", "Queue", "Function", "ResourcePolicy", "EventSourceMapping", "Key"}
    (home,) = (each for each in two if each.type == "event-sourcing:index:Region")
    assert home.protect


def test_the_second_regions_outputs_are_the_firsts_but_for_the_front_door(two: Graph) -> None:
    (there,) = two.exports["regions"].values()
    assert list(two.exports["regions"]) == [THERE]
    assert there.keys() <= two.exports.keys()
    assert {"commandFunction", "conflictsTable", "standingsTable", "reconcileFunction", "fenceSeconds"} <= there.keys()
    assert there["eventStoreTable"] == two.exports["eventStoreTable"]
    assert there["dashboardName"] != two.exports["dashboardName"]


def test_no_two_resources_have_one_name_in_a_region(two: Graph) -> None:
    counted: Counter[Any] = Counter((each.type, each.name, _is_beside(each)) for each in two)
    assert [each for each, count in counted.items() if count > 1] == []


_QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"


def quotas(**limits: float) -> Any:
    """What Service Quotas says, by Region; the stack's own is asked without a name."""
    return lambda asked: {"value": limits[str(asked.get("region") or "own").replace("-", "_")], "id": "quota"}


def test_a_second_region_that_does_not_allow_the_concurrency_fails_the_preview() -> None:
    calls = {_QUOTA: quotas(own=1000.0, eu_west_1=20.0)}
    with pytest.raises(AccountLimitError, match=f"this account has 20 in {THERE}"):
        run("prod", _TWO, is_preview=True, calls=calls)
    driven = {**_TWO, "event-sourcing:replayConcurrency": "40"}
    with pytest.raises(AccountLimitError, match=f"replayConcurrency 40 is more than the 20 .* unreserved in {THERE}"):
        run("dev", driven, is_preview=True, calls=calls)
    assert run("prod", is_preview=True, calls={_QUOTA: quotas(own=1000.0)}).resources, "one Region asks for its own"


def test_each_regions_alarm_on_concurrency_knows_its_own_limit() -> None:
    told = {**_TWO, "event-sourcing:concurrencyAlarmPercent": "50"}
    two = run("dev", told, calls={_QUOTA: quotas(own=1000.0, eu_west_1=300.0)})
    alarms = {region: of(two, region, "MetricAlarm")["monitoring-account-concurrency"] for region in (HERE, THERE)}
    assert {region: alarm.inputs["threshold"] for region, alarm in alarms.items()} == {HERE: 500, THERE: 150}
