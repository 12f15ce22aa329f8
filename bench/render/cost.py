"""docs/cost.md: the sums behind a million commands."""

from __future__ import annotations

from collections.abc import Sequence

from bench import cost, prices
from bench.results import Results

from .markdown import money, number, table


def render(results: Results) -> dict[str, str]:
    """File name under docs/ to content."""
    ours, recipe, idle = cost.ours(results), cost.recipe(results), cost.recipe_idle()
    return {
        "cost.md": f"""# What it costs

Written by `make bench` (`bench/cost.py`, `bench/prices.py`): an estimate from list prices ({prices.REGION}, on demand, as
published in {prices.PUBLISHED}; check the pricing pages before you rely on it), not a bill. Units were measured on
[DynamoDB Local](performance.md) on an account of {cost.LENGTH:,} events, whose length does not matter. A function's time
is its CPU time as measured here, on the share of a core that its memory buys, and {cost.WAIT_MS:g} ms for each wait
(assumed), unless its line says otherwise. One command is one event of at most 1 KB.

## A million commands: {money(cost.total(ours))} US$

{_sum(ours)}

What moves it: `statementEntries` (each 1 KB more of row costs {money(cost.COMMANDS * prices.WRITE_UNIT)}), events over 1 KB
(each further KB costs two write units, {money(2 * cost.COMMANDS * prices.WRITE_UNIT)}), batching (a busy account's batch is
one write per row, not one per event), `snapshotEvery` (fewer snapshots, longer tails). The length of an account's history
does not move it.

What stays: a million events are some {number(cost.gigabytes_kept(cost.COMMANDS))} GB of tables, indexes and snapshots,
{money(cost.gigabytes_kept(cost.COMMANDS) * (prices.STORAGE_GB_MONTH + prices.RECOVERY_GB_MONTH))} a month with
point-in-time recovery, month after month. Not in the sum: a customer's KMS key (`kmsKeyArn`), and traffic out of AWS.
Lambda's reading of the stream is free, and its polling of a queue that is empty costs some {money(cost.IDLE_QUEUE)} a month.

At rest: some 50 alarms at {money(prices.ALARM_MONTH)} and a dashboard at {money(prices.DASHBOARD_MONTH)} a month, tables by
their size ({money(prices.STORAGE_GB_MONTH)} per GB, with point-in-time recovery {money(prices.RECOVERY_GB_MONTH)} more).

## The recipe's million, were its tables billed on demand: {money(cost.total(recipe))} US$

{_sum(recipe)}

It is {money(cost.total(ours) - cost.total(recipe))} US$ less, and buys no decision, no duplicate found, no audit log, no
statement and no dead letter that is ever written. As it is created, its tables are provisioned instead, and cost
{money(cost.total(idle))} US$ a month whether used or not, up to [its ceiling](scaling.md#the-recipes-ceiling):

{_sum(idle)}
"""
    }


def _sum(lines: Sequence[cost.Line]) -> str:
    rows = [[line.what, number(line.quantity, 4), line.unit, _price(line.price), money(line.usd)] for line in lines]
    rows.append(["**sum**", "", "", "", f"**{money(cost.total(list(lines)))}**"])
    return table(["", "quantity", "unit", "price", "US$"], rows)


def _price(price: float) -> str:
    """Per unit, or per million units where that is a readable number."""
    return f"{number(price * prices.MILLION)} / M" if price < prices.PROVISIONED_READ_UNIT_HOUR else number(price)
