"""Replays as an operator has them: started, watched, paused, resumed and cancelled; the work is done beside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from handlers.sourcing import times
from handlers.sourcing.copies import SOURCE
from handlers.sourcing.event import Event
from handlers.store.branches import Branch, Branches
from handlers.store.replays import Replays
from handlers.upkeep.replays import STALLED_SECONDS, is_stalled
from ops.system import System
from tests.domain.builders import story

from ..aws import BRANCHES, REPLAYS
from .conftest import ACCOUNT, QUEUES, Run, keep, taken, url

CLIENT = System.client
OWN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:own"


@pytest.fixture
def stored(aws: Any) -> list[Event]:
    return [event for number in range(9) for event in keep(aws, story(f"account-{number}", [5, 50]))]


@dataclass
class Context:
    """What Lambda hands to a handler besides the event."""

    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


class Elsewhere:
    """An SQS that does not look at whose queue is asked for."""

    def get_queue_url(self, **_: str) -> dict[str, str]:
        return {"QueueUrl": url("own")}


Work = Callable[[], int]


@pytest.fixture
def work(sqs: Any, handlers: Callable[[str], ModuleType]) -> Work:
    """Have the replayer work off its queue once, as Lambda does; how many messages that were."""
    module = handlers("replayer")

    def once() -> int:
        done = 0
        while messages := sqs.receive_message(QueueUrl=url("replay"), MaxNumberOfMessages=10).get("Messages"):
            for each in messages:
                record = {"messageId": each["MessageId"], "body": each["Body"]}
                assert module.lambda_handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
                sqs.delete_message(QueueUrl=url("replay"), ReceiptHandle=each["ReceiptHandle"])
                done += 1
        return done

    return once


@pytest.fixture
def own(sqs: Any) -> Callable[[], list[Any]]:
    """What has come into a queue of somebody's own since it was looked into."""
    sqs.create_queue(QueueName="own")
    return lambda: [json.loads(body) for body in taken(sqs, "own")]


def test_what_plan_counts_is_what_start_sends(
    run: Run, stored: list[Event], work: Work, own: Callable[[], list[Any]]
) -> None:
    pattern = json.dumps({"EventData": {"amount": [{"numeric": [">", 10]}]}})
    selected = ("--pattern", pattern, "--prefix", "account-", "--sample", "75", "--rate", "10000")
    planned = run("replay", "plan", "--json", *selected).json
    started = run("replay", "start", "--json", "--detach", "--name", "r1", "--target", f"queue:{OWN}", *selected).json
    assert (started["state"], started["segments"], started["sent"]) == ("running", 16, 0)
    assert started["spec"]["rate"] == 10_000
    assert started["spec"]["to"] >= planned["to"]

    assert work() == 16
    shown = run("replay", "show", "r1", "--json").json
    assert (shown["state"], shown["sent"], shown["leftOut"]) == ("completed", planned["events"], 0)
    copies = own()
    assert len(copies) == planned["events"] > 0
    assert {each["source"] for each in copies} == {SOURCE}


def test_a_watched_replay_is_followed_to_its_end(
    run: Run, stored: list[Event], work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: work())
    result = run("replay", "start", "--target", "bus", "--rate", "10000")
    assert result.code == 0
    assert "27 events selected of 27, 27 sent, 0 left out; 16 of 16 segments done" in result.out
    brought = run("replay", "start", "--target", "projection", "--rate", "10000", "--name", "rows")
    assert "27 events selected of 27" in brought.out
    assert "of each aggregate the last event of a stretch, which brings its rows up to all of them" in brought.out
    listed = run("replay", "list")
    assert "completed" in listed.out
    assert "16/16" in listed.out


def test_it_pauses_resumes_and_is_cancelled(
    run: Run, stored: list[Event], work: Work, own: Callable[[], list[Any]]
) -> None:
    run("replay", "start", "--detach", "--name", "r", "--target", f"queue:{OWN}", "--rate", "10000")
    assert run("replay", "pause", "r").code == 0
    assert "paused r" in run("replay", "pause", "r").out, "twice is once"
    assert work() == 16, "messages that find it paused are done with"
    assert own() == []
    assert run("replay", "resume", "r").code == 0
    assert run("replay", "resume", "r").code == 0, "sent off twice, which does no harm"
    assert work() == 32
    assert len(own()) == len(stored)
    for action in ("pause", "resume", "cancel"):
        assert "r is completed" in run("replay", action, "r").error

    run("replay", "start", "--detach", "--name", "s", "--target", f"queue:{OWN}")
    assert run("replay", "cancel", "s").code == 0
    assert run("replay", "show", "s").code == 1
    assert "cancelled, for good" in run("replay", "resume", "s").error
    work()
    assert own() == []


def test_what_makes_no_sense_is_refused_before_anything_is_entered(run: Run, stored: list[Event], aws: Any) -> None:
    assert run("replay", "start").code == 2
    assert "say where copies go" in run("replay", "start").error
    assert run("replay", "start", "--target", "queue:own").code == 2
    assert run("replay", "start", "--target", f"queue:{OWN}").code == 1, "there is no such queue"
    assert run("replay", "show", "nobody").code == 1
    assert "there is no replay nobody" in run("replay", "pause", "nobody").error
    assert run("replay", "list", "--json").json == {"replays": []}
    run("replay", "start", "--detach", "--name", "r", "--target", "bus")
    assert "give another --name" in run("replay", "start", "--detach", "--name", "r", "--target", "bus").error


