"""Letters of a ledger in two Regions: what `reconcile` failed on, and stretches of the stream in which events were
overwritten. Whatever was acknowledged and is in a letter ends in the store or among the conflicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from handlers.domain import decide, evolve
from handlers.domain.account import Account
from handlers.sourcing.event import Event, Position, Stamp, chain
from handlers.sourcing.standing import Role, Standing
from handlers.store.conflict_queue import ConflictQueue
from handlers.store.conflicts import Conflict, Conflicts, Status
from handlers.store.event_store import EventStore
from handlers.store.items import to_item, to_record

from ..domain.builders import NOW, command
from ..handlers.conftest import STORE, Calls, Context, refusing
from ..quick_moto import make, make_tables
from ..tables import region_tables
from .conftest import BUCKETS, Published, Run, keep, taken, url
from .test_dead_letters import leave, stretch, waiting

CONFLICTS, STANDINGS = "conflicts", "standings"
HERE, THERE = "us-east-1", "eu-west-1"
OURS = Stamp(HERE, 1)
TOLD = {
    "REGION": HERE,
    "REGION_ROLE": "active",
    "REGION_MODE": "standby",
    "PRIMARY_REGION": HERE,
    "REGIONS": f"{HERE},{THERE}",
    "REGION_TABLE": STANDINGS,
    "CONFLICTS_TABLE": CONFLICTS,
    "CONFLICT_QUEUE_URL": url("conflict"),
    "CONFLICT_DEAD_LETTERS_URL": url("conflict-dlq"),
    "STILL_WRITING_SECONDS": "39",
}


@pytest.fixture
def two(outputs: Path) -> Path:
    """The stack's outputs, in two Regions."""
    make_tables(region_tables(CONFLICTS, STANDINGS))
    for name in ("conflict", "conflict-dlq"):
        make("sqs", "CreateQueue", QueueName=name)
    more = {
        "conflictQueueUrl": url("conflict"),
        "conflictDeadLetterQueueUrl": url("conflict-dlq"),
        "conflictsTable": CONFLICTS,
        "standingsTable": STANDINGS,
        "regionMode": "standby",
    }
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **more}))
    return outputs


def written(amounts: Sequence[int], stamp: Stamp = OURS, behind: Sequence[Event] = ()) -> list[Event]:
    """Deposits as a Region decides them, behind these events or behind the opening of an account."""
    position, state = Position(), Account()
    for event in behind:
        state, position = evolve(state, event), position.advance(event)
    commands = [] if behind else [command("AccountCreated", "a")]
    events = []
    for each in (*commands, *(command("TransactionProcessed", "a", amount=amount) for amount in amounts)):
        (event,) = chain(position, decide(state, each), each, NOW, stamp=stamp)
        state, position = evolve(state, event), position.advance(event)
        events.append(event)
    return events


def fresh(entry: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A function as it starts in the first of two Regions."""
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    spec = find_spec(f"handlers.{entry}")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def item_of(event: Event) -> dict[str, Any]:
    return EventStore(boto3.client("dynamodb"), STORE, BUCKETS).item(event)


@pytest.fixture
def queue(two: Path, sqs: Any) -> ConflictQueue:
    """Where letters come from: what is handed over lies in the queue for what could not be settled."""
    return ConflictQueue(sqs, url("conflict-dlq"))


@pytest.fixture
def conflicts(two: Path, aws: Any) -> Conflicts:
    return Conflicts(aws, CONFLICTS)


def test_what_reconcile_failed_on_says_whether_a_letter_may_be_all_that_is_left(
    queue: ConflictQueue, conflicts: Conflicts, run: Run
) -> None:
    _, first, second = written([5, 6])
    conflicts.keep(Conflict(second, to_record(item_of(second)), NOW, HERE, Status.OPEN))
    queue.lost("a", item_of(first))
    queue.lost("a", item_of(second), removed=True)
    queue.poke("b")
    for garbage in ("garbage", "{}", '{"aggregateId": "c", "lost": "!"}', '{"aggregateId": "c", "lost": "YQ=="}'):
        queue.client.send_message(QueueUrl=queue.url, MessageBody=garbage)

    letters = run("dead-letters", "list", "--queue", "conflict", "--json").json["letters"]

    told = {
        (each["cause"], tuple((place["aggregateId"], place["sequence"]) for place in each["events"]), each["hopeless"])
        for each in letters
    }
    assert told == {
        ("not-kept", (("a", first.sequence),), False),
        ("not-settled", (("a", second.sequence),), False),
        ("not-settled", (("b", None),), False),
        ("no-event", (), True),
    }
    assert len(letters) == 7
    printed = run("dead-letters", "list").out
    assert "conflict  not-kept  1 letter" in printed
    assert "may be all that is left" in " ".join(printed.split())


def test_they_go_back_to_their_queue_and_what_says_nothing_into_a_file(
    queue: ConflictQueue, sqs: Any, run: Run, tmp_path: Path
) -> None:
    (event,) = written([])
    queue.lost("a", item_of(event))
    queue.poke("b")
    sqs.send_message(QueueUrl=queue.url, MessageBody="garbage")

    discarded = run("dead-letters", "discard", "--into", str(tmp_path / "letters"), "--yes", "--json").json["counts"]
    redriven = run("dead-letters", "redrive", "--json").json["counts"]

    assert (discarded, redriven) == ({"discarded": 1, "skipped": 2}, {"moved": 2})
    assert '"body": "garbage"' in (tmp_path / "letters").read_text()
    assert waiting(sqs, "conflict-dlq") == (0, 0)
    assert sorted(json.loads(body)["aggregateId"] for body in taken(sqs, "conflict")) == ["a", "b"]


def test_one_region_has_no_such_queue(run: Run) -> None:
    result = run("dead-letters", "list", "--queue", "conflict")

    assert (result.code, "in one Region" in result.error) == (2, True)
    assert run("dead-letters", "list").code == 0


def overwritten(aws: Any) -> tuple[list[Event], list[Event]]:
    """A stream whose last two events another Region's of a higher epoch took the places of, with one more behind."""
    ours = written([5, 6])
    theirs = written([50, 60, 70], Stamp(THERE, 3), behind=ours[:1])
    keep(aws, ours)
    keep(aws, theirs)
    return ours, theirs


def test_what_was_overwritten_in_a_stretch_that_was_given_up_ends_among_the_conflicts(
    two: Path,
    aws: Any,
    sqs: Any,
    run: Run,
    *,
    published: Published,
    conflicts: Conflicts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = overwritten(aws)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 5))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]
    assert "2 of them took the place of acknowledged events" in letter["reason"]
    assert run("dead-letters", "redrive").code == 0

    assert {(event.aggregate_id, event.sequence) for event in (*ours, *theirs)} == set(published())
    records = [{"messageId": str(at), "body": body} for at, body in enumerate(taken(sqs, "conflict"))]
    fresh("reconcile", monkeypatch).lambda_handler({"Records": records}, Context())
    assert [each.event.hash for each in conflicts.of("a")] == [event.hash for event in ours[1:]]


