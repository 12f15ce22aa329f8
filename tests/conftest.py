"""Settings of the test tools that hold for every layer, and a word at the end on how much was tried, and what not."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import hooks, useragent
from botocore.hooks import EVENT_ALIASES, BaseEventHooks, EventAliaser
from botocore.loaders import Loader
from hypothesis import settings
from hypothesis.internal.conjecture import providers
from xdist.scheduler import LoadScopeScheduling

from local import descriptions
from schemas.checking import drafts

from .effort import LONG

# How long an example takes says more about the machine than about the code.
# An ordinary run tries the same examples each time, so that it fails only for a change; a long one looks for new ones.
settings.register_profile("ledger", deadline=None, derandomize=not LONG)
settings.load_profile("ledger")

# Hypothesis mixes in the constants of whatever modules of ours are loaded: other examples where other tests ran before.
# A long run may have them.
if not LONG:
    providers.is_local_module_file = lambda _file: False  # type: ignore[assignment, attr-defined]

# What the shell says of an AWS of somebody's own, or of the `make` that this runs beneath, is meant for no test.
for _name in [name for name in os.environ if name.startswith("AWS_") or name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")]:
    del os.environ[_name]

# A run in a shell's background has Ctrl-C ignored, and so would all that it starts, whatever tests send to that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# So has one under nohup a hang-up. A handler, unlike that, is not handed on.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# Each boto3 session parses the descriptions of AWS's APIs anew: most of what a client costs. Here once is enough.
descriptions.install()

# As often it would look through the hundreds of folders that hold them.
_list_services = Loader.list_available_services
_services: dict[tuple[str, ...], list[str]] = {}


def _list_once(loader: Loader, type_name: str) -> list[str]:
    key = (type_name, *loader.search_paths)
    if key not in _services:
        _services[key] = _list_services(loader, type_name)
    return list(_services[key])


Loader.list_available_services = _list_once  # type: ignore[assignment, method-assign]

# And as often work out the same names of some hundred events, each by going through all aliases.
_make_aliaser = EventAliaser.__init__
_event_names: dict[str, str] = {}


def _share_names(aliaser: Any, emitter: BaseEventHooks, aliases: Any = None) -> None:
    _make_aliaser(aliaser, emitter, aliases)
    if aliases is None or aliases == EVENT_ALIASES:
        aliaser._alias_name_cache = _event_names


EventAliaser.__init__ = _share_names  # type: ignore[assignment, method-assign]

# And look at the same handlers' signatures.
_accepts_kwargs = hooks.accepts_kwargs
_accepting: dict[Any, bool] = {}


def _accepts_kwargs_once(handler: Any) -> bool:
    """By its code: to remember the handler would keep what it belongs to."""
    code = getattr(handler, "__code__", None)
    if code is None:
        return bool(_accepts_kwargs(handler))
    if code not in _accepting:
        _accepting[code] = bool(_accepts_kwargs(handler))
    return _accepting[code]


hooks.accepts_kwargs = _accepts_kwargs_once  # type: ignore[assignment]

# And spell the same user agent twice for each request.
useragent.sanitize_user_agent_string_component = cache(useragent.sanitize_user_agent_string_component)


# Modules are handed to whichever process is free, so the long ones go first: last, one would keep a process busy while
# the others have nothing left to do. By the number of their tests, which is how xdist would order them, they come last.
_LONG_FIRST = ("infrastructure", "kinds", "console", "local", "faults", "fuzz", "ops", "contract", "schemas", "bench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by folder, the longest first; within a folder they stay as they are."""
    ranks = {folder: rank for rank, folder in enumerate(_LONG_FIRST)}
    root = Path(__file__).parent

    @cache
    def rank(path: Path) -> int:
        return ranks.get(path.relative_to(root).parts[0], len(ranks))

    items.sort(key=lambda item: rank(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out modules, but of the store's contract all that runs on DynamoDB Local together: each process that got
    some of it would start one of its own. Together, too, what asks for the same runs of the Pulumi program."""
    if config.getoption("dist") != "loadscope":
        return None
    scheduler = LoadScopeScheduling(config, log)
    module_of = scheduler._split_scope

    def scope(nodeid: str) -> str:
        if nodeid.startswith("tests/infrastructure/"):
            return "tests/infrastructure"
        return "tests/contract" if "[dynamodb-local" in nodeid else str(module_of(nodeid))

    scheduler._split_scope = scope
    return scheduler


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that an import makes is garbage: a third of the time would go into looking for some."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays: a fifth of the time went into looking through it for garbage, again and again.

    What of it is garbage stays too: to look for that once would take a tenth of what all imports take.
    """
    gc.freeze()
    gc.set_threshold(300_000, 20, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real", action="store_true", help="have the embedded AWS keep its tables in Amazon's DynamoDB Local"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--real"):
        from local.engine.dynamodb_local import installation  # noqa: PLC0415 - it loads the engine, which few tests need

        try:
            installation.java(), installation.jars()
        except installation.UnavailableError as problem:
            raise pytest.UsageError(f"--real: {problem}") from problem


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the properties `cases` (a line each) and `inputs` (by kind, added up) of the tests, and why some skipped."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = [report for report in reports if getattr(report, "when", None) == "teardown"]
    inputs: Counter[str] = Counter()
    lines = []
    for report in told:
        properties = dict(report.user_properties)
        inputs.update(properties.get("inputs", {}))
        if "cases" in properties:
            lines.append(f"{report.nodeid}: {properties['cases']}")
    if inputs:
        lines.append("inputs: " + ", ".join(f"{number:,} {kind}" for kind, number in sorted(inputs.items())))
    skips = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    lines += [f"{number} skipped: {reason.removeprefix('Skipped: ')}" for reason, number in skips.items()]
    lines += [f"{file} is a draft: the tests took it, and no stack does that keeps anything" for file in drafts()]
    if lines:
        terminalreporter.section("tried")
        terminalreporter.write("\n".join(lines) + "\n")
