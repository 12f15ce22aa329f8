"""Dead letters in groups with what helps; those that can never succeed go into a file, and only then out of a queue."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.bulk import durable
from ops.commands import dead_letters, letters_shown

from ..domain.builders import story
from ..handlers.conftest import Calls, refusal, refusing
from .conftest import ACCOUNT, Run, Write, keep, line
from .test_dead_letters import body, invocation, leave, waiting


@pytest.fixture
def letters(aws: Any, sqs: Any) -> dict[str, list[str]]:
    """The ids of five letters of accounts that wait, two that are no events, and one of an event that is nowhere."""
    waits = [leave(sqs, "projection-dlq", body(keep(aws, story(name, []))[0])) for name in "abcde"]
    wrong = [leave(sqs, "projection-dlq", text) for text in ("garbage", "more garbage")]
    return {"waits": waits, "wrong": [*wrong, leave(sqs, "process-dlq", body(story("ghost", [])[0]))]}


def test_letters_are_told_by_queue_and_cause_with_what_helps(letters: Any, run: Run) -> None:
    told = run("dead-letters", "list", "--no-logs").out.splitlines()

    assert [each.split(", oldest")[0] for each in told if not each.startswith(" ")] == [
        "projection  not-projected  5 letters",
        "projection  no-event  2 letters",
        "process  not-in-the-store  1 letter",
        "8 letters",
    ]
    assert "  about a, b, c and 2 more" in told
    assert "  do    mend the cause; then dead-letters redrive --queue projection --cause not-projected" in told
    discard = "dead-letters discard --queue projection --cause no-event --into FILE"
    assert f"  do    somebody else put it there: {discard}" in told
    assert any("#integrity" in each and "dead-letters discard --queue process" in each for each in told)
    groups = run("dead-letters", "list", "--no-logs", "--json").json["groups"]
    assert [(each["queue"], each["cause"], each["count"]) for each in groups] == [
        ("projection", "not-projected", 5),
        ("projection", "no-event", 2),
        ("process", "not-in-the-store", 1),
    ]


def test_every_cause_has_something_to_do_that_is_a_command_or_a_place_in_the_runbook() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    titles = [each[3:].strip(" #").lower() for each in runbook.split("\n") if each[:2] == "##"]
    headings = {f"#{each.replace(' ', '-')}" for each in titles}
    for step in letters_shown._STEPS.values():
        if "#" in step:
            assert "#" + step.split("#")[1].split(". ")[0] in headings


def test_a_terminal_shows_how_many_letters_were_received_so_far(
    letters: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(dead_letters, "console_for", lambda _: Console(file=screen, force_terminal=True, width=120))

    assert run("dead-letters", "list", "--no-logs").code == 0

    assert "receive projection" in screen.getvalue()
    assert "7 letters" in screen.getvalue()


def test_one_cause_of_one_queue_is_selected(letters: Any, sqs: Any, run: Run) -> None:
    result = run("dead-letters", "redrive", "--queue", "projection", "--cause", "not-projected", "--json")

    assert (result.code, result.json["counts"]) == (0, {"moved": 5})
    assert waiting(sqs, "projection-dlq") == (2, 0)


def test_a_letter_tells_the_last_error_of_its_account_from_the_log(
    letters: Any,
    run: Run,
    write: Write,
) -> None:
    write(line("not projected", "ERROR", aggregateId="b", errorType="KeyError", errorMessage="'x'"), line("fine"))
    # what is logged comes behind a letter, whose time is that of its event's first message
    result = run("dead-letters", "list", "--queue", "projection", "--json")

    told = {each["events"][0]["aggregateId"]: each["lastError"] for each in result.json["letters"] if each["events"]}
    assert {name: error and error["error"] for name, error in told.items()} == {
        "a": None,
        "b": "not projected: KeyError: 'x'",
        **dict.fromkeys("cde"),
    }
    assert "  log   " in run("dead-letters", "list", "--queue", "projection").out


def test_the_log_of_the_function_that_was_invoked_is_asked(
    sqs: Any,
    run: Run,
    write: Write,
    outputs: Path,
) -> None:
    told = {"commandLogGroup": "/aws/lambda/projection"}
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **told}))
    leave(sqs, "invocation-dlq", invocation("commandFunction", {"aggregateId": "a", "eventType": "AccountCreated"}))
    write(line("fault", "ERROR", aggregateId="a"), line("later"))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert letter["lastError"]["error"] == "fault"


def test_what_is_no_event_is_told_apart_by_what_is_wrong_and_by_what_it_says_it_is(
    letters: Any, aws: Any, sqs: Any, run: Run
) -> None:
    told = json.loads(body(story("whole", [])[0]))
    del told["detail"]["Hash"]
    for sequence in (1, 2):
        told["detail"]["EventSequence"] = sequence
        leave(sqs, "projection-dlq", json.dumps(told))
        leave(sqs, "process-dlq", json.dumps(told))

    listed = run("dead-letters", "list", "--no-logs").out
    groups = run("dead-letters", "list", "--no-logs", "--json").json["groups"]
    found = run("dead-letters", "list", "--no-logs", "--json", "--aggregate", "whole").json["letters"]

    counts = sorted((each["queue"], each["count"], each["aggregateIds"]) for each in groups if "no-ev" in each["cause"])
    assert counts == [("process", 2, ["whole"]), ("projection", 2, []), ("projection", 2, ["whole"])]
    assert listed.count("  about whole") == 2
    assert listed.count("Hash") == 2
    assert [each["events"] for each in found if each["queue"] == "process"] == [
        [{"aggregateId": "whole", "sequence": 1}],
        [{"aggregateId": "whole", "sequence": 2}],
    ]
    assert len(found) == 4


@pytest.mark.parametrize(
    "command",
    [
        ["dead-letters", "discard", "--into", "file"],
        ["restore-event", "a", "1", "--from", "audit-log", "--reason", "r"],
        ["feeds", "pause", "projection"],
        ["deploy", "rollback"],
    ],
)
def test_where_nobody_can_be_asked_nothing_is_asked_of_aws(run: Run, calls: Calls, command: list[str]) -> None:
    refused = run(*command)

    assert (refused.code, refused.error) == (2, "error: nobody can be asked here: --yes says that it is meant\n")
    assert not calls.made


def test_the_log_of_an_invocation_is_found_by_its_request(sqs: Any, run: Run, write: Write, outputs: Path) -> None:
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), "commandLogGroup": "/aws/lambda/projection"}))
    leave(sqs, "invocation-dlq", invocation("commandFunction", {"aggregateId": "a", "eventType": "AccountCreated"}))
    write(line("fault: denied", "ERROR", requestId="request-7"), line("another's", "ERROR", requestId="request-8"))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert letter["lastError"]["error"] == "fault: denied"
    assert "names" not in letter["lastError"]


def test_a_function_that_does_not_start_is_told_by_its_last_error(
    letters: Any, run: Run, write: Write, sqs: Any, outputs: Path
) -> None:
    write(line("", "ERROR", errorType="Misconfigured", errorMessage="no variable X"))
    told = {**json.loads(outputs.read_text()), "relayFunction": "relay", "relayLogGroup": "/aws/lambda/projection"}
    outputs.write_text(json.dumps(told))
    shard, stream = (
        "shardId-00000001234567890123-abcdefgh",
        f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/other/stream/1",
    )
    batch = {
        "streamArn": stream,
        "shardId": shard,
        "batchSize": 1,
        "startSequenceNumber": "1" * 21,
        "endSequenceNumber": "1" * 21,
        **dict.fromkeys(("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"), "2024-01-15T10:00:00Z"),
    }
    leave(sqs, "invocation-dlq", invocation("relay", {}, DDBStreamBatchInfo=batch))

    listed = run("dead-letters", "list")
    told_of = {each["queue"]: each["lastError"] for each in run("dead-letters", "list", "--json").json["letters"]}

    said = "Misconfigured: no variable X (the function's last error, which names none of these)"
    assert " ".join(listed.out.split()).count(said) == 3
    assert told_of["projection"]["names"] is told_of["invocation"]["names"] is False
    assert told_of["process"] is None


def test_a_log_that_cannot_be_read_is_told_and_the_letters_are_listed(letters: Any, run: Run) -> None:
    result = run("dead-letters", "list")

    assert result.code == 0
    assert "the last errors are not told: the stack has no output projectionLogGroup" in result.out
    assert "8 letters" in result.out


def test_what_can_never_succeed_is_taken_away_into_a_file(letters: Any, sqs: Any, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "discarded.jsonl"

    result = run("dead-letters", "discard", "--into", str(file), "--yes", "--json")

    assert (result.code, result.json["counts"]) == (1, {"discarded": 2, "skipped": 6})
    assert (waiting(sqs, "projection-dlq"), waiting(sqs, "process-dlq")) == ((5, 0), (1, 0))
    kept = [json.loads(each) for each in file.read_text().splitlines()]
    assert {each["messageId"] for each in kept} == set(letters["wrong"][:2])
    assert {each["body"] for each in kept} == {"garbage", "more garbage"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("dead-letters", "discard", "--into", str(tmp_path / "none"), "--queue", "replay", "--yes").code == 0
    assert not (tmp_path / "none").exists()


def test_what_may_be_all_that_is_left_of_an_event_is_discarded_by_its_cause_alone(
    letters: Any, sqs: Any, run: Run, tmp_path: Path
) -> None:
    file, ghost = tmp_path / "ghosts.jsonl", letters["wrong"][-1]
    for selection in (("--queue", "process"), ("--message", ghost), ("--aggregate", "ghost")):
        refused = run("dead-letters", "discard", "--into", str(file), "--yes", *selection)
        assert (refused.code, waiting(sqs, "process-dlq"), file.exists()) == (1, (1, 0), False)
        assert "it may be all that is left of its event: verify its account first, then --cause" in refused.out

    assert run("dead-letters", "discard", "--into", str(file), "--yes", "--cause", "not-in-the-store").code == 0
    assert waiting(sqs, "process-dlq") == (0, 0)
    (kept,) = [json.loads(each) for each in file.read_text().splitlines()]
    assert json.loads(kept["body"])["detail"]["AggregateId"] == "ghost"


def test_what_is_moved_or_taken_away_is_told_in_groups(letters: Any, run: Run, tmp_path: Path) -> None:
    for words in (("redrive", "--dry-run"), ("discard", "--dry-run", "--into", str(tmp_path / "x"))):
        few = run("dead-letters", *words).out
        every = run("dead-letters", *words, "--all").out
        assert [each for each in letters["waits"] + letters["wrong"] if each in few] == [], words
        assert [each for each in letters["waits"] + letters["wrong"] if each not in every] == [], words
        assert "projection  not-projected  5 letters, about a, b, c and 2 more" in few


def test_a_queue_that_cannot_be_read_hides_no_other(letters: Any, run: Run, calls: Calls, tmp_path: Path) -> None:
    def refuse(operation: str, arguments: Any) -> None:
        if operation == "ReceiveMessage" and arguments["QueueUrl"].endswith("/projection-dlq"):
            raise refusal("AccessDenied", operation)

    calls.before = refuse
    told = run("dead-letters", "list", "--no-logs")
    listed = run("dead-letters", "list", "--no-logs", "--json")

    assert (told.code, listed.code) == (1, 1)
    assert "process  not-in-the-store  1 letter" in told.out
    assert "projection cannot be read" in told.out
    assert "operations.md#what-an-operators-role-needs" in told.out
    assert [each["queue"] for each in listed.json["unread"]] == ["projection"]
    assert run("dead-letters", "redrive", "--queue", "all").code == 1
    alone = run("dead-letters", "list", "--queue", "projection")
    assert (alone.code, "AccessDenied" in alone.error) == (1, True)


def test_whatever_a_letter_holds_fits_the_file(sqs: Any, run: Run, tmp_path: Path) -> None:
    odd = json.dumps({"requestContext": {"functionArn": "half \udcff, \u202e and \x1b"}, "requestPayload": 1})
    leave(sqs, "invocation-dlq", odd)

    assert run("dead-letters", "discard", "--into", str(tmp_path / "x"), "--yes").code == 0

    (kept,) = [json.loads(each) for each in (tmp_path / "x").read_text("utf-8").splitlines()]
    assert kept["body"] == odd
    assert "\udcff" in kept["reason"]


def test_nothing_is_deleted_before_the_file_is_whole_and_on_the_disk(
    letters: Any, run: Run, tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, steps = tmp_path / "discarded.jsonl", list[str]()
    sync: Callable[[Path], None] = durable.sync

    def synced(path: Path) -> None:
        steps.append(f"{len(path.read_text().splitlines())} lines on the disk")
        sync(path)

    def deleting(operation: str, _: Any) -> None:
        if operation == "DeleteMessageBatch":
            steps.append(f"deleting, with the file {'there' if file.exists() else 'missing'}")

    monkeypatch.setattr(durable, "sync", synced)
    calls.before = deleting
    run("dead-letters", "discard", "--into", str(file), "--yes")

    assert steps == ["2 lines on the disk", "deleting, with the file there"]


@pytest.mark.parametrize("where", ["there.jsonl", "no-folder/x.jsonl"])
def test_where_the_file_cannot_be_written_nothing_is_taken_away(
    letters: Any, sqs: Any, run: Run, tmp_path: Path, where: str
) -> None:
    (tmp_path / "there.jsonl").write_text("somebody's")

    result = run("dead-letters", "discard", "--into", str(tmp_path / where), "--yes")

    assert (result.code, "--into" in result.error) == (1, True)
    assert waiting(sqs, "projection-dlq") == (7, 0)
    assert (tmp_path / "there.jsonl").read_text() == "somebody's"


def test_what_may_succeed_is_never_discarded(aws: Any, sqs: Any, run: Run, tmp_path: Path, calls: Calls) -> None:
    leave(sqs, "projection-dlq", body(keep(aws, story("a", []))[0]))
    calls.before = refusing("Query", "ThrottlingException")

    result = run("dead-letters", "discard", "--into", str(tmp_path / "x"), "--yes", "--json")

    assert result.json["counts"] == {"skipped": 1}
    assert waiting(sqs, "projection-dlq") == (1, 0)


def test_discarding_asks_first(letters: Any, sqs: Any, run: Run, tmp_path: Path) -> None:
    dry = run("dead-letters", "discard", "--into", str(tmp_path / "x"), "--dry-run", "--cause", "no-event", "--json")
    assert (dry.code, dry.json["counts"]) == (0, {"would be discarded": 2})
    assert run("dead-letters", "discard", "--into", str(tmp_path / "x")).code == 2, "nobody sits there"
    assert waiting(sqs, "projection-dlq") == (7, 0)
    assert not (tmp_path / "x").exists()


def test_those_that_sqs_does_not_delete_are_told(
    letters: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.upkeep.letters.queues.Holding.delete", lambda _, letters: {letters[0].message_id})

    result = run("dead-letters", "discard", "--into", str(tmp_path / "x"), "--queue", "projection", "--yes", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1, "discarded": 1, "skipped": 5})