def test_a_stream_on_which_the_other_region_wrote_in_another_epoch_is_looked_at(
    two: Path, aws: Any, sqs: Any, run: Run
) -> None:
    """As the relay has it looked at: the letter is no reason to leave it."""
    keep(aws, written([5], Stamp(THERE, 1)))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 1))
    redrive = ["dead-letters", "redrive", "--json"]
    assert run(*redrive).json["counts"] == {"moved": 1}
    assert taken(sqs, "conflict") == [], "decided there in the epoch that is known here"

    # Decided there behind this Region's back, and then in an epoch that it does not know yet.
    for last, own, theirs in ((3, Standing(HERE, Role.ACTIVE, 5), 3), (5, Standing(HERE, Role.ACTIVE, 1, seen=3), 6)):
        aws.put_item(TableName=STANDINGS, Item=to_item({"Part": "standing", "Place": "now", **own.record()}))
        keep(aws, written([5], Stamp(THERE, theirs)))
        leave(sqs, "invocation-dlq", stretch(aws, last - 1, last))
        assert run(*redrive).json["counts"] == {"moved": 1}
        asked = [json.loads(body) for body in taken(sqs, "conflict") if "lost" not in body]
        assert asked == [{"aggregateId": "a", "late": place} for place in (1, 2)], "and where it came late"


def test_a_lost_event_that_cannot_be_handed_over_keeps_the_letter_and_is_published_by_nobody(
    two: Path, aws: Any, sqs: Any, run: Run, *, published: Published, calls: Calls
) -> None:
    overwritten(aws)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 5))
    calls.before = refusing("SendMessage", "AccessDenied")

    assert run("dead-letters", "redrive", "--json").json["counts"] == {"failed": 1}
    calls.before = None
    assert published() == []
    assert waiting(sqs, "invocation-dlq") == (1, 0)


def test_what_the_stream_has_forgotten_is_told_loudly(two: Path, aws: Any, sqs: Any, run: Run, *, calls: Calls) -> None:
    overwritten(aws)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 5))
    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert (letter["cause"], "OVERWRITTEN" in letter["reason"]) == ("stream-forgotten", True)


def test_one_region_names_the_changes_of_a_stretch_and_hands_nothing_over(
    aws: Any, sqs: Any, run: Run, *, published: Published
) -> None:
    overwritten(aws)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 5))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert "changes of stored events, such as a #2: an incident" in letter["reason"]
    assert run("dead-letters", "redrive").code == 0
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]


def test_operators_see_and_redrive_them_over_http(
    queue: ConflictQueue, conflicts: Conflicts, aws: Any, sqs: Any, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = written([])
    queue.lost("a", item_of(event))
    queue.poke("b")
    overwritten(aws)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 5))
    operations = fresh("operations", monkeypatch)

    def ask(query: str, **more: Any) -> Any:
        return json.loads(operations.lambda_handler({"queryType": query, **more}, Context())["body"])

    health = ask("getPipelineHealth")
    assert {each["queue"] for each in health["queues"]} == {"projection", "process", "replay", "conflict"}
    assert {"queue": "conflict", "letters": 2} in health["deadLetters"]
    groups = ask("getDeadLetters", queue="conflict")["groups"]
    assert {(each["cause"], each["redrivable"]) for each in groups} == {("not-kept", True), ("not-settled", True)}

    assert ask("redriveDeadLetters", queue="conflict")["moved"] == 2
    assert len(taken(sqs, "conflict")) == 2
    assert ask("redriveDeadLetters", queue="invocation")["moved"] == 1
    assert sum("lost" in json.loads(body) for body in taken(sqs, "conflict")) == 2
