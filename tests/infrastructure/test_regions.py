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
from ops import rules
from ops.feeds import FED
from ops.function_logs import FUNCTIONS, spelled
from ops.status import looks
from tests.infrastructure.policy import as_list, may
from tests.infrastructure.program import Graph, Resource, graph, of_two_regions, run
from tests.infrastructure.test_front_door import CERTIFICATE, ISSUER

HERE, THERE = "us-east-1", "eu-west-1"
_TWO = {"event-sourcing:regions": json.dumps([HERE, THERE])}
_ISSUER = {f"event-sourcing:{key}": value for key, value in ISSUER.items()}
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


def test_the_second_region_has_all_but_what_is_replicated_and_the_user_pool(two: Graph) -> None:
    """Neither has people of its own: by two pools one person would be two."""
    alone = {"Table": {"event-store-table", "conflicts-table"}, "Function": {"token-scopes-function"}}
    alarms = ("errors", "throttles", "dead-letter-failures")
    alone["MetricAlarm"] = {f"monitoring-token-scopes-{each}" for each in alarms}
    types = ("Api", "Route", "Stage", "Distribution", "BucketObjectv2", "LogGroup")
    for type_ in ("EventBus", "Queue", "Schedule", "Key", "Topic", "MetricAlarm", "Table", "Function", *types):
        first, second = of(two, HERE, type_), of(two, THERE, type_)
        assert second.keys() <= first.keys()
        more = first.keys() - second.keys()
        assert more == alone.get(type_, {"token-scopes-logs"} if type_ == "LogGroup" else set()), type_
    assert {each.type for each in two if _is_beside(each) and "cognito" in each.type} == set()


def test_one_person_has_one_name_in_both_regions(two: Graph) -> None:
    """As the rule of the second person needs: by issuer and client, which says who a `sub` is."""
    first, second = (of(two, region, "Authorizer")["people-routes-authorizer"].inputs for region in (HERE, THERE))
    assert first["jwtConfiguration"] == second["jwtConfiguration"]
    assert first["jwtConfiguration"]["issuer"] == two.exports["issuer"] == two.exports["regions"][THERE]["issuer"]
    consoles = [two.exports["consoleUrl"], two.exports["regions"][THERE]["consoleUrl"]]
    assert len(set(consoles)) == 2
    assert two.named("app-client-client").inputs["callbackUrls"] == [*consoles, "http://localhost:8976/callback"]
    assert "userPoolId" not in two.exports["regions"][THERE]


def test_an_issuer_of_ones_own_signs_people_in_for_both_regions() -> None:
    theirs = run("prod", {**_TWO, **_ISSUER})
    configured = [each.inputs["jwtConfiguration"] for each in theirs.of("Authorizer")]
    assert configured == [{"issuer": ISSUER["oidcIssuer"], "audiences": [ISSUER["oidcAudience"]]}] * 2
    assert not [each.name for each in theirs if "cognito" in each.type or each.name.startswith("token-scopes")]


def test_an_api_reaches_the_functions_of_its_own_region_alone(two: Graph) -> None:
    for region in (HERE, THERE):
        functions = {each.outputs["arn"] for each in of(two, region, "Function").values()}
        assert {each.inputs["integrationUri"] for each in of(two, region, "Integration").values()} <= functions
        apis = {each.outputs["executionArn"] for each in of(two, region, "Api").values()}
        for name, each in of(two, region, "Permission").items():
            if each.inputs["principal"] == "apigateway.amazonaws.com":
                assert each.inputs["sourceArn"].partition("/")[0] in apis, name


def test_no_role_of_a_region_reaches_into_the_other_but_for_what_crosses(two: Graph) -> None:
    for region, other in ((HERE, THERE), (THERE, HERE)):
        for name, policy in of(two, region, "RolePolicy").items():
            if name != "crossing-policy":
                assert f":{other}:" not in policy.inputs["policy"], name


def test_callers_are_told_of_the_other_region(two: Graph) -> None:
    for region, other in ((HERE, THERE), (THERE, HERE)):
        apis = {name: each.outputs["apiEndpoint"] for name, each in of(two, other, "Api").items()}
        functions = of(two, region, "Function")
        told = {name: each.inputs["environment"]["variables"].get("REGION_APIS") for name, each in functions.items()}
        assert {name for name, each in told.items() if each} == {"command-function", "validate-function"}
        expected = {other: {"people": apis["people-api-api"], "machines": apis["machine-api-api"]}}
        assert json.loads(told["command-function"] or "") == json.loads(told["validate-function"] or "") == expected
        config = json.loads(of(two, region, "BucketObjectv2")["client-config-file"].inputs["content"])
        assert config["region"] == region
        outputs = {HERE: two.exports, **two.exports["regions"]}
        assert config["regions"] == {
            each: outputs[each]["consoleUrl"].removesuffix("/console/") for each in (HERE, THERE)
        }


