"""What operators see of replays and branches over the API, and what they have replays do."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from handlers.sourcing import times
from handlers.store.replay_source import Place
from handlers.store.replay_work import work_of
from handlers.store.replays import ChangedMeanwhileError, Counts, Replays, State
from handlers.upkeep.backtests import results
from handlers.upkeep.replays import STALLED_SECONDS
from ops.__main__ import main as operate
from ops.branches.results import PACKED

from ..aws import BRANCHES, Calls
from ..domain.builders import story
from ..handlers.replaying import keep
from .conftest import Api, make_queues, people
from .trials import START, backtest, branch, decision, replay, touch

LIST, ONE = "GET /operations/replays", "GET /operations/replays/{id}"
PAUSE, RESUME, CANCEL = (f"POST /operations/replays/{{id}}/{each}" for each in ("pause", "resume", "cancel"))
BRANCHES_, BRANCH = "GET /operations/branches", "GET /operations/branches/{id}"
DIFF, DECISIONS = "GET /operations/branches/{id}/diff", "GET /operations/branches/{id}/decisions"
KINDS = ("accepted-refused", "refused-accepted", "other-events")


def pages(api: Api, key: str, member: str, path: str | None = None, **query: str) -> list[Any]:
    """The members of all pages behind each other."""
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        body = api(key, path, query=urlencode({**query, **token})).body
        found += body[member]
        if "nextToken" not in body:
            return found
        token = {"nextToken": body["nextToken"]}


@pytest.fixture
def sqs(api: Api) -> Any:
    return make_queues()


def sent_off(sqs: Any) -> list[int]:
    """The segments of which a message has come into the queue of replays since it was looked into."""
    url, found = sqs.get_queue_url(QueueName="replay")["QueueUrl"], []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in messages:
            found.append(work_of(each["Body"]).segment)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return sorted(found)


def test_replays_are_listed_the_newest_first_page_by_page(api: Api, calls: Calls) -> None:
    assert api(LIST).body["replays"] == []
    for day in range(1, 6):
        replay(f"r{day}", f"2026-03-0{day}T00:00:00.000000Z", segments=1)
    keep(api.aws, story("account-1", [5, 50]))
    replay("r0", "2026-02-01T00:00:00.000000Z", segments=1, aggregateIds=["account-1"])
    calls.made.clear()

    first = api(LIST, query="limit=4").body

    assert calls.names == ["Scan", "DescribeTable"]
    assert [each["replayId"] for each in first["replays"]] == ["r5", "r4", "r3", "r2"]
    assert [each["items"] for each in pages(api, LIST, "replays", limit="4")] == [3, 3, 3, 3, 3, None]
    assert [each["replayId"] for each in pages(api, LIST, "replays", limit="1")] == [f"r{n}" for n in range(5, -1, -1)]


def test_a_page_of_replays_that_takes_too_long_is_told_in_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    replay("r")
    answers = api.modules("operations")._replays
    seconds = iter([30.0, 10.0])
    scan = answers.runs.replays.client.scan
    monkeypatch.setattr(answers.runs.replays.client, "scan", lambda **given: scan(**{**given, "Limit": 9}))
    monkeypatch.setattr(api.modules("operations"), "seconds_left", lambda _: lambda: next(seconds))

    refused = api(LIST)

    assert (refused.status, refused.error["code"]) == (503, "OutOfTime")


def test_a_replay_is_shown_with_its_segments(api: Api, calls: Calls) -> None:
    replays, run = replay("march", eventTypes=["AccountCreated"])
    keep(api.aws, story("account-1", [5, 50]))
    now = times.later(START, 5)
    done, working, waiting = (run.segments[number] for number in range(3))
    replays.save(replace(done, done=True, counts=Counts(10, 5, 4, 1), problem="account-7 #3: garbage", changed_at=now))
    held = replace(working, owner="m", lease_until="9999-01-01T00:00:00.000000Z", after=Place("account-1", Decimal(2)))
    replays.save(replace(held, counts=Counts(3, 2, 2, 0)))
    replays.save(replace(waiting, owner="m", lease_until=START))
    calls.made.clear()

    shown = api(ONE, "march").body

    assert calls.names == ["Query", "DescribeTable"]
    assert (shown["state"], shown["segments"], shown["segmentsDone"], shown["items"]) == ("running", 16, 1, 3)
    assert (shown["scanned"], shown["selected"], shown["sent"], shown["leftOut"]) == (13, 7, 6, 1)
    assert shown["spec"] == {"eventTypes": ["AccountCreated"], "rate": 200, "target": "bus"}
    assert (shown["changedAt"], shown["stalled"]) == (now, False), "somebody holds a segment"
    assert [each["number"] for each in shown["bySegment"]] == list(range(16))
    assert [each["state"] for each in shown["bySegment"][:3]] == ["done", "working", "waiting"]
    assert [each["after"] for each in shown["bySegment"][:2]] == [None, {"aggregateId": "account-1", "sequence": 2}]
    assert [each["problem"] for each in shown["bySegment"][:2]] == ["account-7 #3: garbage", None]
    assert api(ONE, "april").status == 404


def test_a_replay_is_paused_resumed_and_cancelled(api: Api, sqs: Any, calls: Calls) -> None:
    replays, run = replay("march")
    replays.save(replace(run.segments[0], done=True))

    def change(key: str) -> list[str]:
        calls.made.clear()
        assert api(key, "march").status == 200
        return calls.names

    assert change(PAUSE) == ["Query", "PutItem", "DescribeTable"]
    assert change(PAUSE) == ["Query", "DescribeTable"], "twice is once"
    assert (api(ONE, "march").body["state"], sent_off(sqs)) == ("paused", [])
    sent = ["SendMessageBatch", "SendMessageBatch"]
    assert change(RESUME) == ["Query", "PutItem", *sent, "DescribeTable"]
    assert sent_off(sqs) == list(range(1, 16))
    assert change(RESUME) == ["Query", *sent, "DescribeTable"], "which mends a stalled one"
    assert sent_off(sqs) == list(range(1, 16))
    assert api(CANCEL, "march", body={}).body["state"] == "cancelled"
    assert api(CANCEL, "march").status == 200
    for key in (PAUSE, RESUME):
        refused = api(key, "march")
        assert (refused.status, refused.error["code"]) == (409, "ReplayEnded")
    assert sent_off(sqs) == []


def test_what_is_completed_stays_so_and_what_is_not_there_is_not_found(api: Api, sqs: Any) -> None:
    replays, run = replay("march", segments=1)
    replays.save(replace(run.segments[0], done=True))

    assert api(ONE, "march").body["state"] == "completed"
    for key in (PAUSE, RESUME, CANCEL):
        assert (api(key, "march").status, api(key, "april").status) == (409, 404)


@pytest.mark.parametrize("key", [PAUSE, RESUME, CANCEL])
def test_a_change_takes_no_members_and_no_parameters(api: Api, sqs: Any, key: str) -> None:
    replay("march")

    for refused, field in ((api(key, "march", body={"rate": 1}), "rate"), (api(key, "march", query="rate=1"), "rate")):
        assert (refused.status, refused.error["details"]["field"]) == (400, field)
        assert "there are no" in refused.error["message"]


def test_a_replay_into_files_is_seen_and_goes_on_where_it_is_written(api: Api, sqs: Any, calls: Calls) -> None:
    replays, run = replay("files", segments=1, target="file")
    replays.save(replace(run.segments[0], counts=Counts(sent=7)))
    calls.made.clear()

    shown = api(ONE, "files").body

    assert calls.names == ["Query"]
    assert (shown["scanned"], shown["selected"], shown["sent"], shown["items"]) == (None, None, 7, None)
    assert api(LIST).body["replays"][0]["items"] is None
    for key in (PAUSE, RESUME):
        refused = api(key, "files")
        assert (refused.status, refused.error["code"]) == (409, "WrittenElsewhere")
    assert sent_off(sqs) == []
    assert api(CANCEL, "files").body["state"] == "cancelled"


def test_who_keeps_losing_against_others_changes_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    replay("march")

    def overtaken(*_: Any) -> None:
        raise ChangedMeanwhileError("head of march")

    monkeypatch.setattr(Replays, "save_head", overtaken)
    refused = api(PAUSE, "march")

    assert (refused.status, refused.error["code"]) == (503, "Contention")
    monkeypatch.undo()
    assert api(ONE, "march").body["state"] == "running"


def test_segments_that_the_queue_did_not_take_are_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    replay("march", state=State.PAUSED)
    client = api.modules("operations")._sqs
    failed = {"Failed": [{"Code": "InternalError"}]}
    monkeypatch.setattr(client, "send_message_batch", lambda **_: failed, raising=False)

    refused = api(RESUME, "march")

    assert (refused.status, refused.error["code"]) == (503, "NotSentOff")
    assert api(ONE, "march").body["state"] == "running", "to resume it again is what mends it"


def test_a_replay_that_nobody_moves_is_told(api: Api) -> None:
    now = times.to_text(datetime.now(UTC))
    replay("old", times.earlier(now, 2 * STALLED_SECONDS))
    replay("young", now)

    assert {each["replayId"]: each["stalled"] for each in api(LIST).body["replays"]} == {"old": True, "young": False}


def test_branches_are_listed_by_their_names_without_those_that_lapsed(api: Api, calls: Calls) -> None:
    assert api(BRANCHES_).body == {"branches": [], "count": 0}
    for name in ("c", "a", "e"):
        branch(name)
    branch("b", days=0)
    calls.made.clear()

    assert [each["name"] for each in api(BRANCHES_).body["branches"]] == ["a", "c", "e"]
    assert calls.names == ["Query"]
    assert [each["name"] for each in pages(api, BRANCHES_, "branches", limit="1")] == ["a", "c", "e"]


def test_a_branch_is_shown_with_what_was_touched_and_run_on_it(api: Api, calls: Calls) -> None:
    branches, on = branch("trial")
    touch(branches, on, "account-1", "account-2", "account-3")
    calls.made.clear()

    shown = api(BRANCH, "trial").body

    assert calls.names == ["GetItem", "Query", "GetItem"]
    assert (shown["name"], shown["at"], shown["run"]) == ("trial", None, None)
    assert shown["touched"] == [{"aggregateId": f"account-{n + 1}", "base": n} for n in range(3)]
    assert pages(api, BRANCH, "touched", "trial", limit="1") == shown["touched"]
    backtest(branches, on, {})
    run = api(BRANCH, "trial").body["run"]
    assert run == {"code": "../candidate", "revision": "other", "startedAt": START, "until": START}
    branch("gone", days=0)
    for name in ("gone", "nobody"):
        assert api(BRANCH, name).status == 404
    refused = api(BRANCH, "Trial")
    assert (refused.status, refused.error["details"]["field"]) == (400, "id")


def tried(api: Api) -> dict[str, list[dict[str, Any]]]:
    """A branch on which three accounts came out otherwise, and one that the candidate cannot read."""
    branches, on = branch("trial")
    accounts = {
        f"account-{number}": [decision(each, root=each == 1, kind=KINDS[number]) for each in range(1, 4)]
        for number in range(3)
    }
    backtest(branches, on, accounts, unread=("account-9",))
    return accounts


def test_a_diff_tells_root_causes_from_what_follows_and_what_it_comes_to(api: Api, calls: Calls) -> None:
    tried(api)
    calls.made.clear()

    told = api(DIFF, "trial").body

    assert calls.names == ["GetItem", "Query", "Query"]
    assert {arguments["TableName"] for _, arguments in calls.made} == {BRANCHES}
    assert (told["roots"], told["follows"]) == (dict.fromkeys(KINDS, 1), dict.fromkeys(KINDS, 2))
    assert told["causes"] == {
        "TransactionProcessed is refused: sufficient-funds": 1,
        "TransactionProcessed is accepted, no longer refused: sufficient-funds": 1,
        "TransactionProcessed says another amount": 1,
    }
    sums = {"recorded": Decimal("301.50"), "candidate": Decimal("301.47"), "difference": Decimal("-0.03")}
    assert (told["complete"], told["difference"]) == (True, {"EUR": sums})
    assert [each["aggregateId"] for each in told["accounts"]] == ["account-0", "account-1", "account-2", "account-9"]
    assert told["accounts"][3] == {"aggregateId": "account-9", "problem": "KeyError: 'amount'"}
    assert told["accounts"][0]["roots"] == {"accepted-refused": 1}


def test_the_pages_of_a_diff_are_what_the_operators_command_says(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried(api)
    outputs = tmp_path / "out.json"
    outputs.write_text(json.dumps({"region": "us-east-1", "branchesTable": BRANCHES}))

    assert operate(["branch", "diff", "trial", "--json", "--outputs", str(outputs)]) == 1
    said = json.loads(capsys.readouterr().out, parse_float=Decimal)

    told = api(DIFF, "trial", query="limit=1").body
    assert {**told, "accounts": pages(api, DIFF, "accounts", "trial", limit="1")} == {
        **said, "branch": "trial", "nextToken": told["nextToken"],
    }  # fmt: skip


def test_a_diff_before_a_backtest_is_not_found_and_one_under_way_is_not_complete(api: Api) -> None:
    branches, on = branch("trial")

    refused = api(DIFF, "trial")

    assert refused.status == 404
    assert "nothing was decided again" in refused.error["message"]
    assert api(DIFF, "nobody").error["message"] != refused.error["message"]
    backtest(branches, on, {})
    branches.client.delete_item(
        TableName=BRANCHES, Key={"Part": {"S": on.part(results.RUN)}, "Place": {"S": results.place_of(16)}}
    )
    told = api(DIFF, "trial").body
    assert (told["complete"], told["parts"], told["partsDone"]) == (False, 17, 16)


def test_the_decisions_of_an_account_are_told_in_order_page_by_page(api: Api, calls: Calls) -> None:
    """However they lie in the table: some in each item, more than one page of items, and one that is an item itself."""
    branches, on = branch("trial")
    every = [decision(number, root=number == 1) for number in range(1, 41)]
    for number, each in enumerate(every):
        each["is"] = {**each["is"], "message": "x" * (PACKED if number % 7 == 0 else PACKED // 3)}
    backtest(branches, on, {"account/1 ü": every})
    calls.made.clear()

    for limit in ("1", "3", "7", "1000"):
        found = pages(api, DECISIONS, "decisions", "trial", aggregateId="account/1 ü", limit=limit)
        assert [each["commandId"] for each in found] == [each["commandId"] for each in every], limit
    assert Counter(calls.names)["Query"] == Counter(calls.names)["GetItem"], "one for the branch, one for the page"
    assert found[0]["was"][0]["eventData"]["amount"] == Decimal("-100.50")
    assert [each["root"] for each in found[:2]] == [True, False]
    assert found[1]["cause"] == "command-1"
    assert api(DECISIONS, "trial", query="aggregateId=nobody").body["decisions"] == []
    assert api(DECISIONS, "trial").error["details"]["field"] == "aggregateId"


@pytest.mark.parametrize("key", [LIST, BRANCHES_, BRANCH, DIFF, DECISIONS])
def test_a_token_is_good_for_its_question_and_its_caller_alone(api: Api, key: str) -> None:
    for day in (1, 2):
        replay(f"r{day}", f"2026-03-0{day}T00:00:00.000000Z", segments=1)
        branches, on = branch(f"trial-{day}")
        touch(branches, on, "account-1", "account-2")
        every = [decision(number, root=True) for number in (1, 2)]
        backtest(branches, on, {"account-1": every, "account-2": every})
    path = "trial-1" if "{id}" in key else None
    own = {"aggregateId": "account-1"} if key == DECISIONS else {}

    def asked(token: str, at: str | None = path, aggregateId: str = "account-1", **more: Any) -> int:  # noqa: N803
        of = {"aggregateId": aggregateId} if own else {}
        return api(key, at, query=urlencode({**of, "limit": "1", "nextToken": token}), **more).status

    token = api(key, path, query=urlencode({**own, "limit": "1"})).body["nextToken"]

    assert asked(token) == 200
    assert asked(token, authorizer=people("somebody-else")) == 400
    if path:
        assert asked(token, at="trial-2") == 400
    if own:
        assert asked(token, aggregateId="account-2") == 400
    other = BRANCHES_ if key == LIST else LIST
    assert api(other, query=f"nextToken={quote(token)}").status == 400
    assert asked("made-up") == 400
