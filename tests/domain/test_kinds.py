"""An aggregate is of one kind, which its first event of a known type tells, and nothing to any other kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.domain.account import KIND, Account
from handlers.domain.projections import AccountStatement, AccountSummary
from handlers.sourcing.errors import IntegrityError, RuleBrokenError
from handlers.sourcing.event import NewEvent
from handlers.sourcing.kinds import KEEPS_ENTRIES, Kinds
from handlers.sourcing.projection import Projection, RowQuery
from handlers.sourcing.told import WHATEVER, Settings
from handlers.sourcing.values import Value

from .builders import But, command, create, run, story


@dataclass(frozen=True, slots=True)
class Lamp:
    """What is either on or off."""

    on: bool = False

    def describe(self) -> dict[str, Value]:
        return {"on": self.on}

    def snapshot(self) -> dict[str, Value]:
        return {"on": self.on}

    @classmethod
    def restore(cls, snapshot: Any) -> Lamp:
        return cls(snapshot["on"])

    def fits(self, sequence: int) -> bool:
        return not self.on or sequence > 0


def _glow(_: Settings) -> tuple[Projection, ...]:
    return (AccountSummary(name="Glow", queries=()),)


def lamps(**other: Any) -> Any:
    """The kind, with something else about it."""
    lamp = {"name": "lamp", "state": Lamp, "snapshots": "lamp.", "commands": ("LampLit",), "projections": _glow}
    functions = {"decide": lambda lamp, _: [NewEvent("LampLit", {})], "evolve": lambda lamp, _: Lamp(on=True)}
    return replace(KIND, **{**lamp, **functions, **other})


STREAMS = {**dict.fromkeys(KIND.commands, "account"), "LampLit": "lamp"}
BOTH = Kinds(STREAMS, KIND, lamps())
(OPENED, PAID) = story("a", [5])
LIT, STRANGE = replace(OPENED, event_type="LampLit"), replace(OPENED, event_type="LampPolished")


def test_the_first_event_of_a_known_type_tells_the_kind() -> None:
    assert BOTH.of_events([OPENED, LIT]) is KIND
    assert BOTH.of_events([STRANGE, LIT, OPENED]) is BOTH.all[1]
    assert BOTH.of_events([STRANGE]) is None
    assert BOTH.evolve(None, STRANGE) is None
    assert BOTH.evolve(BOTH.evolve(None, STRANGE), LIT) == Lamp(on=True)


def test_an_event_of_another_kind_changes_no_state_and_no_row() -> None:
    account, lamp = BOTH.evolve(None, OPENED), BOTH.evolve(None, LIT)

    for state, event in ((account, LIT), (lamp, PAID)):
        with pytest.raises(IntegrityError, match="of kind"):
            BOTH.evolve(state, event)
    row: dict[str, Any] = {}
    for projection in BOTH.projections(WHATEVER):
        other = LIT if projection.kind is KIND else PAID
        with pytest.raises(IntegrityError, match="of kind"):
            projection.apply(row, other)
        assert projection.apply(row, STRANGE) is row


def test_an_id_in_use_by_one_kind_is_refused_to_another() -> None:
    lit = replace(command("LampLit"), event_type="LampLit")
    account, _ = run(create())

    for state, each, kinds in ((account, lit, ("account", "lamp")), (Lamp(), create(), ("lamp", "account"))):
        with pytest.raises(RuleBrokenError) as refused:
            BOTH.decide(state, each)
        assert refused.value.rule == "aggregate-kind"
        assert (refused.value.details["aggregateKind"], refused.value.details["commandKind"]) == kinds
    assert BOTH.decide(None, lit) == [NewEvent("LampLit", {})]
    assert BOTH.decide(Lamp(), lit) == [NewEvent("LampLit", {})]


def test_what_a_command_may_ask_for_is_named_over_all_kinds() -> None:
    (violation,) = BOTH.check("a", "LampPolished", {})

    assert violation == ("eventType", f"must be one of {', '.join(KIND.commands)}, LampLit")


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ([KIND], "LampLit's schema is of the kind lamp, which is not registered; the kinds are account"),
        (
            [KIND, lamps(), lamps(name="torch")],
            "no schema is of the kind torch (x-stream); they are of account, lamp",
        ),
        ([KIND, lamps(), lamps()], "two kinds are named lamp"),
        (
            [KIND, lamps(snapshots=KIND.snapshots)],
            f"the kinds account and lamp keep their snapshots under one name, {KIND.snapshots!r}",
        ),
        (
            [KIND, lamps(commands=("AccountClosed",))],
            "the kind lamp has a command for AccountClosed, which is of the kind account",
        ),
        ([KIND, lamps(commands=("LampLot",))], "the kind lamp has a command for LampLot, which stands in no stream"),
        ([KIND, lamps(opened_by="LampLot")], "the kind lamp is opened by LampLot, which is none of its commands"),
    ],
    ids=["missing", "unknown", "twice", "snapshots", "command of another kind", "misspelt command", "misspelt opening"],
)
def test_kinds_that_do_not_go_together_do_not_even_start_and_the_culprit_is_named(
    kinds: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Kinds(STREAMS, *kinds)


def test_two_projections_of_one_name_do_not_even_start() -> None:
    alike = lamps(projections=KIND.projections)

    with pytest.raises(ValueError, match="two projections are named AccountSummary, of account and lamp"):
        Kinds(STREAMS, KIND, alike).projections(WHATEVER)


def test_entries_stand_before_their_row() -> None:
    """Whoever reads an aggregate's rows backwards has the row first, and then at least the entries that it counts."""
    late = lamps(projections=lambda _: (AccountSummary(AccountStatement(name="LitOften"), name="Lit"),))

    with pytest.raises(ValueError, match="Lit have a name that sorts behind"):
        Kinds(STREAMS, KIND, late).projections(WHATEVER)


