"""The status of a stack in two Regions: both are told, and one that does not answer holds nobody up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from handlers.sourcing import times
from handlers.sourcing.standing import Role, Standing
from handlers.store.conflicts import Conflict, Conflicts
from handlers.store.items import to_item, to_record
from handlers.store.waiting import Waiting
from ops.commands.status import RUNBOOK
from ops.status import looks, regions
from ops.status.points import Point

from ..aws import around_every_call
from ..handlers.conftest import refusal
from ..tables import region_tables
from .conftest import Result, Run
from .test_between import CONFLICTS, HERE, STANDINGS, THERE, item_of, two, written

__all__ = ["two"]

WELL = Point("queue", "projection", "0 wait")
AMISS = Point("queue", "process", "9 wait", {}, "the oldest message waits for 1 h", "process-queue-age")


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Point]]:
    """What there is to see in each Region besides."""
    found = {HERE: [WELL], THERE: [WELL, WELL]}
    monkeypatch.setattr(looks.Looks, "points", lambda self: found[self.system.region])
    return found


@pytest.fixture
def both(two: Path, points: dict[str, list[Point]]) -> dict[str, Any]:
    """A client of DynamoDB in each Region."""
    there: Any = boto3.client("dynamodb", region_name=THERE)
    for table in region_tables(CONFLICTS, STANDINGS):
        there.create_table(**table)
    outputs = json.loads(two.read_text())
    two.write_text(json.dumps({**outputs, "regions": {THERE: {**outputs, "region": THERE}}}))
    return {HERE: boto3.client("dynamodb"), THERE: there}


def stand(client: Any, standing: Standing) -> None:
    item = to_item({"Part": "standing", "Place": "now", **standing.record()})
    client.put_item(TableName=STANDINGS, Item=item)


def wrong(told: Any) -> list[str]:
    return [each["runbook"] for each in told["points"] if "wrong" in each]


def unreached(region: str) -> Callable[..., Any]:
    def around(client: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if client.meta.region_name == region:
            assert client.meta.config.retries["total_max_attempts"] == 2, "nobody waits for minutes"
            assert client.meta.config.connect_timeout + client.meta.config.read_timeout <= 7
            raise EndpointConnectionError(endpoint_url="https://dynamodb")
        return proceed()

    return around


def test_both_regions_are_told_the_other_one_in_short(both: dict[str, Any], run: Run) -> None:
    result = run("status")

    assert (result.code, "nothing needs a person" in result.out) == (0, True)
    first, second = result.out.split(f"\n{THERE}\n")
    assert HERE in first
    assert "active, epoch 1" in " ".join(first.split())
    assert "0 wait" in first
    assert "standby, epoch 1" in " ".join(second.split())
    assert "2 other things are well (--region eu-west-1)" in second
    told = run("status", "--json").json
    assert (told["region"], list(told["regions"]), told["regions"][THERE]["well"]) == (HERE, [THERE], True)


@pytest.mark.parametrize("region", [HERE, THERE])
def test_whatever_needs_a_person_in_either_ends_it_with_1(
    both: dict[str, Any], points: dict[str, list[Point]], run: Run, region: str
) -> None:
    points[region].append(AMISS)

    result = run("status")

    assert (result.code, f"do: {RUNBOOK}#process-queue-age" in result.out) == (1, True)
    other = THERE if region == HERE else HERE
    assert [run("status", "--region", each).code for each in (region, other)] == [1, 0]


@pytest.mark.parametrize("region", [HERE, THERE])
def test_a_region_that_does_not_answer_is_said_in_a_line_and_nothing_else_is_asked_of_it(
    both: dict[str, Any], run: Run, region: str
) -> None:
    with around_every_call(unreached(region)):
        result, told = run("status"), run("region", "status")

    assert (result.code, f"{region} does not answer" in result.out) == (1, True)
    assert "a-region-that-does-not-answer" in result.out
    assert "0 wait" in result.out or region == HERE, "the first one is told whole"
    assert (told.code, f"{region} does not answer" in told.out) == (1, True)


def test_a_region_that_refuses_to_tell_is_looked_at_all_the_same(both: dict[str, Any], run: Run) -> None:
    def around(client: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if client.meta.region_name == THERE and operation == "GetItem":
            raise refusal("AccessDeniedException", operation)
        return proceed()

    with around_every_call(around):
        told = run("status", "--json").json["regions"][THERE]

    assert [each["name"] for each in told["points"]] == ["standing", "projection", "projection"]
    assert wrong(told) == ["what-an-operators-role-needs"]


def test_two_that_both_decide_and_none_that_does_need_a_person(both: dict[str, Any], run: Run) -> None:
    stand(both[THERE], Standing(THERE, Role.ACTIVE, 3, decides=THERE))
    told = run("status", "--json")
    assert (told.code, wrong(told.json)) == (1, ["two-regions-that-disagree"])
    assert told.json["points"][0]["wrong"].startswith("us-east-1 and eu-west-1 both decide")

    for region in (HERE, THERE):
        stand(both[region], Standing(region, Role.FENCED, 3, decides=THERE))
    assert wrong(run("status", "--json").json) == ["two-regions-that-disagree"]


def test_what_is_lost_and_what_waits_are_told_with_their_accounts_and_times(both: dict[str, Any], run: Run) -> None:
    now = datetime.now(UTC)
    (event,) = written([])
    Conflicts(both[THERE], CONFLICTS).keep(Conflict(event, to_record(item_of(event)), times.to_text(now), THERE))
    waiting = Waiting(both[THERE], STANDINGS)
    waiting.note("young", times.to_text(now), (4,))
    assert wrong(run("status", "--json").json["regions"][THERE]) == ["open-conflicts"]
    for name, hours in (("old", 1), ("older", 2)):
        waiting.note(name, times.to_text(now - timedelta(hours=hours)), (7,))

    def status(*more: str) -> Result:
        return run("status", "--json", *more)

    told = status().json["regions"][THERE]
    assert wrong(told) == ["open-conflicts", "streams-that-wait"]
    (streams,) = (each for each in told["points"] if each["name"] == "streams")
    assert streams["told"] == "3 wait, the oldest for 2 h"
    assert streams["wrong"].startswith(
        f"something of these has not come: older since {now - timedelta(hours=2):%Y-%m-%d}"
    )
    assert [each["aggregateId"] for each in streams["waiting"]] == ["older", "old", "young"]
    assert "old waits since" in run("region", "status").out
    waiting.note("old", times.to_text(now), (8,))
    assert {each.aggregate_id: each.lacks for each in waiting.every()}["old"] == (8,)
    for name in ("old", "older", "young"):
        waiting.forget(name)
    assert wrong(status("--region", THERE).json) == ["open-conflicts"]


def test_every_place_that_it_names_is_in_the_runbook() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    source = Path(regions.__file__).read_text("utf-8")
    for title in ("A Region that does not answer", "Two Regions that disagree", "Streams that wait"):
        assert f"\n## {title}\n" in runbook
        assert f'"{title.lower().replace(" ", "-")}"' in source
