"""docs/cost.md: the sums behind a million commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench import cost, prices
from bench.results import Results

from .markdown import money, number, table

_SMALLER_MB = 256
_MEMORY_GB = cost.MEMORY_MB / 1024
_HOURS = 730
"""Of a month."""
_ZONES = 2
_MONTH_GB_SECONDS = _MEMORY_GB * _HOURS * 3600
"""GB seconds of one environment in a month."""
_ACCESS_LINE_GB = 0.5
"""A million lines of the access log."""
_REPLICATED_UNITS = 3
"""Of an event of up to 1 KB: table, type index, command index."""
_CROSSING_GB = 2.0
"""A million events of 2 KB."""
_CROSSING_GB_PRICE = 0.02
"""Between us-east-1 and most others."""
_FIREHOSE_GB = cost.COMMANDS * 5 / 1024 / 1024
_FILES_A_MONTH = 12 * 730
_BACKUPS = 35
"""A day's each."""
_ANSWERS_GB = 2.0
"""A million answers to people."""


def render(results: Results) -> dict[str, str]:
    """File name under docs/ to content."""
    ours, recipe, idle = cost.ours(results), cost.recipe(results), cost.recipe_idle()
    cold = cost.ours(results, cost.Choice(warm=False))
    lean = cost.total(cost.ours(results, cost.RECIPES_OWN))
    leanest = cost.total(cost.ours(results, replace(cost.RECIPES_OWN, type_index=False)))
    saved, slower_ms = cost.smaller_memory(results, _SMALLER_MB)
    return {
        "cost.md": f"""# What it costs

Written by `make bench` (`bench/cost.py`, `bench/prices.py`): an estimate from list prices ({prices.REGION}, on demand, as
published in {prices.PUBLISHED}; check the pricing pages before you rely on it), not a bill. Units were measured on
[DynamoDB Local](performance.md) on an account of {cost.LENGTH:,} events, whose length does not matter; bytes of logs on the
embedded AWS, Lambda's own lines in the form that AWS documents. A function's time
is its CPU time as measured here, on the share of a core that its memory buys, and {cost.WAIT_MS:g} ms for each wait
(assumed), unless its line says otherwise. One command is one event of at most 1 KB.

## A million commands: {money(cost.total(ours))} US$

{_warmth(results)}

{_sum(ours)}
{_differences(ours, cold)}{_transfers(results)}
## What each setting costs

What a million commands cost less without a part, and what it is. [What else is lost with
it](operations.md#leaving-parts-out).

{_settings(results)}

`correlationIndex: false` takes nothing off a command that belongs to itself alone. Of those that say another correlationId, a
million cost {money(cost.COMMANDS * prices.WRITE_UNIT)} US$ less, and getEventsByCorrelation is refused.

**Branches** cost nothing while there are none. Making one is a write unit, a command on it two or three write units and some six
read units beside the invocation, and what it leaves is gone after `branchDays`. A backtest reads the store once and half again, and writes a unit for each KB that differs.

**Replays** cost nothing while there are none. One takes a read unit per 4 KB of the store, 1.00 a million copies on the bus or 0.04 in a
queue, and its functions for as long as it runs: four of 512 MB for an hour are 0.10.

**The recipe's own set of features** ([`docs/examples/Pulumi.lean.yaml`](examples/Pulumi.lean.yaml): no audit log, no
statement, no traces, no reports of invocations, a snapshot every {cost.RECIPES_OWN.snapshot_every} events) costs {money(lean)} US$, {number(lean / cost.total(recipe))} × the recipe's, and without its type index, too, {money(leanest)}
({number(leanest / cost.total(recipe))} ×). What is left above it buys the promises: the command index ({money(cost.COMMANDS * prices.WRITE_UNIT)}), by which no command is carried out
twice; the queue, which tries again and sets aside; strongly consistent reads; snapshots, which keep a command's cost from growing.
That is where a command meets its account's present. One that does not reads up to {2 * cost.RECIPES_OWN.snapshot_every} events, some {2 * cost.RECIPES_OWN.snapshot_every * cost.EVENT_UNITS:.0f} read units:
where most do not, leave `snapshotEvery` at {cost.SNAPSHOT_EVERY}, for {money(cost.total(cost.ours(results, replace(cost.RECIPES_OWN, snapshot_every=cost.SNAPSHOT_EVERY))) - lean)} US$ more.

Not cheaper, and why:

- **Memory of the functions.** CPU time costs the same at any size, since its share grows with the price; only waits are
  cheaper with less. {_SMALLER_MB} MB instead of {cost.MEMORY_MB} would save {money(saved)} US$, and a command would take
  {slower_ms:.0f} ms instead of {cost.command_ms(results, "ours", cost.MEMORY_MB):.0f} at the most. So it stays.
- **X-Ray.** Lambda lets nobody set the share that it samples. The first trace of every second weighs most where little
  is done: at one command a second and less all are traced, and a million cost
  {money(cost.COMMANDS * (1 + 3 / cost.BATCH) * prices.TRACE)} US$.
- **The audit log's class.** Infrequent Access would take in a line for {money(prices.LOG_GB_INFREQUENT)} a GB instead of
  {money(prices.LOG_GB)}: [why it is not offered](decisions.md).
- **Batches.** A queue's batch waits for nobody (`projectionBatchWindow: 0`): a window of some seconds fills batches at low rates,
  and delays every row by as much.

What moves it: events over 1 KB
(each further KB costs two write units, {money(2 * cost.COMMANDS * prices.WRITE_UNIT)}), batching (a busy account's batch is
one write of the summary, not one per event), `snapshotEvery` (fewer snapshots, longer tails). The length of an account's history
does not move it.

What stays: a million events are some {number(cost.gigabytes_kept(cost.COMMANDS))} GB of tables, indexes and snapshots,
{money(cost.gigabytes_kept(cost.COMMANDS) * (prices.STORAGE_GB_MONTH + prices.RECOVERY_GB_MONTH))} a month with
point-in-time recovery, month after month. Not in the sum: a customer's KMS key (`kmsKeyArn`), and traffic out of AWS.
Lambda's reading of the stream is free, and its polling of a queue that is empty costs some {money(cost.IDLE_QUEUE)} a month.

At rest: some 100 alarms at {money(prices.ALARM_MONTH)} and a dashboard at {money(prices.DASHBOARD_MONTH)} a month, tables by
their size ({money(prices.STORAGE_GB_MONTH)} per GB, with point-in-time recovery {money(prices.RECOVERY_GB_MONTH)} more). The sweep, every minute, costs
{money(cost.sweeping())} a month while nothing is due, without what its schedule costs.

With `heartbeatMinutes: 5`, a beat every five minutes costs as much as any command, and a look each minute two short invocations:
{money(cost.heartbeat(results))} a month in all, and {money(4 * prices.ALARM_MONTH)} for its four alarms, without its schedule and the price of one custom metric.

`contributorInsights` has four rules for each of the two tables (partition keys, and with sort keys, each asked for and throttled). CloudWatch charges
by rule and month and by the million of DynamoDB's events that a rule looks at, which are reads and writes: see
[its prices](https://aws.amazon.com/cloudwatch/pricing/) for your Region. Not measured, and not in the sums.

## Backups

With `backupDays`, AWS Backup keeps whole copies, not what has changed: {_BACKUPS} daily ones of 1 GB of event store, read model and snapshots are {_BACKUPS} GB,
{money(_BACKUPS * prices.BACKUP_GB_MONTH)} US$ a month at {money(prices.BACKUP_GB_MONTH)} a GB, and {money(_BACKUPS * prices.BACKUP_COLD_GB_MONTH)} were all of them in cold storage, at {money(prices.BACKUP_COLD_GB_MONTH)}. What is moved there is charged for 90 days at least. A
million events are {money(_BACKUPS * cost.gigabytes_kept(cost.COMMANDS) * prices.BACKUP_GB_MONTH)} a month of {_BACKUPS} daily backups, indexes included (AWS leaves those out of a backup's size, or not: it does not say).
Each vault of `backupCopyTo` costs as much again, and the way to another Region {_CROSSING_GB_PRICE} a GB; so does each of two Regions. What is restored is charged by the GB.
The prices are those of [AWS Backup](https://aws.amazon.com/backup/pricing/), not measured, and not in the sums. Seldom and long costs less than often: weekly (`backupSchedule`), beside point-in-time
recovery, which has every second of the last 35 days for {money(prices.RECOVERY_GB_MONTH)} a GB.

## Audit files

With `auditFilesDays`, Firehose counts each event as 5 KB: {_FIREHOSE_GB:.0f} GB a million, {money(_FIREHOSE_GB * prices.FIREHOSE_GB)} US$ at {prices.FIREHOSE_GB} a GB. EventBridge charges nothing to hand them over. A file every five
minutes is {_FILES_A_MONTH:,} a month at most, {money(_FILES_A_MONTH * prices.FILE_PUT)}; what they hold costs {prices.FILE_GB_MONTH} a GB and month before it is compressed, and with a customer key S3 asks KMS once in a while. The four alarms are {money(4 * prices.ALARM_MONTH)}.
The prices are those of [Firehose](https://aws.amazon.com/firehose/pricing/) and [S3](https://aws.amazon.com/s3/pricing/), not measured, and not in the sums.

## The front door

What an HTTP request costs besides what it asks for, with `httpApi`. Nothing of it costs while nobody calls, but
the alarms (13 at {money(prices.ALARM_MONTH)} a month) and some KB of files.

{_front_door()}

So a million commands through the machines' API cost {money(cost.COMMANDS * prices.API_REQUEST + _ACCESS_LINE_GB * prices.LOG_GB_DELIVERED)} US$ more. Each person costs
{prices.USER_MONTH} US$ in a month in which she signs in, and {prices.USERS_FREE:,} of them in an account are free. CloudFront's first 10 million requests and first
TB a month are free. The prices are those of [API Gateway](https://aws.amazon.com/api-gateway/pricing/),
[CloudFront](https://aws.amazon.com/cloudfront/pricing/) and [Cognito](https://aws.amazon.com/cognito/pricing/), as
published in {prices.PUBLISHED}; lengths of lines and answers are assumed.

## Two Regions

With `regions` every write unit of the event store is paid once more, as a replicated write unit of the second Region, at the same price: for an event
of up to 1 KB {_REPLICATED_UNITS} units, {money(cost.COMMANDS * _REPLICATED_UNITS * prices.WRITE_UNIT)} US$ a million. The second Region's relay, bus, projections, read model, snapshots, audit log and
archive work on each event again, at the prices above; only the command itself is paid once. So a million commands cost nearly twice
as much in all, and so do storage, alarms (also those of the front door) and the dashboard. An HTTP request is paid where it is sent. Traffic between the Regions comes to it: some 2 KB an event (assumed), {money(_CROSSING_GB * _CROSSING_GB_PRICE)} US$ a
million at {_CROSSING_GB_PRICE} US$ a GB. A command takes a read unit more, to look at the stream's end, and each process one every
5 seconds for its standing. The projection of a Region takes a read unit more for each account of a batch whose events the other
one decided, to look behind them. Nothing of this is measured.

## Versions, snapshots, and environments that stand

None of them is in the sums above: the settings are off by default. `deployment` costs nothing: versions, aliases and CodeDeploy's deployments of
functions are free ([CodeDeploy](https://aws.amazon.com/codedeploy/pricing/)). With {cost.MEMORY_MB} MB, by [Lambda's prices](https://aws.amazon.com/lambda/pricing/)
of arm64:

| setting | a month | besides |
| --- | ---: | --- |
| `snapStart` | {money(3 * _MONTH_GB_SECONDS * prices.LAMBDA_SNAPSHOT_GB_SECOND)} | for one version each of command, validate and query; each version that a release leaves behind costs as much until it is deleted (`ops deploy prune`). {money(cost.COMMANDS * _MEMORY_GB * prices.LAMBDA_RESTORED_GB)} for a million environments that begin |
| `commandProvisionedConcurrency: 1`, `queryProvisionedConcurrency: 1` | {money(_MONTH_GB_SECONDS * prices.LAMBDA_STANDING_GB_SECOND)} each | whether called or not; its invocations cost {number(prices.LAMBDA_PROVISIONED_GB_SECOND / prices.LAMBDA_GB_SECOND["arm64"])} × of what they do otherwise |

AWS's page fills its prices in by script. Those of snapshots are as [others print them](https://awsnegotiations.com/blog/lambda-snapstart-cost-impact/) in May 2026;
those of environments that stand were **not checked** against anything newer than {prices.PUBLISHED}. What they change of the wait for an environment: [performance](performance.md#cold-start).

## In a VPC

`subnetIds` cost nothing by themselves: Lambda charges for no network interface. With `vpcEndpoints: create` each interface endpoint is {prices.ENDPOINT_HOUR} US$ an hour in
each Availability Zone, called or not, and {prices.ENDPOINT_GB} a GB: three endpoints (events, sqs, and with `httpApi` dynamodb-streams) in two zones are {money(3 * _ZONES * _HOURS * prices.ENDPOINT_HOUR)} US$ a month, {money(4 * _ZONES * _HOURS * prices.ENDPOINT_HOUR)} with the
heartbeat's. DynamoDB's gateway is free. The prices are those of [PrivateLink](https://aws.amazon.com/privatelink/pricing/) in us-east-1, in no sum above; what a GB costs stands there, and what an hour costs as [others print it](https://awsnegotiations.com/privatelink-cost-analysis.html).
New environments wait no longer for the VPC: Lambda makes the interface when a function is created or moved, and environments share it
([AWS](https://aws.amazon.com/blogs/compute/announcing-improved-vpc-networking-for-aws-lambda-functions/)). Not measured.

## Signed code

`codeSigningConfigArn` costs nothing: AWS charges neither for Signer nor for the check
([AWS](https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html)). Each revision is some MB more in a bucket of S3, three times: unsigned, signed, and under its name.
Invocations are no slower: Lambda checks when code is deployed. Not measured.

## The recipe's million, were its tables billed on demand: {money(cost.total(recipe))} US$

{_sum(recipe)}

It is {money(cost.total(ours) - cost.total(recipe))} US$ less, and buys no decision, no duplicate found, no audit log, no
statement and no dead letter that is ever written. As it is created, its tables are provisioned instead, and cost
{money(cost.total(idle))} US$ a month whether used or not, up to [its ceiling](scaling.md#the-recipes-ceiling):

{_sum(idle)}
"""
    }