def test_entries_of_whatever_kind_are_kept_only_where_the_ledger_keeps_any() -> None:
    """Its functions have no permission for them otherwise, whatever a kind's projections ask."""
    lamp = lamps(projections=lambda _: (replace(AccountSummary(AccountStatement()), name="LampSummary", queries=()),))
    both = Kinds(STREAMS, KIND, lamp)

    kept = [each.name for each in both.projections(WHATEVER) if each.entries]

    assert kept == ["AccountSummary", "LampSummary"]
    assert [each.name for each in both.projections(But({KEEPS_ENTRIES: False})) if each.entries] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (RowQuery(name="getGlow", argument="lampId", head=()), "getGlow is about entries, and Lit leaves none"),
        (RowQuery(name="getAccountSummary", argument="lampId"), "two queries of rows are named getAccountSummary"),
    ],
    ids=["entries that there never are", "a name that is taken"],
)
def test_queries_that_go_nowhere_do_not_even_start(query: RowQuery, message: str) -> None:
    lamp = lamps(projections=lambda _: (AccountSummary(name="Lit", queries=(query,)),))

    with pytest.raises(ValueError, match=message):
        Kinds(STREAMS, KIND, lamp).queries(WHATEVER)


def test_a_query_comes_and_goes_with_its_projection() -> None:
    """And what an answer has of the ledger's settings reaches it, numbers as well as switches."""
    lit = AccountSummary(name="Lit", queries=(RowQuery(name="getLamp", argument="lampId"),))
    many = replace(lit, name="LitOften", queries=(RowQuery(name="getLampOften", argument="lampId"),))
    lamp = lamps(projections=lambda told: (lit, many)[: told.number("LAMPS")] if told.flag("SHOWN") else ())
    kinds = Kinds(STREAMS, KIND, lamp)

    def offered(**settings: int) -> list[tuple[str, str]]:
        found = kinds.queries(But(settings))
        return [(query.name, each.name) for query, each in found if each.kind is lamp]

    assert offered(SHOWN=True, LAMPS=2) == [("getLamp", "Lit"), ("getLampOften", "LitOften")]
    assert offered(SHOWN=True, LAMPS=1) == [("getLamp", "Lit")]
    assert offered(SHOWN=False, LAMPS=2) == []


def test_where_nothing_is_known_an_aggregate_is_shown_as_the_first_kind_begins() -> None:
    assert KINDS.described(None) == Account().describe()
