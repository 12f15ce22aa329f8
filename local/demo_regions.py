"""The story of two Regions on the embedded AWS: one is lost, the other goes on, and nothing acknowledged is lost.

Told as the whole story is (`demo`), on the same program with the setting `regions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .client import FunctionFailed, StackClient, eventually
from .demo import Story, Tale, operate, receipt
from .engine import Engine
from .engine.links import OUTSIDE

FIRST, SECOND = "us-east-1", "eu-west-1"
ACCOUNT = "account-123"
SETTLED = 120.0
"""Seconds within which what both Regions wrote must be settled: the fence, and the schedule's minute."""
SHOWN = 30.0
"""Seconds within which what is stored must be in the read models."""
TAKEN_OVER = 30.0
"""Seconds within which a Region that was promoted must decide: whoever read the epoch before keeps it for a moment."""
_LOST, _AFTER = 3, 2
"""Deposits that the first Region acknowledges before it is lost, and while it does not know that it was."""
_ACCEPTED = 200


def _tell(story: Story, first: StackClient, engine: Engine, outputs: Path) -> None:
    there = first.outputs["regions"][SECOND]
    second = StackClient({**there, "region": SECOND, "endpoint": engine.endpoint})
    _together(story, first, second, engine)
    acknowledged = _apart(story, first, second, engine, outputs)
    _settled(story, (first, second), outputs, acknowledged)
    _back(story, first, second, outputs)


def _together(story: Story, first: StackClient, second: StackClient, engine: Engine) -> None:
    first.command(ACCOUNT, "AccountCreated", {})
    story.step(
        f"Deposit 100 in {FIRST}",
        lambda: receipt(_deposit(first, 100)),
        {"statusCode": 200, "aggregateId": ACCOUNT, "sequence": 2},
        means=f"stored as event 2 of {ACCOUNT}",
    )
    story.step(
        "Both Regions' read models say so",
        lambda: _balances((first, second), 2),
        [100, 100],
        show="store -> replica -> its stream -> relay -> bus -> queue -> projection -> table",
        means="the same row in both, each built from the events of its own Region",
    )
    story.step(
        f"{SECOND} decides nothing",
        lambda: _refusal(_deposit(second, 1)),
        {"statusCode": 409, "code": "NotHome", "region": FIRST},
        means=f"refused with 409: send it to {FIRST}",
    )
    story.step(
        f"Over HTTP {SECOND} says where that is, too",
        lambda: _refusal(_posted(second, 1, key="here")),
        {"statusCode": 409, "code": "NotHome", "region": FIRST, "url": first.outputs["machineApiEndpoint"]},
        means="the API that takes the same request",
    )
    engine.replication.settle()


def _apart(
    story: Story, first: StackClient, second: StackClient, engine: Engine, outputs: Path
) -> list[Mapping[str, Any]]:
    """The Regions lose each other, and each decides on. The receipts of all deposits meanwhile."""
    told: list[Mapping[str, Any]] = []

    def deposit(client: StackClient, count: int, amount: int) -> list[Any]:
        answers = [_deposit(client, amount) for _ in range(count)]
        told.extend(body for status, body in answers if status == _ACCEPTED)
        return [body.get("sequence") for _, body in answers]

    def promoted(send: Callable[[str], tuple[int, Any]], key: str) -> Any:
        """It is asked for until it is accepted, under one id: however often that is, it is one event."""
        body = accepted(lambda: send(key))
        told.append(body)
        return body.get("sequence")

    with ExitStack() as links:
        links.enter_context(engine.links.partition(FIRST, SECOND))
        table = first.outputs["eventStoreTable"]
        story.step(
            f"The link between them breaks; {FIRST} acknowledges {_LOST} deposits of 10",
            lambda: (deposit(first, _LOST, 10), len(engine.replication.pending(table, FIRST, SECOND))),
            ([3, 4, 5], _LOST),
            means=f"events 3 to 5, none of which {SECOND} has",
        )
        with engine.links.cut(OUTSIDE, FIRST):
            story.step(
                f"Then {FIRST} cannot be reached at all: promoting the other one wants a word",
                lambda: operate(outputs, "region", "promote", SECOND, "--yes")[0],
                1,
                show=f"python -m ops region promote {SECOND}",
                means="refused: what has not arrived cannot be known. Nothing was changed",
            )
            story.step(
                f"Promote {SECOND}",
                lambda: _told(operate(outputs, "region", "promote", SECOND, "--accept-loss", "--yes", "--json")),
                {"exitCode": 0, "region": SECOND, "epoch": 3, "reached": False, "missing": []},
                show=f"python -m ops region promote {SECOND} --accept-loss",
                means=f"{SECOND} decides, in epoch 3",
            )
            story.step(
                f"{SECOND} goes on: a deposit of 7",
                lambda: promoted(lambda key: _deposit(second, 7, commandId=key), "invoked"),
                3,
                means="event 3, again: it does not know of the others",
            )
            story.step(
                "So it does over HTTP: whoever called the first API calls this one",
                lambda: promoted(lambda key: _posted(second, 7, key=key), "posted"),
                4,
                show=f"POST {second.outputs['machineApiEndpoint']}/accounts/{ACCOUNT}/commands",
                means=f"event 4 of {ACCOUNT}: nothing of {FIRST} was asked",
            )
        story.step(
            f"Whoever reaches {FIRST} again finds that it does not know of this: {_AFTER} deposits of 5",
            lambda: deposit(first, _AFTER, 5),
            [6, 7],
            means="acknowledged as events 6 and 7: both Regions have decided on one account",
        )
    return told


