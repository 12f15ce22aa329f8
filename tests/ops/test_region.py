"""`region` as it is typed: what it lists, and the words that do not go together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.standing import Role, Standing
from handlers.store.conflicts import Conflict, Conflicts, Status
from handlers.store.items import to_record
from handlers.store.waiting import Waiting
from ops.commands import region as command
from ops.regions import Promoted, Region

from ..handlers.conftest import STORE
from .conftest import Run
from .test_between import CONFLICTS, HERE, STANDINGS, THERE, item_of, two, written
from .test_status_regions import both, points, stand

__all__ = ["both", "points", "two"]

SINCE = "2026-01-01T10:00:00.000000Z"


def test_all_that_is_missing_is_listed_however_much_it_is(
    both: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = written([1] * 129)

    class Change:
        def promote(self, *_: Any, **__: Any) -> Promoted:
            return Promoted(Standing(THERE, Role.ACTIVE, 3), was_reached=True, missing=tuple(missing))

    monkeypatch.setattr(command, "_change", lambda *_: Change())
    asked = ("region", "promote", THERE, "--accept-loss", "--yes")
    told = run(*asked)

    listed = " ".join(told.out.split())
    assert told.out.count("not here: ") == len(missing) == 130
    for event in missing:
        assert f"#{event.sequence} {event.event_type} {event.event_id}, command {event.command_id}" in listed
    assert "130 events of us-east-1 had not come" in told.out
    assert len(json.loads(run(*asked, "--json").out)["missing"]) == 130


def test_verify_takes_a_stream_that_waits_for_no_incident(two: Path, aws: Any, run: Run) -> None:
    for event in written([5, 6, 7]):
        if event.sequence != 3:
            aws.put_item(TableName=STORE, Item=item_of(event))
    asked = ("verify", "--aggregate", "a")
    assert "an incident" in run(*asked).out, "nobody knows that something is to come"
    assert "waiting" not in run(*asked, "--json").json

    Waiting(aws, STANDINGS).note("a", SINCE, [3])
    told = run(*asked)

    assert told.code == 1
    assert "a stream #3 gap: event 3 is missing" in told.out
    assert "an incident" not in told.out
    next_line = " ".join(told.out.split())
    assert "next: a waits since 2026-01-01T10:00:00Z for event 3; only if the Region that has it is gone" in next_line
    assert "python -m ops region reconcile --aggregate a --give-up (docs/operations.md#streams-that-wait)" in next_line
    (waits,) = run(*asked, "--json").json["waiting"]
    assert (waits["aggregateId"], waits["lacks"]) == ("a", [3])


def test_an_edited_event_is_an_incident_in_a_stream_that_waits_too(two: Path, aws: Any, run: Run) -> None:
    opening, first, _, last = written([5, 6, 7])
    for event in (opening, replace(first, data={**first.data, "amount": 500}), last):
        aws.put_item(TableName=STORE, Item=item_of(event))
    Waiting(aws, STANDINGS).note("a", SINCE, [3])

    assert "an incident" in run("verify", "--aggregate", "a").out


def test_status_says_what_to_do_about_a_stream_that_waits(both: dict[str, Any], run: Run) -> None:
    Waiting(both[THERE], STANDINGS).note("a b", SINCE, [8])
    Waiting(both[THERE], STANDINGS).note("c", SINCE, [])

    told = " ".join(run("region", "status").out.split())

    assert "2 streams waiting" in told
    assert "python -m ops region reconcile --aggregate 'a b' --give-up (docs/operations.md#streams-that-wait)" in told
    assert "c waits since 2026-01-01T10:00:00Z for what the other Region makes of it (docs/operations.md#" in told


@pytest.mark.parametrize(
    "typed",
    [("reconcile",), ("promote", THERE, "--yes"), ("demote", HERE, "--yes"), ("share",), ("reconcile", "--json")],
)
def test_what_is_about_both_regions_takes_none_of_them(both: dict[str, Any], run: Run, typed: tuple[str, ...]) -> None:
    told = run("region", *typed, "--region", THERE)

    assert (told.code, told.error) == (2, f"error: leave --region out: this is about {HERE} and {THERE} at once\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--give-up", "--accept", "x", "--why", "y"), "say --accept or --retry by itself"),
        (("--closed", "--retry", "x"), "say --accept or --retry by itself"),
        (("--closed", "--give-up"), "leave --give-up out"),
        (("--accept", "x", "--retry", "x", "--why", "y"), "x: either --accept closes it, or --retry"),
    ],
)
def test_words_that_rule_each_other_out_are_refused(
    both: dict[str, Any], run: Run, words: tuple[str, ...], told: str
) -> None:
    answer = run("region", "reconcile", "--aggregate", "a", *words)

    assert answer.code == 2
    assert told in answer.error


def test_of_one_stream_only_what_is_open_there_is_listed(
    both: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {"streams": 0, "putBack": 0, "removed": 0, "again": 0, "notYet": 0, "waiting": [], "more": False}
    monkeypatch.setattr(Region, "reconcile", lambda _, __: none)
    (_, lost) = written([5])
    kept = Conflict(lost, to_record(item_of(lost)), SINCE, HERE, Status.PERSON, SINCE, "it was refused")
    Conflicts(both[HERE], CONFLICTS).keep(kept)

    assert "needs a person: a #2" in run("region", "reconcile", "--aggregate", "a").out
    other = run("region", "reconcile", "--aggregate", "b")
    assert (other.code, "needs a person" in other.out) == (0, False)


def test_that_nothing_is_closed_is_said(both: dict[str, Any], run: Run) -> None:
    asked = ("region", "reconcile", "--aggregate", "a", "--closed")

    assert "nothing lost of a was closed" in run(*asked).out
    assert run(*asked, "--json").json == {"closed": []}


def lost_in(both: dict[str, Any]) -> tuple[Conflict, dict[str, Conflicts]]:
    """An event that is a person's, as both Regions keep it."""
    (_, event) = written([5])
    kept = Conflict(event, to_record(item_of(event)), SINCE, HERE, Status.PERSON, SINCE, "it was refused")
    tables = {name: Conflicts(client, CONFLICTS) for name, client in both.items()}
    for table in tables.values():
        table.keep(kept)
    return kept, tables


