"""docs/performance.md and its plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench import cost
from bench.accounts import LENGTHS
from bench.logged import LINE_BYTES
from bench.parts.decoding import CHECK
from bench.results import Results

from . import goals, plot
from .markdown import money, number, ratio, table

Row = Mapping[str, Any]

_INTRO = """# Performance

Written by `make bench`; every figure is in `bench/results.json`. Ratios come first, because times belong to the machine
they were taken on and requests, waits and units do not. A *wait* is a round trip that has to end before the next can
begin; calls made side by side are one. *CPU* is the time of the process, all threads, for one command, the median of
many that were taken in turns with the others'. Nothing here was measured on AWS yet."""

_SUBJECTS = """- **this ledger** through its Lambda entry point, its log line written as Lambda would, on short accounts that its process
  has not met before, and on one long one; snapshots every 10 events. Publishing is the relay's work, behind the answer
{met}- **the recipe's calls**: its command handler written anew, mended just enough to run. It decides nothing, writes without
  a condition and publishes after storing, its third request, so it promises less
- **floor: bare boto3**, the fewest calls that keep this ledger's promise: {floor}. It checks no request, parses no event,
  logs nothing and does not try again. **bare boto3, our calls** makes the four calls at every length
  but 0, where it is the floor
- **Castore** 2.4 with its DynamoDB adapter (Node.js): aggregate from its whole stream, conditional write; no look-up of
  commands, no type index, no chain
- **pyeventsourcing** 9.3 with eventsourcing-dynamodb 0.1: aggregate from its whole stream, eventually consistent, written
  without a condition; its own snapshots are not switched on, as they are not by default"""


_MET = """- **this ledger, account met**: the same on accounts whose present its process keeps, since it has read them before
"""


_STARTS = """What settings make of it, as AWS documents it (what is quoted was read there in November 2026; the advice on aliases, and that an alias adds no wait, are **not checked** again); **not measured**, here or on AWS:

| setting | who waits for a new environment |
| --- | --- |
| none | whoever comes when all are busy, or after minutes of rest: for the above, for compiling, and for Lambda's own part |
| `deployment` | the first callers of each version, as with any new code: a canary spreads them over its minutes. The alias itself adds no wait that AWS tells of |
| `snapStart` | the same callers; the environment resumes from a snapshot of the loaded code instead of loading it, which AWS has at [\"as low as sub-second\"](https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html). Who seldom comes gains less. With the figures above there are some 0.2 s of loading, and of compiling some 0.3 s, that it can take away |
| `commandProvisionedConcurrency`, `queryProvisionedConcurrency` | nobody, up to that number at once: they answer in [\"double-digit milliseconds\"](https://aws.amazon.com/lambda/pricing/). Who comes beyond it waits as without. While an alias shares traffic out, [AWS advises](https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html) a higher number |"""


def render(results: Results) -> dict[str, str]:
    """File name under docs/ to content."""
    sections = [_INTRO, *([goals.render(results)] if results else [])]
    files: dict[str, str] = {}
    for part, section in _SECTIONS.items():
        if part in results:
            text, plots = section(results)
            sections.append(f"{text}\n\n{_circumstances(results[part])}")
            files |= plots
    if cost.can_be_told(results):
        sections.append(_cost(results))
    sections.append(_reproduce())
    return {"performance.md": "\n\n".join(sections) + "\n", **files}


def _append(results: Results) -> tuple[str, dict[str, str]]:
    rows: Sequence[Row] = results["append"]["rows"]
    parts = ["## Appending one event", _SUBJECTS.format(floor=_floor_calls(rows), met=_met(rows))]
    parts += [f"**{why}** was left out ({title})." for title, why in results["append"]["absent"].items()]
    for length in LENGTHS:
        there = [row for row in rows if row["length"] == length]
        floor = next(row for row in there if row["subject"] == "floor")
        parts.append(f"At {length:,} events:")
        parts.append(
            table(
                ["", "CPU ÷ floor", "requests", "waits", "read units", "write units", "CPU ms", "wall ms"],
                [
                    [
                        row["title"],
                        ratio(row["cpuMs"], floor["cpuMs"]),
                        number(row["requests"]),
                        number(row["waits"]),
                        number(row["readUnits"]),
                        number(row["writeUnits"]),
                        number(row["cpuMs"]),
                        number(row["wallMs"]),
                    ]
                    for row in there
                ],
            )
        )
    parts.append(_where_the_rest_goes(rows))
    parts.append(
        "![Read units a command takes](performance/append-units.svg)\n"
        "![CPU a command takes](performance/append-cpu.svg)"
    )
    return "\n\n".join(parts), {
        "performance/append-units.svg": _by_length("Read units a command takes", "units", rows, "readUnits"),
        "performance/append-cpu.svg": _by_length("CPU a command takes", "milliseconds", rows, "cpuMs"),
    }