def _settled(
    story: Story, clients: tuple[StackClient, StackClient], outputs: Path, told: list[Mapping[str, Any]]
) -> None:
    """The link is whole again."""
    first, _ = clients
    story.step(
        f"The link is healed: {FIRST} learns of the higher epoch, and gives way",
        lambda: eventually(lambda: _refused(first), lambda found: found["code"] == "NotHome", SETTLED),
        {"statusCode": 409, "code": "NotHome", "region": SECOND},
        means=f"it decides nothing any more: send it to {SECOND}",
    )

    def settle() -> dict[str, Any]:
        wanted = {each["commandId"] for each in told}
        return eventually(
            lambda: {"acknowledged": len(wanted), "stored": [len(wanted & _commands(each)) for each in clients]},
            lambda found: found["stored"] == [len(wanted)] * 2,
            SETTLED,
        )

    count = _LOST + _AFTER + 2
    story.step(
        "What the last writer overwrote is decided again, on top of what stands",
        settle,
        {"acknowledged": count, "stored": [count, count]},
        show="stream -> relay -> queue -> reconcile, once nobody can write there any more",
        means=f"all {count} acknowledged deposits are in both stores, each once",
    )
    total = 100 + 10 * _LOST + 5 * _AFTER + 2 * 7
    story.step(
        "The balances agree",
        lambda: _balances(clients, count + 2),
        [total, total],
        means=f"{total} in both: no money is made or lost",
    )
    story.step(
        "Nothing is open, and every stream verifies in both Regions",
        lambda: (
            [operate(outputs, "region", "reconcile")[0]]
            + [operate(outputs, "verify", "--region", region)[0] for region in (FIRST, SECOND)]
        ),
        [0, 0, 0],
        show="python -m ops region reconcile; python -m ops verify --region ...",
        means="no open conflict, and no finding",
    )


def _back(story: Story, first: StackClient, second: StackClient, outputs: Path) -> None:
    story.step(
        f"Back to {FIRST}, by plan",
        lambda: _told(operate(outputs, "region", "promote", FIRST, "--yes", "--json")),
        {"exitCode": 0, "region": FIRST, "epoch": 5, "reached": True, "missing": []},
        show=f"python -m ops region promote {FIRST}: fence, wait for what is under way, wait for what has not come",
        means=f"nothing is missing; {FIRST} decides, in epoch 5",
    )
    story.step(
        f"{FIRST} decides, and {SECOND} does not",
        lambda: (_deposit(first, 1)[0], _refusal(_deposit(second, 1))),
        (200, {"statusCode": 409, "code": "NotHome", "region": FIRST}),
        means=f"a deposit there, and 409 in {SECOND}",
    )


def accepted(send: Callable[[], tuple[int, Any]]) -> Mapping[str, Any]:
    """The answer to what is sent again, as the same command, while it is refused; the last refusal else."""
    _, body = eventually(send, lambda answer: answer[0] == _ACCEPTED, TAKEN_OVER)
    told: Mapping[str, Any] = body
    return told


def _deposit(client: StackClient, amount: int, **more: Any) -> tuple[int, Any]:
    return client.command(ACCOUNT, "TransactionProcessed", {"amount": amount}, **more)


def _posted(client: StackClient, amount: int, *, key: str) -> tuple[int, Any]:
    body = {"eventType": "TransactionProcessed", "eventData": {"amount": amount}}
    return client.post(f"/accounts/{ACCOUNT}/commands", body, Idempotency_Key=key)


def _refusal(answer: tuple[int, Any]) -> dict[str, Any]:
    status, body = answer
    error = body.get("error", {})
    return {"statusCode": status, "code": error.get("code"), **error.get("details", {})}


def _refused(client: StackClient) -> dict[str, Any]:
    """What a deposit of nothing is refused with, wherever it would be decided."""
    try:
        return _refusal(_deposit(client, 0))
    except FunctionFailed as failure:  # while what both wrote lies in one stream
        return {"code": failure.code}


def _balances(clients: Sequence[StackClient], sequence: int) -> list[Any]:
    """The account's balance in each Region's read model, once all are that far; as they are, if that takes too long."""
    rows = eventually(
        lambda: [client.row(ACCOUNT) or {} for client in clients],
        lambda found: all(row.get("LastSequence") == sequence for row in found),
        SHOWN,
    )
    return [row.get("Balance") for row in rows]


def _commands(client: StackClient) -> set[str]:
    """Under which ids the account's events are stored."""
    _, body = client.query("getAggregateEvents", aggregateId=ACCOUNT)
    return {event["CommandId"] for event in body["events"]}


def _told(done: tuple[int, str]) -> dict[str, Any]:
    code, printed = done
    told: dict[str, Any] = json.loads(printed or "{}")
    return {"exitCode": code, **told}


def _read_on(_: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("docs/regions.md", "how it works, and the drill step by step"), ("docs/global-tables.md", "the model")]


TWO_REGIONS = Tale(
    _tell,
    _read_on,
    # The shortest functionTimeout there is: a fence is waited for that much longer. Nobody looks at the console.
    {"regions": json.dumps([FIRST, SECOND]), "functionTimeout": "11", "console": "false"},
)