@pytest.mark.parametrize("asked", [("--retry",), ("--alone", "--why", "ticket", "--accept")])
@pytest.mark.parametrize("name", [HERE, THERE])
def test_a_word_that_the_other_region_has_not_heard_of_rules_the_next_one_out(
    both: dict[str, Any], run: Run, asked: tuple[str, ...], name: str
) -> None:
    kept, tables = lost_in(both)
    (word,) = tables[name].of("a")
    tables[name].say(word.now(Status.CLOSED, "2026-01-02", "accepted: paid out", by="carol"), name)

    told = run("region", "reconcile", "--aggregate", "a", *asked, kept.event.hash)

    assert told.code == 1
    assert f"in {name} carol said at 2026-01-02: accepted: paid out" in told.error
    assert "Nothing was said" in told.error


def test_a_word_is_taken_by_who_decides_in_the_higher_epoch(
    both: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, epoch in ((HERE, 11), (THERE, 12)):
        stand(both[name], Standing(name, Role.ACTIVE, epoch))
    asked: list[str] = []

    def reconcile(region: Region, _: Any) -> dict[str, Any]:
        asked.append(region.name)
        return {"retried": {"status": "resolved", "why": "decided again"}}

    monkeypatch.setattr(Region, "reconcile", reconcile)
    assert run("region", "reconcile", "--aggregate", "a", "--retry", "x").code == 0
    assert asked == [THERE]


def test_what_somebody_closed_and_counts_all_the_same_is_among_what_was_closed(both: dict[str, Any], run: Run) -> None:
    _, tables = lost_in(both)
    for name in (HERE, THERE):
        (word,) = tables[name].of("a")
        said = tables[name].say(word.now(Status.CLOSED, "2026-01-02", "accepted: paid out", by="carol"), HERE)
        tables[name].note(said.now(Status.PERSON, SINCE, "two words: why", 3))

    asked = ("region", "reconcile", "--aggregate", "a", "--closed")
    assert "carol said at 2026-01-02: accepted: paid out" in " ".join(run(*asked).out.split())
    (told,) = run(*asked, "--json").json["closed"]
    assert told["words"] == [{"by": "carol", "at": "2026-01-02", "why": "accepted: paid out"}]


NOTHING = {"streams": 0, "putBack": 0, "removed": 0, "again": 0, "notYet": 0, "waiting": [], "more": False}


def test_what_a_person_closed_is_not_open_whatever_a_schedule_notes_that_had_not_heard_of_it(
    both: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Region, "reconcile", lambda _, __: NOTHING)
    _, tables = lost_in(both)
    assert run("region", "reconcile").code == 1
    for table in tables.values():
        (word,) = table.of("a")
        said = table.say(word.now(Status.CLOSED, "2026-01-02", "accepted: paid out", by="carol"), HERE)
        table.note(said.now(Status.PERSON, "2026-01-03", "it was refused"))

    told = run("region", "reconcile")
    assert (told.code, "needs a person" in told.out) == (0, False)
    assert "closed: a #2" in run("region", "reconcile", "--aggregate", "a", "--closed").out


@pytest.mark.parametrize("name", [HERE, THERE])
@pytest.mark.parametrize(("status", "why"), [(Status.CLOSED, "accepted: paid out"), (Status.OPEN, "a person asked")])
def test_each_word_is_shown_whichever_region_has_it(
    both: dict[str, Any], run: Run, name: str, status: Status, why: str
) -> None:
    _, tables = lost_in(both)
    (word,) = tables[name].of("a")
    said = tables[name].say(word.now(status, "2026-01-02", why, by="carol"), name)
    tables[name].note(said.now(Status.PERSON, "2026-01-03", "it was refused"))

    asked = ("region", "reconcile", "--aggregate", "a", "--closed")
    assert why in run(*asked).out
    (told,) = run(*asked, "--json").json["closed"]
    assert told["words"] == [{"by": "carol", "at": "2026-01-02", "why": why}]
    assert told["status"] == ("closed" if status is Status.CLOSED else "person")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (("person", "refused: RuleBroken"), 1, "x: needs a person: refused: RuleBroken"),
        (("refused", "refused: RuleBroken"), 1, "x: the ledger looks once more: refused: RuleBroken"),
        (("resolved", "decided again"), 0, "x: in the stream again: decided again"),
    ],
)
@pytest.mark.usefixtures("both")
def test_what_became_of_what_is_decided_once_more_is_said_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, answer: tuple[str, str], code: int, words: str
) -> None:
    told_of = dict(zip(("status", "why"), answer, strict=True))
    monkeypatch.setattr(Region, "reconcile", lambda _, __: {"retried": told_of})

    told = run("region", "reconcile", "--aggregate", "a", "--retry", "x")

    assert told.code == code
    assert words in " ".join(told.out.split())


@pytest.mark.usefixtures("both")
def test_who_has_a_long_list_is_told_where_the_rest_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"streams": 0, "putBack": 0, "removed": 0, "again": 0, "notYet": 0, "waiting": [], "more": False}
    monkeypatch.setattr(Region, "reconcile", lambda _, __: none)
    lost = [Conflict(each, to_record(item_of(each)), SINCE, HERE) for each in written([1] * 129)]
    monkeypatch.setattr(Region, "unsettled", lambda _: list(lost))

    assert "and 30 lost events more: --json has all" in run("region", "reconcile").out
    assert len(run("region", "reconcile", "--json").json["open"]) == 130
