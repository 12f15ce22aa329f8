"""`python -m bench racing`: how many appends a transfer tries, when its messages race each other.

Its reservation wakes a process while the one that made it still goes on. Each step is done once, but both may try to
put it: the put that comes second fails on its condition, and is paid for. What the benchmark counts in process has one
message at a time, and so no such puts. Counted here are the puts into the event store of an embedded AWS.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from local.client import StackClient
from local.deploy import deploy_apart
from local.engine import Engine, InterceptedRequest
from ops.commands.arguments import Count

from .accounts import request
from .process import PROJECT

_STACK = "local"
_ROUNDS = 3
_PATIENCE = 60.0
_QUIET = 2.0
_LOOK_EVERY = 0.02
_NUMBER = Count(10_000)


def main(arguments: Sequence[str]) -> int:
    """Count, and say for each round how many puts a transfer took, of which six succeed."""
    parser = argparse.ArgumentParser(prog="python -m bench racing", description="Count the appends that transfers try.")
    parser.add_argument("--transfers", type=_NUMBER, default=20, metavar="N", help="of each round; default: 20")
    number = parser.parse_args(arguments).transfers
    console = Console()
    with _deployed() as (engine, client):
        _open(client, number)
        for turn in range(_ROUNDS):
            with _counting(engine, client.outputs["eventStoreTable"]) as puts:
                for pair in range(number):
                    _complete(client, f"race-{turn}-{pair}", pair)
            told = ", ".join(f"{step} {count / number:.2f}" for step, count in sorted(puts.items()))
            console.print(f"round {turn + 1}: {puts.total() / number:.2f} puts a transfer ({told})")
    return 0


@contextmanager
def _deployed() -> Iterator[tuple[Engine, StackClient]]:
    with Engine() as engine:
        with engine.settling():
            made = deploy_apart(engine.endpoint, _STACK, PROJECT, lambda *_: None, engine.names)
        yield engine, StackClient({"endpoint": engine.endpoint, **made.outputs})


@contextmanager
def _counting(engine: Engine, table: str) -> Iterator[Counter[str]]:
    """Puts into a table by the step that they are of, until nothing is put for a while."""
    puts: Counter[str] = Counter()
    newest = [time.monotonic()]

    def count(asked: InterceptedRequest) -> None:
        body = asked.request.json()
        if body["TableName"] == table:
            puts[body["Item"]["CommandId"]["S"].rpartition("/")[2]] += 1
            newest[0] = time.monotonic()

    with engine.intercept("dynamodb", "PutItem", count):
        yield puts
        while time.monotonic() - newest[0] < _QUIET:
            time.sleep(_LOOK_EVERY)


def _open(client: StackClient, number: int) -> None:
    for pair in range(number):
        for account in (f"giver-{pair}", f"taker-{pair}"):
            for sequence in (1, 2):
                client.invoke("commandFunction", request(account, sequence, f"{account}-{sequence}"))


def _complete(client: StackClient, name: str, pair: int) -> None:
    """Ask for a transfer, and wait until its row says that it is completed."""
    sides = {"fromAccount": f"giver-{pair}", "toAccount": f"taker-{pair}"}
    client.command(name, "TransferRequested", {**sides, "amount": 1, "currency": "USD"}, commandId=f"{name}/ask")
    deadline = time.monotonic() + _PATIENCE
    while (client.row(name, "TransferSummary") or {}).get("Status") != "Completed":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not end")
        time.sleep(_LOOK_EVERY)