def _front_door() -> str:
    """A million requests of people and of machines."""
    million = cost.COMMANDS
    lines = [
        cost.Line("both: HTTP API", million, "requests", prices.API_REQUEST),
        cost.Line("both: access log, 500 bytes a request (assumed)", _ACCESS_LINE_GB, "GB", prices.LOG_GB_DELIVERED),
        cost.Line("people: CloudFront", million, "requests", prices.CDN_REQUEST),
        cost.Line("people: CloudFront, 2 KB an answer (assumed)", _ANSWERS_GB, "GB", prices.CDN_GB),
    ]
    return _sum(lines)


def _warmth(results: Results) -> str:
    if not cost.warm_is_known(results):
        return "With everything on, and no command on a process that has met its account before."
    cold = cost.total(cost.ours(results, cost.Choice(warm=False)))
    return f"""With everything on, and every command on a process that keeps its account's present: the cheapest that it gets. Where
no command meets one, it is **{money(cold)} US$** (below). How many do is not known before it is run: it is most of them
where few accounts are busy, and none where every command is another account's."""


def _differences(warm: Sequence[cost.Line], cold: Sequence[cost.Line]) -> str:
    differing = [line for line in cold if line not in warm]
    if not differing:
        return ""
    return f"""
Where no command meets its account's present, these differ:

{_sum(differing, last="")}
"""


