"""Where a Region stands among two: what it may decide, in which epoch, and what it leaves to the other.

An epoch is a span in which it is settled who decides. It only rises, by an operator's act. Of two events that were
decided for one place, the one of the higher epoch stands. So nobody decides behind an event of a higher epoch than its
own: that would put its word behind one that has replaced it.

- `standby`: one Region decides everything, the active one.
- `home`: an aggregate is decided where its newest event was, its home. An aggregate without events is at home wherever
  its first one is decided. A Region that was promoted over another `covers` it: it takes over what is at home there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import NotHomeError
from .event import Stamp, ordinal


def own_epoch(above: int, region: str, order: Sequence[str]) -> int:
    """The next epoch behind `above` in which `region` decides alone: no two Regions ever take the same one, though they
    may not know of each other. `order` names all of them. ValueError where this is none of them."""
    return _next(above, order.index(region) + 1, order)


def common_epoch(above: int, order: Sequence[str]) -> int:
    """The next epoch behind `above` that no Region takes alone: the first one is such, and `home` goes back to one."""
    return _next(above, 0, order)


def _next(above: int, place: int, order: Sequence[str]) -> int:
    places = len(order) + 1
    return above + 1 + (place - above) % places


class Role(StrEnum):
    """What a Region does about commands."""

    ACTIVE = "active"
    """It decides what is its own."""
    FENCED = "fenced"
    """It decided once, and must not any more."""
    STANDBY = "standby"
    """It waits to be promoted."""


class Mode(StrEnum):
    """How what is decided is divided."""

    STANDBY = "standby"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a Region knows of its own part. `decides` is who decides in its place, as far as it knows."""

    region: str
    role: Role
    epoch: int
    mode: Mode = Mode.STANDBY
    decides: str = ""
    covers: frozenset[str] = frozenset()
    seen: int = 0
    """The highest epoch that it knows of another Region: its next own one lies above."""
    first: str = field(default="", compare=False)
    """Where everything was decided before there were two Regions; of the stack, and not stored."""
    acts: int = 0
    """How many acts of operators made it. Who began to act before another one had ended sees that by it."""

    @property
    def known(self) -> int:
        """The highest epoch that it knows of."""
        return max(self.epoch, self.seen)

    @property
    def is_active(self) -> bool:
        return self.role is Role.ACTIVE

    def is_over_by(self, epoch: int) -> bool:
        """Whether it is news that another Region decides in `epoch`."""
        return epoch > (self.epoch if self.is_active else self.known)

    @property
    def stamp(self) -> Stamp:
        """Of what is decided here."""
        return Stamp(self.region, self.epoch)

    def require_active(self) -> None:
        """Raise NotHomeError where nothing at all is decided here."""
        if not self.is_active:
            raise NotHomeError(self.decides, f"this Region is {self.role} and decides nothing")

    def require_own(self, newest: Stamp | None) -> None:
        """Raise NotHomeError unless what comes behind an event of this stamp is decided here.

        `newest` is of an aggregate's newest event, UNSTAMPED where that is older than the two Regions; None where there
        is no event yet: it is at home wherever the first one is decided.
        """
        self.require_active()
        if newest is None:
            return
        if newest.epoch > self.epoch:
            raise NotHomeError(newest.region, f"this Region's epoch {self.epoch} is over")
        home = newest.region or self.first or self.region
        if self.mode is Mode.HOME and home not in (self.region, *self.covers):
            raise NotHomeError(home, "the aggregate is at home in another Region")

    def record(self) -> dict[str, Any]:
        """As an object of JSON values."""
        return {
            "Region": self.region,
            "Role": self.role.value,
            "Epoch": self.epoch,
            "Mode": self.mode.value,
            "Decides": self.decides,
            "Covers": sorted(self.covers),
            "Seen": self.seen,
            **({"Acts": self.acts} if self.acts else {}),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Standing:
        """Read a record. ValueError, or LookupError, where it is none."""
        covers = record.get("Covers", [])
        if not isinstance(covers, list):
            raise ValueError("Covers must be a list")  # noqa: TRY004 -- one error for all that is wrong with it
        return cls(
            region=str(record["Region"]),
            role=Role(record["Role"]),
            epoch=ordinal(record, "Epoch"),
            mode=Mode(record["Mode"]),
            decides=str(record.get("Decides", "")),
            covers=frozenset(map(str, covers)),
            seen=int(record.get("Seen", 0)),
            acts=int(record.get("Acts", 0)),
        )
