"""docs/scaling.md: ceilings, and what to turn."""

from __future__ import annotations

from collections.abc import Sequence

from bench import ceilings, contention, cost
from bench.ceilings import Ceiling
from bench.results import Results

from .markdown import number, table

CROWDS = (1, 2, 4, 8, 16, 32, 64, 128)


def render(results: Results) -> dict[str, str]:
    """File name under docs/ to content."""
    system = sorted(ceilings.of_the_system(results), key=lambda each: each.rate)
    account = sorted(ceilings.of_one_account(results), key=lambda each: each.rate)
    lowest = system[0]
    return {
        "scaling.md": f"""# Where the limits are

Written by `make bench` (`bench/ceilings.py`): AWS's published default quotas in us-east-1, divided by what a command was
[measured](performance.md) to take of each. Calculated or simulated, as each line says; nothing here is verified on AWS.
Rates are commands a second, one event of at most 1 KB each.

## All accounts together

The lowest comes first: {lowest.what}, {number(lowest.rate)} a second. It delays the read model and refuses nobody;
commands go on until the next one.

{_table(system)}

The stream carries this by itself: it has a shard for each partition of the table, and each shard {ceilings.LANES} lanes.
Snapshots add {number(ceilings.snapshot_share())} write units to a command, in a table of their own.

## One account

An account lives in one partition.

{_table(account)}

It holds 10 GB, some {number(ceilings.events_an_account_holds() / 1e6)} million events of {cost.EVENT_BYTES} bytes with
their entries in the command index: at one a second, {number(ceilings.events_an_account_holds() / 86_400)} days. Close such
an account into a new one before that.

What happens when many write to one account at once, simulated with the ledger's own pauses and a round trip of
{cost.WAIT_MS:g} ms (`bench/contention.py`):

{_contention()}
{_transfers(results)}
A [replay](architecture.md#replays) sends no more than its rate; `replayConcurrency` workers share it, 16 of a replay at most, and each sends ten
copies in a call: how many a second that can be is not measured. What limits it in the end is the quota of PutEvents, which the
ledger's own events share.

## What to turn, in the order in which it is reached

1. `projectionMaxConcurrency`, when the age of the oldest message on the projection queue rises (alarmed).
2. `processMaxConcurrency`, when the age of the oldest message on the process queue rises (alarmed).
3. `typeBuckets`, when writes of the type index are throttled: raise it and deploy. Events keep the bucket they have; a
   query reads all buckets, so it may only ever be raised.
4. The quotas of PutEvents and of deliveries, when the relay reports PublishFailures or deliveries come late.
5. The table's quota of write units, and a warm throughput before a planned rush.
6. The account's Lambda concurrency; `commandConcurrency` keeps a share of it.

[Two Regions](regions.md) raise none of these ceilings in the mode `standby`: both Regions do all that follows a command. With
`home` each Region decides its own accounts, and still projects those of both. A replica takes as many writes as the first
Region: its quota of write units has to be as high.

## The recipe's ceiling

As its tables are created, with provisioned capacity:

{_table(sorted(ceilings.of_the_recipe(), key=lambda each: each.rate))}

So {number(min(each.rate for each in ceilings.of_the_recipe()))} events a second for all accounts together, after the
{number(ceilings.burst(), 4)} events that five minutes of unused capacity allow; this ledger's lowest ceiling for storing an
event is {number(_storing(system) / min(each.rate for each in ceilings.of_the_recipe()))} times that. Two more limits are
not about rates: concurrent commands on one account overwrite each other's events, and its queries stop at a page of 1 MB,
some 2,000 events.
"""
    }


def _transfers(results: Results) -> str:
    if not cost.transfers_can_be_told(results):
        return ""
    return f"""
## Transfers

Transfers a second that go well, {cost.TRANSFER_EVENTS} events each. Behind a limit they wait and are not lost, also where an
account has 100 of them under way (they then go on with a sweep, a minute later); those that
wait too long expire, and nothing of them stays aside.

{_table(sorted(ceilings.of_transfers(results), key=lambda each: each.rate))}
"""


def _storing(system: Sequence[Ceiling]) -> float:
    return min(each.rate for each in system if "projection" not in each.what)


def _table(rows: Sequence[Ceiling]) -> str:
    cells = [[_rate(each.rate), each.what, each.sum, each.knob] for each in rows]
    return table(["a second", "limit", "because", "what to turn"], cells, left=4)


def _rate(rate: float) -> str:
    return "none" if rate == float("inf") else number(rate)


def _contention() -> str:
    rows = []
    for writers in CROWDS:
        outcome = contention.simulate(writers, cost.WAIT_MS / 1e3)
        rows.append(
            [
                str(writers),
                number(outcome.rate),
                number(outcome.attempts_per_success),
                f"{outcome.refused:.2%}",
            ]
        )
    return table(["writers", "commands a second", "attempts each", "answered 503"], rows, left=0)