def _transfers(results: Results) -> str:
    if not cost.transfers_can_be_told(results):
        return ""
    lines = cost.transfers(results)
    return f"""
## A million transfers: {money(cost.total(lines))} US$

Of those that go well, with everything on and without traces: {cost.TRANSFER_EVENTS} events each, and {number(cost.total(lines) / cost.total(cost.ours(results)))} × what a million commands
cost. One that comes to nothing before it is committed takes four: its request, its end, its settling, and one on an account.

{_sum(lines)}

Not in the sum: a transfer's messages race each other. Its reservation wakes a process while the one that made it still
goes on, and of two that put the same step one fails on its condition, which is charged as one write unit. On the embedded
AWS a transfer took {number(cost.TRANSFER_EVENTS + cost.RACED[0])} to {number(cost.TRANSFER_EVENTS + cost.RACED[1])} puts instead of {cost.TRANSFER_EVENTS}, so up to {money(cost.RACED[1] * cost.COMMANDS * prices.WRITE_UNIT)} US$ more for a million, and a few look-ups;
not known for AWS, whose answers take longer. `python -m bench racing` counts them.
"""


def _settings(results: Results) -> str:
    rows = [[f"`{setting}`", what, money(saved)] for setting, what, saved in cost.settings(results)]
    return table(["setting", "without", "US$ less"], rows, left=2)


def _sum(lines: Sequence[cost.Line], last: str = "**sum**") -> str:
    """With their sum, unless it is of no interest."""
    rows = [[line.what, number(line.quantity, 4), line.unit, _price(line.price), money(line.usd)] for line in lines]
    if last:
        rows.append([last, "", "", "", f"**{money(cost.total(list(lines)))}**"])
    return table(["", "quantity", "unit", "price", "US$"], rows)


def _price(price: float) -> str:
    """Per unit, or per million units where that is a readable number."""
    return f"{number(price * prices.MILLION)} / M" if price < prices.PROVISIONED_READ_UNIT_HOUR else number(price)
