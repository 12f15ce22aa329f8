"""Functions by the class of a fact."""

import pytest

from handlers.sourcing.by_fact import ByFact


class Grown:
    pass


class Cut:
    pass


def tables() -> ByFact[int, int, int]:
    table: ByFact[int, int, int] = ByFact()

    @table.on(Grown)
    def _(state: int, _: Grown, by: int) -> int:
        return state + by

    @table.on(Cut)
    def _(state: int, _: Cut, by: int) -> int:
        return state - by

    return table


def test_each_class_has_its_function() -> None:
    table = tables()

    assert (table(5, Grown(), 2), table(5, Cut(), 2)) == (7, 3)
    assert table.event_types == ("Grown", "Cut")


def test_what_has_no_function_has_none() -> None:
    assert (tables().get(None), tables().get("text")) == (None, None)
    with pytest.raises(KeyError):
        tables()(5, "text", 2)


def test_no_class_gets_a_second_function() -> None:
    with pytest.raises(ValueError, match="a function for Cut already"):
        tables().on(Cut)(lambda state, _, __: state)