def _met(rows: Sequence[Row]) -> str:
    return _MET if any(row["subject"] == cost.WARM for row in rows) else ""


def _floor_calls(rows: Sequence[Row]) -> str:
    calls = [(row["length"], " + ".join(row["operations"])) for row in rows if row["subject"] == "floor"]
    return "; ".join(f"{operations} at {length:,} events" for length, operations in calls)


def _where_the_rest_goes(rows: Sequence[Row]) -> str:
    by = {(row["subject"], row["length"]): row for row in rows}
    parts = []
    for length in LENGTHS:
        ours, floor = by["ours", length], by["floor", length]
        same = by["floor_of_our_calls", length]
        parts.append(
            [
                f"{length:,}",
                ratio(ours["cpuMs"], floor["cpuMs"]),
                ratio(same["cpuMs"], floor["cpuMs"]),
                ratio(ours["cpuMs"], same["cpuMs"]),
                number(ours["cpuMs"] - same["cpuMs"]),
            ]
        )
    return (
        "Where the CPU above the floor goes: into the calls that keep a command's cost from growing with the stream, and "
        "into the ledger's own work (checking, parsing, folding, hashing, logging).\n\n"
        + table(["events", "ours ÷ floor", "of which more calls", "of which our own code", "our own code, ms"], parts)
        + "\n\nThe additional calls stay: an account that nobody has read is not known to be short before it is read, and "
        "reading it first would be a wait more for all that are not."
    )


def _reconstruct(results: Results) -> tuple[str, dict[str, str]]:
    rows: Sequence[Row] = results["reconstruct"]["rows"]
    by = {(row["way"], row["length"], row["target"]): row for row in rows}
    lengths = sorted({row["length"] for row in rows})
    titles = {"end": "at the end", "middle": "in the middle", "asOf": "as of a time"}
    lines = []
    for length in lengths:
        for target, title in titles.items():
            snapshots, fold = by["snapshots", length, target], by["fold", length, target]
            lines.append(
                [
                    f"{length:,}",
                    title,
                    f"{number(fold['wallMs'] / snapshots['wallMs'])} ×",
                    f"{snapshots['requests']} / {fold['requests']}",
                    f"{number(snapshots['readUnits'])} / {number(fold['readUnits'])}",
                    f"{number(snapshots['cpuMs'])} / {number(fold['cpuMs'])}",
                    f"{number(snapshots['wallMs'])} / {number(fold['wallMs'])}",
                ]
            )
    header = ["events", "target", "times faster", "requests", "read units", "CPU ms", "wall ms"]
    text = (
        "## Reconstructing a state\n\n"
        "`reconstructState` through the query function, with snapshots every 10 events / by the full fold of the same "
        f"stream up to the target.\n\n{table(header, lines, left=2)}\n\n"
        "![Time to reconstruct a state](performance/reconstruct.svg)"
    )
    series = {
        f"{titles[target]}, {way}": [by[way, length, target]["wallMs"] for length in lengths]
        for way in ("snapshots", "fold")
        for target in titles
    }
    names = [f"{length:,} events" for length in lengths]
    return text, {"performance/reconstruct.svg": plot.lines("Time to reconstruct a state", "ms", names, series)}


def _projection(results: Results) -> tuple[str, dict[str, str]]:
    rows: Sequence[Row] = results["projection"]["rows"]
    best = rows[0]["eventsPerCoreSecond"]
    lines = [
        [
            row["spread"],
            number(row["batch"]),
            f"{number(row['eventsPerCoreSecond'] / best)} ×",
            number(row["eventsPerCoreSecond"]),
            number(row["eventsPerSecond"]),
            number(row["requests"] / row["batch"]),
            number(row["readUnits"] and row["readUnits"] / row["batch"]),
            number(row["writeUnits"] and row["writeUnits"] / row["batch"]),
        ]
        for row in rows
    ]
    header = ["events", "batch", "÷ one by one", "per core second", "per second here", "requests", "reads", "writes"]
    text = (
        "## Projecting\n\n"
        "Events that one core brings into the read model in a second, through the projection function: *hot*, all of one "
        "account, or *spread*, each of another among 100. The summary's row and an entry of the statement are written. "
        f"Requests and units are for one event.\n\n{table(header, lines)}\n\n"
        "A batch is read in one request, its entries are written by 25 to a request, and a row once a batch and account, "
        "side by side: three waits, however many accounts."
    )
    return text, {}


