"""A caller's fields are read as what they must be, or refused by name."""

from decimal import Decimal

import pytest

from handlers.domain.errors import MalformedError
from handlers.domain.fields import whole


@pytest.mark.parametrize("value", [0, 7, 7.0, Decimal("7.00"), Decimal("1E+1"), Decimal("0E+999999999"), 10])
def test_a_whole_number_may_be_spelled_in_any_way(value: object) -> None:
    assert whole({"limit": value}, "limit", 0, 10) == value


@pytest.mark.parametrize("value", [Decimal("7.5"), 7.5, Decimal("1E-400"), "7", True, [7], {}])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(MalformedError, match="limit: must be a whole number"):
        whole({"limit": value}, "limit", 0, 10)


OUT_OF_RANGE = [11, -1, 1e300, float("inf"), float("nan"), 10**40]
FAR_OUT = ["1E+28", "1E+400", "-1E+400", "1E+600000", "-1E+600000", "9" * 40]


@pytest.mark.timeout(8)  # to make an int of 1E+600000 takes longer
@pytest.mark.parametrize("value", [*OUT_OF_RANGE, *map(Decimal, FAR_OUT)])
def test_a_number_out_of_range_is_refused_at_once(value: object) -> None:
    with pytest.raises(MalformedError, match="limit: must lie between 0 and 10"):
        whole({"limit": value}, "limit", 0, 10)
