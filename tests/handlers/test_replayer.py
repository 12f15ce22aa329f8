"""The replay's machine: every selected event goes out under one id, whatever ends when, and no other does."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import boto3
import pytest

from handlers.sourcing import times
from handlers.sourcing.copies import SOURCE, Copy
from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import SOURCE as LIVE
from handlers.sourcing.event import Event
from handlers.store.event_bus import PublishError
from handlers.store.replay_work import SPARE_SECONDS, Work
from handlers.store.replays import ChangedMeanwhileError, ReplayExistsError, State
from handlers.upkeep.replays import STALLED_SECONDS, is_stalled
from tests.domain.builders import story

from ..aws import STORE, Calls
from .replaying import PROJECTION, REPLAY, TIMEOUT, Ended, Machine, Message, keep

ACCOUNTS = [f"account-{number}" for number in range(30)]


@pytest.fixture
def stored(aws: Any) -> list[Event]:
    return keep(aws, [event for each in ACCOUNTS for event in story(each, [5, 50, 500])])


@pytest.fixture
def machine(aws: Any, stored: list[Event], calls: Calls) -> Machine:
    return Machine(aws, calls)


def once(events: list[Event], replay_id: str = "r") -> dict[tuple[str, int, str], int]:
    return {(each.aggregate_id, each.sequence, Copy.of(each, replay_id).copy_id): 1 for each in events}


def test_every_event_goes_out_once_and_each_stream_in_its_order(machine: Machine, stored: list[Event]) -> None:
    machine.start()
    machine.to_the_end()

    assert machine.copies() == once(stored)
    for each in ACCOUNTS:
        assert [sequence for aggregate_id, sequence in machine.places() if aggregate_id == each] == [1, 2, 3, 4]
    run = machine.run_of()
    assert run.unfinished == []
    assert run.counts == (len(stored), len(stored), len(stored), 0)


def test_a_segment_takes_five_requests_beside_what_is_due_each_second(machine: Machine, stored: list[Event]) -> None:
    machine.start(aggregateIds=["account-3"])
    machine.start("whole")
    machine.calls.made.clear()
    machine.step()
    assert machine.calls.names == ["Query", "PutItem", "Query", "PutEvents", "PutItem"]
    machine.calls.made.clear()
    machine.to_the_end()
    names = Counter(machine.calls.names)
    assert names["Scan"] == names["Query"] == 16
    assert names["PutItem"] == 2 * 16
    assert names["SendMessage"] == 0


def test_only_what_is_selected_goes_out(machine: Machine, stored: list[Event]) -> None:
    over_49 = {"EventData": {"amount": [{"numeric": [">", 49]}]}}
    machine.start(aggregatePrefix="account-1", pattern=over_49)
    machine.start("s", aggregateIds=["account-3", "account-25"], fromSequence=3)
    machine.to_the_end()

    selected = [each for each in stored if each.aggregate_id.startswith("account-1") and each.sequence > 2]
    listed = [each for each in stored if each.aggregate_id in ("account-3", "account-25") and each.sequence > 2]
    assert machine.copies() == {**once(selected), **once(listed, "s")}
    assert machine.run_of().counts.selected == len(selected)


@pytest.mark.parametrize("seed", range(5))
def test_kills_at_random_repeat_copies_under_their_ids_and_lose_none(
    machine: Machine, stored: list[Event], seed: int
) -> None:
    """Fifty times a process ends at some call, before it takes effect or after."""
    machine.fates.seed(seed)
    machine.start(rate=60)
    machine.kills_left = 50
    for _ in range(5000):
        if not machine.queue:
            break
        machine.step()
        if machine.letters:  # as an operator does who redrives them
            machine.queue += [
                replace(each, receives=0, message_id=f"again-{each.message_id}") for each in machine.letters
            ]
            machine.letters.clear()

    assert machine.copies().keys() == once(stored).keys(), "one id for each selected event, and none is missing"
    assert machine.kills_left == 0
    assert {"before PutEvents", "after PutEvents", "after PutItem", "after SendMessage"} & set(machine.killed)
    assert machine.run_of().unfinished == []
    assert machine.run_of().counts.scanned == len(stored)


@pytest.mark.parametrize("seed", range(3))
def test_what_makes_progress_needs_no_person_however_often_processes_end(
    machine: Machine, stored: list[Event], seed: int
) -> None:
    """Fifty functions end at moments that have nothing to do with what they do; nobody resumes or redrives."""
    machine.fates.seed(seed)
    machine.living = 3.0
    machine.kills_left = 50
    machine.start(rate=2)
    machine.to_the_end()

    assert machine.kills_left == 0
    assert machine.letters == []
    assert machine.run_of().unfinished == []
    assert machine.copies().keys() == once(stored).keys()


def test_a_message_that_has_moved_its_segment_is_replaced_when_it_comes_again(machine: Machine, aws: Any) -> None:
    """By one that the queue has not counted yet; also where it ended between letting the segment go and handing on."""
    keep(aws, story("long", [5] * 29))
    machine.start(aggregateIds=["long"], rate=1)

    def end(operation: str) -> None:
        if operation == "SendMessage":
            raise Ended

    machine.at_call = end
    assert machine.step() is None
    (first,) = machine.queue
    (segment,) = machine.run_of().segments.values()
    assert (segment.owner, segment.moved_by, segment.done) == ("", first.message_id, False)

    machine.at_call = lambda _: None
    machine.calls.made.clear()
    machine.step()
    assert machine.calls.names == ["Query"]
    (second,) = machine.queue
    assert second.message_id != first.message_id
    assert second.receives == 0
    machine.to_the_end()
    assert sorted(machine.places()) == [("long", sequence) for sequence in range(1, 31)]


def test_what_makes_no_progress_is_given_up_and_stands_still_for_all_to_see(
    machine: Machine, stored: list[Event]
) -> None:
    machine.start(aggregateIds=["account-3"])

    def end(operation: str) -> None:
        if operation == "PutEvents":
            raise Ended

    machine.at_call = end
    machine.to_the_end(5)
    assert [each.receives for each in machine.letters] == [5]
    assert is_stalled(machine.run_of(), times.later(machine.now(), STALLED_SECONDS + 60))

    machine.at_call = lambda _: None
    machine.turn(State.RUNNING)
    machine.to_the_end()
    assert len(machine.copies()) == 4


def test_a_copy_is_never_taken_for_the_event(machine: Machine, stored: list[Event]) -> None:
    """By its source, which no rule for live events matches; and by its record, which nobody can read as an event."""
    machine.start(aggregateIds=["account-3"])
    machine.to_the_end()

    assert {each["Source"] for each in machine.out} == {SOURCE}
    assert SOURCE != LIVE
    first = next(each for each in stored if each.aggregate_id == "account-3")
    detail = machine.details()[0]
    assert detail["Replay"] == {"id": "r", "eventId": first.event_id, "hash": first.hash}
    assert detail["EventId"] != first.event_id
    assert detail["EventData"] == json.loads(json.dumps(first.data, default=float))
    with pytest.raises(NotAnEventError):
        Event.of(detail)


def test_what_is_written_meanwhile_is_not_in_it(machine: Machine, aws: Any, stored: list[Event]) -> None:
    """Also where its page is not yet read: the end of a selection is a time, fixed before the first page."""
    last = max(each.timestamp for each in stored)
    machine.start(to=last)
    late = [replace(each, aggregate_id=f"late-{n}", timestamp="2024-01-15T11:00:00.000000Z")
            for n, each in enumerate(stored[:40])]  # fmt: skip

    def write(operation: str) -> None:
        if late and operation == "PutEvents":
            machine.at_call = lambda _: None
            keep(aws, late[:])
            late.clear()

    machine.at_call = write
    machine.to_the_end()
    assert machine.copies() == once(stored)


def test_a_pause_takes_hold_within_two_seconds_and_what_is_resumed_loses_none(
    machine: Machine, stored: list[Event]
) -> None:
    machine.start(rate=10)
    paused_at = 0.0

    def pause(_: str) -> None:
        nonlocal paused_at
        if not paused_at and machine.clock > 3:
            machine.at_call, paused_at = (lambda _: None), machine.clock
            machine.turn(State.PAUSED)

    machine.at_call = pause
    while not paused_at:
        machine.step()
    assert 0 < machine.clock - paused_at < 2
    assert machine.when[-1] - paused_at < 2
    sent = len(machine.out)
    machine.to_the_end()
    assert len(machine.out) == sent, "those that were not begun do not begin"
    assert machine.queue == []

    machine.turn(State.RUNNING)
    machine.to_the_end()
    assert machine.copies() == once(stored)


def test_what_is_resumed_while_a_segment_is_let_go_goes_on(machine: Machine, stored: list[Event]) -> None:
    """The message of the resumption finds it held and goes away; so whoever lets it go looks once more."""
    machine.start(rate=1, aggregateIds=["account-3"])
    operations: list[str] = []

    def act(operation: str) -> None:
        if machine.clock < 0.3:
            return
        if not operations:
            machine.at_call = lambda _: None
            machine.turn(State.PAUSED)
            machine.at_call = act
        operations.append(operation)
        if operations.count("PutItem") == 2:  # the place, and then that it is nobody's any more
            machine.at_call = lambda _: None
            machine.turn(State.RUNNING)
            assert machine.deliver(machine.queue.pop()) == (0, 0, 0, 0)

    machine.at_call = act
    machine.step()
    assert len(machine.out) < 4
    assert len(machine.queue) == 2, "its own, and that of the resumption, which waits for the lease to run out"
    machine.to_the_end(4)
    assert list(machine.copies().values()) == [1] * 4


def test_a_message_that_finds_a_segment_held_comes_again_when_the_lease_has_run_out(
    machine: Machine, stored: list[Event]
) -> None:
    machine.start(aggregateIds=["account-3"])
    (message,) = machine.queue
    (segment,) = machine.run_of().segments.values()
    held = machine.replays.save(segment.taken("other", "2024-03-01T00:00:20.000000Z"))
    machine.step()
    (waiting,) = machine.queue
    assert 20 < waiting.visible < 23
    machine.replays.save(held.taken("third", "2024-03-01T00:01:00.000000Z"))
    machine.step()
    assert machine.queue == [], "somebody goes on"
    assert message.message_id != waiting.message_id


def test_a_segment_is_worked_on_by_one_message_at_a_time(machine: Machine, stored: list[Event]) -> None:
    """Another message, such as of somebody who resumes what runs, finds it held, and so sends nothing twice."""
    machine.start(rate=40)
    second = Message(0.0, "second", machine.queue[0].body)
    doubled = False

    def deliver(operation: str) -> None:
        nonlocal doubled
        if not doubled and operation == "PutEvents":
            doubled = True
            machine.deliver(second)

    machine.at_call = deliver
    machine.to_the_end()
    assert doubled
    assert machine.copies() == once(stored)


def test_a_message_that_comes_again_goes_on_at_once(machine: Machine, stored: list[Event]) -> None:
    """The lease is its own: it need not run out first."""
    machine.start(aggregateIds=["account-3"])
    (message,) = machine.queue
    (segment,) = machine.run_of().segments.values()
    machine.replays.save(segment.taken(message.message_id, "2099-01-01T00:00:00.000000Z"))
    machine.to_the_end(1)
    assert len(machine.out) == 4


def test_a_lease_runs_out_where_its_message_is_gone(machine: Machine, stored: list[Event]) -> None:
    machine.start(aggregateIds=["account-3"])
    (segment,) = machine.run_of().segments.values()
    machine.replays.save(segment.taken("gone", "2024-03-01T00:00:30.000000Z"))
    machine.to_the_end(2)
    assert len(machine.out) == 4
    assert machine.clock > 30


def test_who_is_overtaken_moves_nothing_back_and_its_message_comes_again(machine: Machine, stored: list[Event]) -> None:
    """Two at one segment, since a lease is a matter of clocks: the place goes on from one of them alone."""
    machine.start(rate=40, aggregateIds=["account-3"])
    (message,) = machine.queue
    overtaking = False

    def overtake(operation: str) -> None:
        nonlocal overtaking
        if not overtaking and operation == "PutEvents":
            overtaking = True
            (segment,) = machine.run_of().segments.values()
            machine.replays.save(replace(segment, after=None, done=True))

    machine.at_call = overtake
    assert machine.step() is None
    assert machine.queue == [message]
    assert machine.run_of().unfinished == [], "what the other one saved stands"
    machine.to_the_end()


def test_no_more_copies_a_second_than_asked_for_whoever_sends_them(machine: Machine, stored: list[Event]) -> None:
    machine.start(rate=8)
    machine.to_the_end()
    assert machine.copies() == once(stored)
    by_second = Counter(int(each) for each in machine.when)
    # One process after the other here, each with its share of a fourth and less: never more than all of them.
    assert max(by_second.values()) <= 8


def test_a_segment_is_handed_on_in_time(machine: Machine, stored: list[Event]) -> None:
    machine.start(rate=4, aggregateIds=ACCOUNTS[:12])
    longest = 0.0
    while machine.queue:
        message = min(machine.queue, key=lambda each: each.visible)
        began = max(machine.clock, message.visible)
        machine.step()
        longest = max(longest, machine.clock - began)
    assert 5 < longest < TIMEOUT - SPARE_SECONDS + 2
    assert len(machine.copies()) == 48


def test_a_cancelled_replay_stops_for_good(machine: Machine, stored: list[Event]) -> None:
    machine.start(rate=10)
    machine.step()
    machine.turn(State.CANCELLED)
    sent = len(machine.out)
    machine.to_the_end()
    assert len(machine.out) == sent


def test_a_target_that_takes_nothing_fails_the_message_and_one_that_took_something_is_waited_for(
    machine: Machine, stored: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.start(aggregateIds=["account-3"], rate=1)
    bus = machine.replayer.targets.bus()
    publish, taken = type(bus).publish, 0

    def refuse_after(number: int) -> None:
        def refuse(self: Any, entries: Any, set_aside: Any = None) -> None:
            nonlocal taken
            taken += 1
            if taken > number:
                raise PublishError(0, "throttled")
            publish(self, entries, set_aside)

        monkeypatch.setattr(type(bus), "publish", refuse)

    refuse_after(2)
    done = machine.step()
    assert done
    assert done.sent == 2
    (message,) = machine.queue
    assert message.visible >= machine.clock + 4, "not at once"
    assert machine.step() is None, "nothing at all: the queue counts it"
    refuse_after(10**6)
    machine.to_the_end()
    assert len(machine.copies()) == 4


def test_what_is_no_event_or_will_never_be_taken_is_left_out_and_told(
    machine: Machine, aws: Any, stored: list[Event]
) -> None:
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "account-3"}, "EventSequence": {"N": "9"}})
    long = replace(stored[0], aggregate_id="account-3", sequence=8, event_type="T" * 129)
    keep(aws, [long])
    machine.start(aggregateIds=["account-3"])
    machine.to_the_end()
    (segment,) = machine.run_of().segments.values()
    assert segment.counts == (6, 5, 4, 2)
    assert "event 8 of account-3" in segment.problem, "the last one; the log has them all"
    assert segment.done


def test_an_own_queue_gets_what_a_rule_would_give_it(machine: Machine, stored: list[Event]) -> None:
    sqs: Any = boto3.client("sqs")
    url = sqs.create_queue(QueueName="own")["QueueUrl"]
    run = machine.start(target="queue:arn:aws:sqs:us-east-1:123456789012:own", aggregateIds=["account-3"])
    machine.replays.save_head(replace(run.head, queue_url=url))
    machine.to_the_end()
    bodies = [
        json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    ]
    assert {each["source"] for each in bodies} == {SOURCE}
    assert [each["id"] for each in bodies] == [each["detail"]["EventId"] for each in bodies]
    expected = [each for each in stored if each.aggregate_id == "account-3"]
    assert sorted(each["detail"]["EventSequence"] for each in bodies) == [1, 2, 3, 4]
    assert {each["id"] for each in bodies} == {Copy.of(each, "r").copy_id for each in expected}


@pytest.mark.parametrize("url", [PROJECTION, REPLAY, PROJECTION.replace("sqs.us-east-1", "us-east-1.queue")])
def test_a_queue_that_the_replayer_works_with_is_no_target(machine: Machine, stored: list[Event], url: str) -> None:
    run = machine.start(target="queue:arn:aws:sqs:us-east-1:123456789012:any", aggregateIds=["account-3"])
    machine.replays.save_head(replace(run.head, queue_url=url))
    while machine.queue:
        machine.step()
    assert len(machine.letters) == 1
    assert machine.calls.to("SendMessageBatch") == []


def test_a_fifo_queue_is_told_the_stream_and_the_copy(machine: Machine, stored: list[Event]) -> None:
    sqs: Any = boto3.client("sqs")
    url = sqs.create_queue(QueueName="own.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    run = machine.start(target="queue:arn:aws:sqs:us-east-1:123456789012:own.fifo", aggregateIds=["account-3"])
    machine.replays.save_head(replace(run.head, queue_url=url))
    machine.to_the_end()
    (batch,) = machine.calls.to("SendMessageBatch")
    entries = batch["Entries"]
    assert len({each["MessageGroupId"] for each in entries}) == 1
    assert [each["MessageDeduplicationId"] for each in entries] == [each["Id"] for each in entries]


def test_projections_are_poked_with_the_last_event_of_each_stream_in_a_stretch(
    machine: Machine, stored: list[Event]
) -> None:
    """The event itself, past the bus: its rows are brought up from the store, as ever."""
    sqs: Any = boto3.client("sqs")
    sqs.create_queue(QueueName="projection")
    machine.start(target="projection", aggregateIds=["account-3"])
    machine.to_the_end()
    (batch,) = machine.calls.to("SendMessageBatch")
    (entry,) = batch["Entries"]
    last = [each for each in stored if each.aggregate_id == "account-3"][-1]
    assert Event.of(json.loads(entry["MessageBody"], parse_float=str)["detail"] | {"EventData": last.data}) == last
    assert machine.out == []


def test_a_transform_is_told_on_each_copy_and_what_it_fails_on_is_left_out(
    machine: Machine, aws: Any, stored: list[Event]
) -> None:
    keep(aws, [replace(stored[0], aggregate_id="account-3", sequence=8, version=99)])
    machine.start(aggregateIds=["account-3"], transform="newest-shape@1")
    machine.to_the_end()
    (segment,) = machine.run_of().segments.values()
    assert segment.counts == (5, 5, 4, 1)
    assert "newest-shape@1 fails on it" in segment.problem
    assert {each["Replay"]["transform"] for each in machine.details()} == {"newest-shape@1"}


def test_a_transform_of_newer_code_waits_for_that(machine: Machine, stored: list[Event]) -> None:
    machine.start(aggregateIds=["account-3"], transform="of-tomorrow@1")
    assert machine.step() is None
    assert machine.out == []
    assert len(machine.queue) == 1


def test_a_message_of_a_replay_into_files_is_done_with(machine: Machine, stored: list[Event]) -> None:
    """A program of an operator's writes them: whoever sends a message for one moves nothing."""
    machine.start(target="file", aggregateIds=["account-3"])
    machine.to_the_end(1)
    assert [each.owner for each in machine.run_of().unfinished] == [""]


def test_a_replays_id_is_one_replays(machine: Machine, stored: list[Event]) -> None:
    machine.start()
    with pytest.raises(ReplayExistsError):
        machine.start()


def test_a_state_is_written_over_the_one_that_was_read(machine: Machine, stored: list[Event]) -> None:
    run = machine.start()
    machine.replays.save_head(replace(run.head, state=State.PAUSED))
    with pytest.raises(ChangedMeanwhileError):
        machine.replays.save_head(replace(run.head, state=State.CANCELLED))
    assert machine.run_of().head.state is State.PAUSED


def test_a_message_of_no_replay_is_done_with(machine: Machine, stored: list[Event]) -> None:
    machine.send(Work("nobody", 3))
    machine.to_the_end(1)
    assert machine.out == []