def _imports(results: Results) -> tuple[str, dict[str, str]]:
    part = results["imports"]
    lines = []
    for function in part["functions"]:
        floor = part["floors"][function["floor"]]
        lines.append(
            [
                function["name"],
                ratio(function["cpuMs"], floor["cpuMs"]),
                number(function["cpuMs"]),
                number(floor["cpuMs"]),
                number(function["cpuMs"] - floor["cpuMs"]),
                number(function["wallMs"]),
                f"{function['modules']} / {floor['modules']}",
                number(function["sourceBytes"] / 1024),
            ]
        )
    header = ["function", "÷ floor", "CPU ms", "floor's", "on top", "wall ms", "modules / floor's", "own source, KB"]
    layer = part["layerBytes"]
    size = (
        f"Shipped: {number(part['handlersBytes'] / 1024)} KB of handlers, one package for all functions, and a layer of "
        f"{number(layer / 1024**2)} MB with boto3 {part['boto3']}, which is the floor: together "
        f"{number((layer + part['handlersBytes']) / layer)} × of it."
        if layer
        else f"The layer could not be built here: {part['layerAbsent']}"
    )
    text = (
        "## Cold start\n\n"
        "A fresh process until it is ready for its first event, compared with the floor: the bare interpreter that imports "
        f"boto3 and makes the one client that the function needs. The best of {part['samples']}, in turns.\n\n"
        f"{table(header, lines)}\n\nOn top of the floor come {_most(lines)} ms at the most: our own modules, the compiled schemas, "
        "and what boto3 leaves out until it is needed, such as its DynamoDB types. It stays: loading them with the first "
        "event instead would only move the time into that event's answer. The modules were compiled before, also the floor's. "
        f"On Lambda they are compiled at each cold start: [what that costs, and why](decisions.md).\n\n{size}\n\n{_STARTS}"
    )
    return text, {}


def _most(lines: Sequence[Sequence[str]]) -> str:
    return max((line[4] for line in lines), key=float)


def _decoding(results: Results) -> tuple[str, dict[str, str]]:
    measured: Mapping[str, float] = results["decoding"]["microseconds"]
    check = measured[CHECK]
    lines = [[name, ratio(each, check), number(each)] for name, each in measured.items()]
    text = (
        "## Decoding and checking an event\n\n"
        "The data of one transaction against its schema: by the tables that are generated from the schemas, and by the "
        f"library jsonschema with the same schema.\n\n{table(['', '÷ check', 'µs'], lines)}"
    )
    return text, {}


def _latency(results: Results) -> tuple[str, dict[str, str]]:
    part = results["latency"]
    stores = {"empty store": part} | ({f"{part['full']['events']:,} events": part["full"]} if "full" in part else {})
    lines = [
        [title, store, *(number(measured[name][percentile]) for percentile in ("p50", "p99", "max"))]
        for title, name in {"sent to accepted": "acceptedMs", "accepted to visible": "visibleMs"}.items()
        for store, measured in stores.items()
    ]
    text = (
        "## From accepted to visible\n\n"
        "**In the emulator only**, where streams, queues and functions share this machine: from the answer to a command "
        "until its event shows in the read model, through stream, relay, bus, queue and projection. "
        f"{part['samples']} commands, one at a time; milliseconds.\n\n"
        f"{table(['', '', 'p50', 'p99', 'max'], lines, left=2)}\n\n"
        "It says that nothing in the pipeline waits for a poll or a window longer than this; AWS adds its own."
    )
    return text + _under_load(part), {}


def _transfers(results: Results) -> tuple[str, dict[str, str]]:
    part = results["transfers"]
    percentiles = ("p50", "p95", "p99", "max")
    names = {"request": "its request", "process": "all its steps", "poke": "a poke of one that has ended"}
    names |= {"rows": "its row of the read model, event by event"}
    counted = [
        [title, *(number(part[name][each]) for each in ("requests", "waits", "readUnits", "writeUnits"))]
        for name, title in names.items()
    ]
    times = [
        [title, *(number(part[name][percentile]) for percentile in percentiles)]
        for title, name in {"completed": "completedMs", "visible in its row": "visibleMs"}.items()
    ]
    load = part["load"]
    text = (
        "## Transfers\n\n"
        "What a transfer that goes well asks of AWS, between two accounts that its process has not met, counted on "
        f"{part['measured']['engine']}. The rows of its accounts are projected [as any](#projecting).\n\n"
        f"{table(['', 'requests', 'waits', 'reads', 'writes'], counted)}\n\n"
        f"The steps take {number(part['process']['cpuMs'])} ms of CPU.\n\n"
        "**In the emulator only**: from sending the request until the transfer is completed, and until its row says so, "
        f"from outside, through command, stream, relay, bus, queue and process. {part['samples']} transfers, one at a time; "
        f"milliseconds.\n\n{table(['', *percentiles], times)}\n\n"
        f"{load['clients']} clients at once, each between two accounts of its own, got {number(load['perSecond'])} transfers "
        f"a second completed, {load['transfers']} in all, with everything behind them on the same machine."
    )
    return text, {}