def test_without_a_console_the_apis_stand_alone_in_both_regions() -> None:
    bare = run("dev", {**_TWO, "event-sourcing:console": "false"})
    assert not [each.name for each in bare if each.type.startswith(("aws:s3", "aws:cloudfront"))]
    assert (
        bare.exports["regions"][THERE]["apiEndpoint"] == of(bare, THERE, "Api")["people-api-api"].outputs["apiEndpoint"]
    )
    closed = run("dev", {**_TWO, "event-sourcing:httpApi": "false"})
    assert not [each.name for each in closed if "apigateway" in each.type or each.name == "front-door"]
    assert not [each for each in closed.of("Function") if "REGION_APIS" in each.inputs["environment"]["variables"]]


def test_an_apis_name_is_one_in_both_regions_and_a_consoles_is_not() -> None:
    elsewhere = CERTIFICATE.replace(HERE, THERE)
    names = {
        "apiDomain": "api.example.com",
        "machineApiDomain": "machines.example.com",
        "apiCertificateArn": CERTIFICATE,
        "replicaApiCertificateArn": elsewhere,
        "consoleDomain": "ledger.example.com",
        "replicaConsoleDomain": "ledger-eu.example.com",
        "consoleCertificateArn": CERTIFICATE,
    }
    named = run("dev", {**_TWO, **{f"event-sourcing:{key}": value for key, value in names.items()}})
    for region, certificate, console in (
        (HERE, CERTIFICATE, "ledger.example.com"),
        (THERE, elsewhere, "ledger-eu.example.com"),
    ):
        domains = {name: each.inputs for name, each in of(named, region, "DomainName").items()}
        assert {name: each["domainName"] for name, each in domains.items()} == {
            "people-routes-domain": "api.example.com",
            "machine-routes-domain": "machines.example.com",
        }
        assert {each["domainNameConfiguration"]["certificateArn"] for each in domains.values()} == {certificate}
        distribution = of(named, region, "Distribution")["console-distribution"].inputs
        assert distribution["aliases"] == [console]
        assert distribution["viewerCertificate"]["acmCertificateArn"] == CERTIFICATE
    there = named.exports["regions"][THERE]
    assert {"apiDomainTarget", "machineApiDomainTarget", "consoleDomainTarget"} <= there.keys()
    assert there["apiEndpoint"] == named.exports["apiEndpoint"] == "https://api.example.com"
    told = of(named, HERE, "Function")["command-function"].inputs["environment"]["variables"]["REGION_APIS"]
    assert "example.com" not in told  # that name leads to whichever Region its DNS record says
    only_there = {
        key: value for key, value in names.items() if key in ("consoleCertificateArn", "replicaConsoleDomain")
    }
    half = run("dev", {**_TWO, **{f"event-sourcing:{key}": value for key, value in only_there.items()}})
    assert "aliases" not in of(half, HERE, "Distribution")["console-distribution"].inputs


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
    of_functions = of(two, HERE, "Function")
    longest = max(int(of_functions[f"{name}-function"].inputs["timeout"]) for name in ("command", "projection"))
    told = of_functions["reconcile-function"].inputs["environment"]["variables"]
    assert told["STILL_WRITING_SECONDS"] == str(standings.fence_seconds(longest)), "who writes copies may take longer"


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


def test_operators_tools_know_every_rule_on_the_bus_of_each_region(two: Graph) -> None:
    for region in (HERE, THERE):
        outputs = outputs_of(two, region)
        known = {str(outputs[output]).rpartition("/")[2] for output in rules.OUTPUTS.values() if output in outputs}
        on_the_bus = [each for each in of(two, region, "EventRule").values() if each.inputs.get("eventBusName")]
        assert {each.outputs["name"] for each in on_the_bus} == known
        assert outputs["crossingRuleName"] in known


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


def test_the_second_regions_outputs_are_the_firsts_but_for_the_user_pool(two: Graph) -> None:
    (there,) = two.exports["regions"].values()
    assert list(two.exports["regions"]) == [THERE]
    assert there.keys() <= two.exports.keys()
    assert {"commandFunction", "conflictsTable", "standingsTable", "reconcileFunction", "fenceSeconds"} <= there.keys()
    assert {"userPoolId", "userPoolClientId"} < two.exports.keys() - there.keys()
    assert {"apiEndpoint", "machineApiEndpoint", "consoleUrl", "signInUrl", "operationsFunction"} <= there.keys()
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
        run("prod", {**_TWO, **_ISSUER}, is_preview=True, calls=calls)
    driven = {**_TWO, "event-sourcing:replayConcurrency": "40"}
    with pytest.raises(AccountLimitError, match=f"replayConcurrency 40 is more than the 20 .* unreserved in {THERE}"):
        run("dev", driven, is_preview=True, calls=calls)
    assert run("prod", is_preview=True, calls={_QUOTA: quotas(own=1000.0)}).resources, "one Region asks for its own"


def test_each_regions_alarm_on_concurrency_knows_its_own_limit() -> None:
    told = {**_TWO, "event-sourcing:concurrencyAlarmPercent": "50"}
    two = run("dev", told, calls={_QUOTA: quotas(own=1000.0, eu_west_1=300.0)})
    alarms = {region: of(two, region, "MetricAlarm")["monitoring-account-concurrency"] for region in (HERE, THERE)}
    assert {region: alarm.inputs["threshold"] for region, alarm in alarms.items()} == {HERE: 500, THERE: 150}