def test_what_is_no_part_of_a_replay_is_nobodys(run: Run, stored: list[Event], aws: Any) -> None:
    run("replay", "start", "--detach", "--name", "r", "--target", "bus")
    before = run("replay", "list", "--json").json
    for part in ("odd10", "segment", "Head"):
        aws.put_item(TableName=REPLAYS, Item={"ReplayId": {"S": "r"}, "Part": {"S": part}})
    assert run("replay", "list", "--json").json == before
    assert run("replay", "show", "r").code == 0


@pytest.mark.parametrize("name", QUEUES.values())
def test_a_queue_of_the_ledgers_own_is_no_target(
    run: Run, stored: list[Event], sqs: Any, tmp_path: Path, name: str
) -> None:
    target = f"queue:arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"target": target}))
    for command in (
        ("start", "--detach", "--target", target),
        ("start", "--detach", "--spec", str(spec)),
        ("plan", "--spec", str(spec)),
    ):
        refused = run("replay", *command)
        assert refused.code == 2
        assert "a queue of the ledger's own" in refused.error
    assert run("replay", "list", "--json").json == {"replays": []}
    assert taken(sqs, name) == []


def test_a_queue_of_the_other_regions_is_named_as_the_ledgers_own(run: Run, outputs: Path) -> None:
    there = {"conflictDeadLetterQueueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/conflict-dlq"}
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), "regions": {"eu-west-1": there}}))
    refused = run("replay", "start", "--detach", "--target", f"queue:arn:aws:sqs:eu-west-1:{ACCOUNT}:conflict-dlq")
    assert (refused.code, "own (conflictDeadLetterQueueUrl)" in refused.error) == (2, True)


@pytest.mark.parametrize(
    ("place", "told"), [("aws:sqs:eu-west-1", "it is in eu-west-1"), ("aws-cn:sqs:us-east-1", "(aws-cn)")]
)
def test_a_queue_that_is_elsewhere_is_no_target(run: Run, own: Callable[[], list[Any]], place: str, told: str) -> None:
    refused = run("replay", "start", "--detach", "--target", f"queue:arn:{place}:{ACCOUNT}:own")
    assert (refused.code, told in refused.error) == (2, True)
    assert own() == []


def test_a_queue_of_another_account_is_not_one_of_that_name_here(
    run: Run, own: Callable[[], list[Any]], sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(System, "client", lambda system, name: Elsewhere() if name == "sqs" else CLIENT(system, name))
    refused = run("replay", "start", "--target", "queue:arn:aws:sqs:us-east-1:999999999999:own")
    assert (refused.code, "SQS names another queue" in refused.error) == (1, True)


@pytest.mark.parametrize("name", [".", ".."])
def test_a_replay_is_not_called_as_a_step_of_a_path(run: Run, name: str) -> None:
    for action in ("start", "archive"):
        refused = run("replay", action, "--name", name)
        assert (refused.code, "is a step of a path" in refused.error) == (2, True)
    assert "there is no replay" in run("replay", "cancel", name).error, "one of before is within reach"


def test_a_replay_that_nobody_moves_is_told(run: Run, stored: list[Event], aws: Any, sqs: Any) -> None:
    run("replay", "start", "--detach", "--name", "r", "--target", "bus")
    under_way = Replays(aws, REPLAYS).read("r")
    assert under_way
    begun = under_way.head.started_at
    assert not is_stalled(under_way, times.later(begun, STALLED_SECONDS - 5))
    assert is_stalled(under_way, times.later(begun, STALLED_SECONDS + 60))


def test_letters_of_replays_go_to_the_replay_queue_but_those_that_have_nothing_to_do(
    run: Run, stored: list[Event], sqs: Any
) -> None:
    run("replay", "start", "--detach", "--name", "r", "--target", "bus", "--account", "account-3")
    (message,) = taken(sqs, "replay")
    run("replay", "start", "--detach", "--name", "gone", "--target", "bus", "--account", "account-3")
    run("replay", "cancel", "gone")
    (cancelled,) = taken(sqs, "replay")
    for body in (message, cancelled, "garbage", '{"replayId": "nobody", "segment": 3}'):
        sqs.send_message(QueueUrl=url("replay-dlq"), MessageBody=body)

    letters = run("dead-letters", "list", "--json", "--queue", "replay").json["letters"]
    assert {each["remedy"] for each in letters} == {"to the replay queue"}
    assert sorted(each["hopeless"] for each in letters) == [False, True, True, True]
    assert run("dead-letters", "redrive", "--queue", "replay").code == 1
    assert taken(sqs, "replay") == [message]


def test_a_segment_that_went_to_the_dead_letters_is_resumed(
    run: Run, stored: list[Event], sqs: Any, work: Work
) -> None:
    run("replay", "start", "--detach", "--name", "r", "--target", "bus", "--rate", "10000")
    taken(sqs, "replay")
    assert run("replay", "resume", "r").code == 0
    work()
    assert run("replay", "show", "r", "--json").json["state"] == "completed"


def test_what_the_ledger_has_behind_a_branch_is_brought_onto_it(
    run: Run, stored: list[Event], work: Work, aws: Any
) -> None:
    branches = Branches(aws, BRANCHES)
    branch = Branch.new("trial", "2024-01-15T10:00:00.000000Z", "r1", datetime.now(UTC), timedelta(days=1))
    branches.create(branch)
    assert "there is no branch nobody" in run("replay", "start", "--target", "branch:nobody").error
    assert run("replay", "start", "--target", "branch:").code == 2
    run("replay", "start", "--detach", "--name", "on", "--target", "branch:trial", "--rate", "10000")
    work()
    shown = run("replay", "show", "on", "--json").json
    assert (shown["state"], shown["selected"], shown["sent"], shown["leftOut"]) == ("completed", 27, 18, 0)
    assert len(list(branches.touched(branch))) == 9
