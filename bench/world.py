"""Engines with accounts in them: each contestant's, and ours with their snapshots, made once for all parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.aws import SNAPSHOTS, TABLES

from . import engines
from .contestants import Contestant, all_contestants
from .engines import Engines
from .process import Process
from .progress import Steps

SHORT = 100
"""Up to this length, each sample has an account of its own, which its process has not met before."""


@dataclass
class World:
    """The engines, and what is in them."""

    engines: Engines
    steps: Steps
    contestants: tuple[Contestant, ...]
    _processes: ExitStack
    _running: dict[str, Process] = field(default_factory=dict)
    _seeded: set[tuple[str, int]] = field(default_factory=set)

    def process(self, contestant: Contestant) -> Process:
        """The contestant's process; started when it is first asked for."""
        if contestant.name not in self._running:
            self._running[contestant.name] = self._processes.enter_context(contestant.start(self.engines))
        return self._running[contestant.name]

    def seed(self, contestant: Contestant, length: int, samples: int) -> None:
        """Have accounts of that length: `samples` short ones or a long one."""
        if (contestant.name, length) in self._seeded:
            return
        names = [account_of(length, sample) for sample in range(samples if 0 < length <= SHORT else 1)]
        with self.steps.step(f"accounts of {length:,} events: {contestant.title}", length * len(names)) as advance:
            for name in names:
                contestant.seed(self.engines, self.process(contestant), name, length, advance)
        self._seeded.add((contestant.name, length))

    def copy_snapshots_table(self, name: str) -> None:
        """One more table of snapshots, empty."""
        (table,) = (table for table in TABLES if table["TableName"] == SNAPSHOTS)
        self.engines.dynamodb.create_table(**{**table, "TableName": name})


@contextmanager
def running(steps: Steps) -> Iterator[World]:
    """A world for as long as the context lasts."""
    with engines.running() as running_engines, ExitStack() as processes:
        able = tuple(contestant for contestant in all_contestants() if not contestant.why_not)
        yield World(running_engines, steps, able, processes)


def account_of(length: int, sample: int) -> str:
    """The account of that length for a sample; long ones are shared by all samples."""
    return f"account-{length}-{sample if length <= SHORT else 0}"
