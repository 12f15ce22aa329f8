"""Archives and replays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import replay
from tests.local.conftest import Workshop
from tests.support import eventually

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Archived:
    """A bus with an archive of what comes from "shop", and two rules with a queue each."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.events = workshop.events
        self.bus = workshop.name("bus")
        self.bus_arn = self.events.create_event_bus(Name=self.bus)["EventBusArn"]
        self.archive = workshop.name("archive")
        self.archive_arn = self.events.create_archive(
            ArchiveName=self.archive, EventSourceArn=self.bus_arn, EventPattern='{"source": ["shop"]}'
        )["ArchiveArn"]
        self.rules, self.inboxes = [], []
        for name in ("first", "second"):
            pattern = json.dumps({"account": ["123456789012"]})
            rule = self.events.put_rule(Name=name, EventBusName=self.bus, EventPattern=pattern)
            inbox = workshop.queue()
            target = {"Id": "inbox", "Arn": workshop.queue_arn(inbox)}
            self.events.put_targets(Rule=name, EventBusName=self.bus, Targets=[target])
            self.rules.append(rule["RuleArn"])
            self.inboxes.append(inbox)

    def put(self, *numbers: int, source: str = "shop") -> None:
        """Events, each its number of minutes after noon."""
        entries = [
            {
                "Source": source,
                "DetailType": "Ordered",
                "Detail": f'{{"n":{number},"exact":0.10}}',
                "Time": NOON + timedelta(minutes=number),
                "EventBusName": self.bus,
            }
            for number in numbers
        ]
        assert self.events.put_events(Entries=entries)["FailedEntryCount"] == 0

    def start(self, name: str, first: int, last: int, **destination: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.events.start_replay(
            ReplayName=name,
            EventSourceArn=self.archive_arn,
            EventStartTime=NOON + timedelta(minutes=first),
            EventEndTime=NOON + timedelta(minutes=last),
            Destination={"Arn": self.bus_arn, **destination},
        )
        return answer

    def wait_for(self, name: str, state: str = "COMPLETED") -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            found: dict[str, Any] = self.events.describe_replay(ReplayName=name)
            return found if found["State"] == state else None

        found = eventually(reached, message=f"the replay {name} is {state}")
        assert found is not None
        return found


@pytest.fixture
def archived(workshop: Workshop) -> Archived:
    return Archived(workshop)


def test_an_archive_keeps_what_its_pattern_matches(archived: Archived) -> None:
    archived.put(1)
    archived.put(2, source="elsewhere")

    assert archived.events.describe_archive(ArchiveName=archived.archive)["EventCount"] == 1


def test_a_replay_sends_the_window_to_the_chosen_rules(workshop: Workshop, archived: Archived) -> None:
    archived.put(1, 2, 3, 4, 5)
    first, second = archived.inboxes
    live = workshop.told(first, 5)
    workshop.take(second, 5)
    name = workshop.name("replay")

    started = archived.start(name, 2, 4, FilterArns=[archived.rules[0]])
    done = archived.wait_for(name)
    again = [json.loads(message["Body"]) for message in workshop.take(first, 3)]

    assert started["State"] == "STARTING"
    assert done["ReplayEndTime"] >= done["ReplayStartTime"]
    assert done["EventLastReplayedTime"] == NOON + timedelta(minutes=4)
    assert sorted(event["detail"]["n"] for event in again) == [2, 3, 4]
    assert {event.pop("replay-name") for event in again} == {name}
    originals = {event["detail"]["n"]: event for event in live}
    for event in again:
        original = originals[event["detail"]["n"]]
        assert event["id"] != original["id"]
        assert {**event, "id": original["id"]} == original
    assert workshop.stays_empty(second)
    assert archived.events.describe_archive(ArchiveName=archived.archive)["EventCount"] == 5


def test_without_a_choice_every_rule_gets_the_replay_number_for_number(workshop: Workshop, archived: Archived) -> None:
    archived.put(1)
    for inbox in archived.inboxes:
        workshop.take(inbox)

    archived.start(workshop.name("replay"), 0, 2)

    for inbox in archived.inboxes:
        assert '"detail":{"n":1,"exact":0.10}' in workshop.take(inbox)[0]["Body"]


def test_an_event_of_the_first_year_is_replayed_with_the_others(workshop: Workshop, archived: Archived) -> None:
    archived.put(1)
    entry = {"Source": "shop", "DetailType": "Old", "Detail": "{}", "EventBusName": archived.bus}
    archived.events.put_events(Entries=[{**entry, "Time": datetime(1, 1, 1, tzinfo=UTC)}])
    first = archived.inboxes[0]
    assert "0001-01-01T00:00:00Z" in [event["time"] for event in workshop.told(first, 2)]
    name = workshop.name("replay")

    archived.start(name, 0, 2)

    archived.wait_for(name)
    assert [event["detail"]["n"] for event in workshop.told(first)] == [1]


def test_a_replay_that_breaks_is_seen_to_have_failed(
    workshop: Workshop, archived: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived.put(1)
    monkeypatch.setattr(replay.Replays, "_run", None)
    name = workshop.name("replay")

    archived.start(name, 0, 2)

    assert archived.wait_for(name, "FAILED")["ReplayEndTime"]


def test_a_replay_can_be_cancelled(workshop: Workshop, archived: Archived) -> None:
    minutes = range(100)
    for start in minutes[::10]:
        archived.put(*minutes[start : start + 10])
    first, second = archived.inboxes
    for inbox in (first, second):
        workshop.take(inbox, len(minutes))
    name = workshop.name("replay")

    archived.start(name, 0, len(minutes), FilterArns=[archived.rules[0]])
    workshop.take(first)
    assert archived.events.cancel_replay(ReplayName=name)["State"] == "CANCELLING"
    archived.wait_for(name, "CANCELLED")

    with pytest.raises(ClientError, match="IllegalStatusException"):
        archived.events.cancel_replay(ReplayName=name)
    last = archived.events.describe_replay(ReplayName=name)["EventLastReplayedTime"]
    assert NOON <= last < NOON + timedelta(minutes=len(minutes) - 1)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        archived.events.cancel_replay(ReplayName="no-such-replay")


def test_a_replay_is_listed(workshop: Workshop, archived: Archived) -> None:
    archived.put(1)
    name = workshop.name("replay")
    archived.start(name, 0, 2)
    archived.wait_for(name)

    (listed,) = archived.events.list_replays(NamePrefix=name)["Replays"]
    assert (listed["State"], listed["EventLastReplayedTime"]) == ("COMPLETED", NOON + timedelta(minutes=1))


def test_what_eventbridge_refuses_is_refused(workshop: Workshop, archived: Archived) -> None:
    taken = workshop.name("replay")
    archived.start(taken, 0, 1)
    other = archived.events.create_event_bus(Name=workshop.name("bus"))["EventBusArn"]

    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        archived.start(taken, 0, 1)
    with pytest.raises(ClientError, match="EventStartTime must be before EventEndTime"):
        archived.start(workshop.name("replay"), 1, 0)
    with pytest.raises(ClientError, match="Cross event bus replay is not permitted"):
        archived.start(workshop.name("replay"), 0, 1, Arn=other)
    with pytest.raises(ClientError, match="Must contain an event bus ARN"):
        archived.start(workshop.name("replay"), 0, 1, Arn="arn:aws:sqs:us-east-1:123456789012:queue")
    archived.archive_arn = archived.archive_arn + "-missing"
    with pytest.raises(ClientError, match="does not exist"):
        archived.start(workshop.name("replay"), 0, 1)
