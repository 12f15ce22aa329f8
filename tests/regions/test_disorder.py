"""Right after two Regions have met again, streams are in no order. Whoever sends a command then hears by name that it
is to be sent again, or where; nobody hears of a failure, and no queue's message is lost on one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.sourcing.standing import Mode

from ..aws import STORE
from ..http_api.conftest import payload
from .checks import check_the_end
from .sending import opening, transaction, transfer
from .world import OTHER, PRIMARY, Pair, Region

COMMANDS = {
    "AccountCreated": {},
    "TransactionProcessed": {"amount": 1},
    "AccountClosed": {},
}
HOLES = {"the first": (1,), "the middle": (3,), "the last but one": (5,), "two": (2, 4)}
EVENTS = 6


def over_http(region: Region, key: str, subject: str, body: dict[str, Any]) -> tuple[int, str]:
    """Status and code of an answer."""
    answer = region.invoke("validate" if key.endswith(":validate") else "command", payload(key, subject, body=body))
    told = json.loads(answer["body"])
    return answer["statusCode"], told.get("error", {}).get("code", "")


def story(region: Region, name: str = "a") -> None:
    region.send(opening(name, overdraftLimit=100))
    for number in range(EVENTS - 1):
        region.send(transaction(f"{name}{number}", 5, name))


def with_holes(pair: Pair, places: tuple[int, ...]) -> Region:
    """The second Region, promoted while these places of an account have not come."""
    story(pair[PRIMARY])
    pair[PRIMARY].send(opening("b", overdraftLimit=100))
    late = pair.held_back(OTHER, *(("a", place) for place in places))
    pair.arrive(OTHER)
    pair.promote(OTHER, reach_the_other=False)
    pair.on_their_way[OTHER] = late
    return pair[OTHER]


def at_odds(pair: Pair, arrives: int) -> Region:
    """The first Region, which decided behind the second one's back; one event of that one's suffix has come."""
    story(pair[PRIMARY])
    pair[PRIMARY].send(opening("b", overdraftLimit=100))
    pair.arrive(OTHER)
    for number in range(3):
        pair[PRIMARY].send(transaction(f"here{number}", 5))
    pair.promote(OTHER, reach_the_other=False)
    pair.pass_time(10)
    for number in range(4):
        pair[OTHER].send(transaction(f"there{number}", 5))
    pair.collect()
    theirs = [each for each in pair.on_their_way[PRIMARY] if each.table == STORE]
    pair.on_their_way[PRIMARY] = [each for each in theirs if each.key == ("a", EVENTS + arrives)]
    pair.arrive(PRIMARY)
    pair.on_their_way[PRIMARY] = [each for each in theirs if each.key != ("a", EVENTS + arrives)]
    return pair[PRIMARY]


def ask_everything(region: Region) -> dict[str, tuple[int, str]]:
    """Each command to the account, and each that would be decided, over HTTP."""
    answers: dict[str, tuple[int, str]] = {}
    for command, data in COMMANDS.items():
        for what in ("commands:validate", "commands"):
            body = {"eventType": command, "eventData": data, "commandId": f"{command}-{what.replace(':', '-')}"}
            answers[f"{command} {what}"] = over_http(region, f"POST /accounts/{{id}}/{what}", "a", body)
    return answers


@pytest.mark.parametrize("places", HOLES.values(), ids=HOLES)
def test_a_command_across_a_hole_is_to_be_sent_again(pair: Pair, places: tuple[int, ...]) -> None:
    region = with_holes(pair, places)

    answers = ask_everything(region)

    assert set(answers.values()) == {(503, "Unsettled")}, answers
    assert len(region.queue.messages) >= len(COMMANDS), "somebody looks at the stream"
    status, body = region.send(transaction("directly", 1))
    assert (status, body["error"]["code"]) == (500, "Unsettled"), "a failure, for Lambda to try again, that has a name"
    pair.quiet()
    assert ask_everything(region)["TransactionProcessed commands"] == (200, "")
    pair.quiet(3)
    check_the_end(pair, {})


@pytest.mark.parametrize("arrives", [1, 3, 4])
def test_a_command_at_an_overwritten_stream_is_to_be_sent_again_or_elsewhere(pair: Pair, arrives: int) -> None:
    region = at_odds(pair, arrives)

    answers = ask_everything(region)

    # Who has met the account decides on what it was, until its end is another one: that is settled like the rest.
    validated = {answer for asked, answer in answers.items() if asked.endswith(":validate")}
    assert validated == {(503, "Unsettled")}
    assert {code for status, code in answers.values() if status >= 500} == {"Unsettled"}
    asked = region.invoke("query", payload("GET /accounts/{id}/state", "a"))
    assert (asked["statusCode"], json.loads(asked["body"])["error"]["code"]) == (503, "Unsettled")
    pair.quiet()
    assert set(ask_everything(region).values()) == {(409, "NotHome")}
    check_the_end(pair, {})


@pytest.mark.parametrize("mode", Mode)
def test_a_transfer_that_meets_disorder_waits_and_is_carried_on(mode: Mode) -> None:
    """Between an account in order and one that is not: the message comes again, and so does the sweep."""
    pair = Pair.new(mode)
    b = with_holes(pair, (3,))
    ways = (("b", "a"), ("a", "b"))
    for number, (source, target) in enumerate(ways):
        assert b.send(transfer(f"t{number}", source, target, 3))[0] == 200
    b.relay()
    b.project()
    pair.pass_time(120)
    messages = [{"messageId": str(at), "body": body} for at, body in enumerate(b.world.bus.delivered)]
    told = b.invoke("process", {"Records": messages})
    assert told["batchItemFailures"], "to be delivered again"
    swept = b.invoke("sweep", {})
    assert (swept["carried"], swept["failed"]) == (0, len(ways))

    pair.quiet()
    pair.pass_time(120)
    pair.quiet()
    for number in range(len(ways)):
        assert b.stored()[f"t{number}"][-1].event_type == "TransferCompleted"
    check_the_end(pair, {})
