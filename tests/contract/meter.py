"""What a client's calls cost, as the engine itself states it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Charge:
    """One call: capacity units by table or index, and how many items and undone keys came back."""

    operation: str
    units: dict[str, float]
    items: int
    undone: int


@dataclass
class Meter:
    """Asks for the consumed capacity in every call of a client and keeps the answers in order."""

    client: Any
    charges: list[Charge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.meta.events.register("provide-client-params.dynamodb", self._ask)
        self.client.meta.events.register("after-call.dynamodb", self._note)

    @property
    def operations(self) -> list[str]:
        return [charge.operation for charge in self.charges]

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "INDEXES"

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
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
