"""What a client's calls cost, as the engine itself states it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Charge:
    """One call: capacity units by table or index, and how many items and undone keys came back."""

    operation: str
    units: dict[str, float]
    items: int
    undone: int


@dataclass
class Meter:
    """The charges of a client's calls, in order, and how many of them had to wait for each other."""

    charges: list[Charge] = field(default_factory=list)
    waits: int = 0
    """The round trips so far, as if those that are begun side by side took their time at once."""

    def begin(self, call: Callable[[], T]) -> Callable[[], T]:
        """What goes side by side, made one by one."""
        before = self.waits
        result = call()
        ended, self.waits = self.waits, before

        def join() -> T:
            self.waits = max(self.waits, ended)
            return result

        return join

    @property
    def operations(self) -> list[str]:
        return [charge.operation for charge in self.charges]

    def ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Before a call: have it say what it consumes."""
        if "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "INDEXES"

    def note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """After a call: keep what it said."""
        self.waits += 1
        consumed = parsed.get("ConsumedCapacity", [])
        units: dict[str, float] = {}
        for each in consumed if isinstance(consumed, list) else [consumed]:
            parts = {"table": each.get("Table", {})}
            parts |= each.get("LocalSecondaryIndexes", {}) | each.get("GlobalSecondaryIndexes", {})
            for name, part in parts.items():
                units[name] = units.get(name, 0) + part.get("CapacityUnits", 0)
        self.charges.append(
            Charge(
                operation=model.name,
                units={name: number for name, number in units.items() if number},
                items=sum(map(len, parsed["Responses"].values())) if "Responses" in parsed else parsed.get("Count", 0),
                undone=sum(len(table["Keys"]) for table in parsed.get("UnprocessedKeys", {}).values()),
            )
        )


@contextmanager
def metered(client: Any) -> Iterator[Meter]:
    """Meter a client's calls."""
    meter, events = Meter(), client.meta.events
    events.register("provide-client-params.dynamodb", meter.ask)
    events.register("after-call.dynamodb", meter.note)
    try:
        yield meter
    finally:
        events.unregister("provide-client-params.dynamodb", meter.ask)
        events.unregister("after-call.dynamodb", meter.note)