def _replays(results: Results) -> tuple[str, dict[str, str]]:
    part = results["replays"]
    rows: Sequence[Row] = part["rows"]
    lines = [
        [row["target"], number(row["atOnce"]), number(row["eventsPerCoreSecond"]), number(row["eventsPerSecond"])]
        for row in rows
    ]
    backtest, branch = part["backtest"], part["branch"]
    text = (
        "## Replays and branches\n\n"
        f"{part['events']:,} events of {part['accounts']} accounts, read from the store by segments and sent to a target, with "
        "no rate to hold them back. The segments that are worked on at once share one interpreter here; on Lambda each has a "
        "function to itself. So a core's second is what carries over, and *per second here* says how far waits overlap; bus "
        "and queues are the embedded AWS's, on the same machine, and the slower the more lies in a queue. The target *projection* gets the newest event of each ten "
        f"items, the others a copy of each.\n\n{table(['target', 'at once', 'per core second', 'per second here'], lines)}\n\n"
        f"A backtest has one worker decide {number(backtest['eventsPerWorkerCoreSecond'])} events again in a second of its core, "
        f"{number(backtest['eventsPerSecond'])} in a second here, with the reading of the store and the comparing beside it. "
        f"To make a branch takes {number(branch['ms'])} ms, one request and one write unit, whatever the store holds."
    )
    return text, {}


def _under_load(part: Row) -> str:
    if "load" not in part:
        return ""
    load, memory, logs = part["load"], part["memoryMb"], part["logs"]
    held = memory["engine"] + memory["workers"]
    return (
        f"\n\n{load['clients']} clients at once got {number(load['perSecond'])} commands a second answered, "
        f"{load['commands']:,} in all, with everything behind them on the same machine. Before that, at rest, the embedded "
        f"AWS held {held} MB: {memory['engine']} itself and {memory['workers']} in the {memory['processes']} processes that "
        f"it had started (shared pages by their share). A command's log was {logs['command']['ownBytes']:.0f} bytes of its own "
        f"and {logs['command']['platformBytes']:.0f} of Lambda's lines around it, an event in the audit log "
        f"{logs['auditedEventBytes']:.0f}, each line with the {LINE_BYTES} bytes that CloudWatch Logs adds."
    )


def _cost(results: Results) -> str:
    ours, recipe = cost.total(cost.ours(results)), cost.total(cost.recipe(results))
    return (
        "## Cost of a million commands\n\n"
        f"{number(ours / recipe)} × the recipe's: {money(ours)} US$ against {money(recipe)} at list prices, for an audit "
        "log, a statement, retries that end in dead letter queues, a look-up that makes a command happen once, and "
        "snapshots. [The sums](cost.md)."
    )


def _by_length(title: str, unit: str, rows: Sequence[Row], name: str) -> str:
    """A line for each contestant, with a gap where it was not run: nothing is kept of an account without events."""
    found = {(row["title"], row["length"]): row[name] for row in rows}
    titles = dict.fromkeys(row["title"] for row in rows)
    series = {each: [found.get((each, length)) for length in LENGTHS] for each in titles}
    return plot.lines(title, unit, [f"{length:,} events" for length in LENGTHS], series)


def _circumstances(part: Row) -> str:
    measured = part["measured"]
    engine = f" on {measured['engine']}" if measured["engine"] else ""
    return (
        f"<sub>Measured {measured['date']}{engine}; {measured['machine']}; Python {measured['python']}, "
        f"boto3 {measured['boto3']}.</sub>"
    )


def _reproduce() -> str:
    return """## Reproduce it

<!-- not run: it takes a quarter of an hour -->
```sh
# once: the engine of Amazon, with Java 17 and Maven, and the peers, with Node.js and npm
make dynamodb-local bench-peers
# all parts, under 15 minutes on two cores, and writes this page, scaling.md and cost.md
make bench
# one part: imports, decoding, append, reconstruct, projection, transfers, replays, latency
.venv/bin/python -m bench append
.venv/bin/python -m bench --render
```

Without DynamoDB Local it runs on the embedded AWS, whose units are not Amazon's and are left out. A peer that is not
installed is left out and named. To count, each request is held back by 50 ms in a run of its own, so that calls side by
side are seen to overlap; times are taken in other runs, without. What takes seconds is timed once, while it is counted,
less what it was held back. DynamoDB Local takes about a second for each megabyte out of a long stream, so times on the
wall for whole streams of 100,000 events say more about it than about AWS; CPU, requests and units do not."""


_SECTIONS = {
    "append": _append,
    "reconstruct": _reconstruct,
    "projection": _projection,
    "transfers": _transfers,
    "replays": _replays,
    "imports": _imports,
    "decoding": _decoding,
    "latency": _latency,
}
