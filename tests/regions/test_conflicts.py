"""What two Regions wrote at once becomes one chain again, and nothing that was acknowledged is lost."""

from __future__ import annotations

from .checks import check_chains, check_the_end
from .sending import opening, transaction
from .world import OTHER, PRIMARY, Pair


def test_both_sides_write_and_all_of_it_is_in_one_chain(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    assert a.send(opening())[0] == 200
    pair.quiet(2)
    assert b.send(transaction("early", 1))[0] == 409
    for number in range(4):
        assert a.send(transaction(f"a{number}", 10))[0] == 200
    pair.promote(OTHER, reach_the_other=False)
    pair.pass_time(10)
    for number in range(3):
        assert b.send(transaction(f"b{number}", 100))[0] == 200
    pair.quiet()

    for region in (a, b):
        check_chains(region)
        commands = [event.command_id for event in region.stored()["a"]]
        assert commands == ["open-a", "b0", "b1", "b2", "a0", "a1", "a2", "a3"]
    assert a.stored() == b.stored()
    assert {each.status.value for each in b.conflicts()} == {"closed"}
    assert a.standing.role == "fenced"
    check_the_end(pair, {})
