"""How many lots, and which limit allowed no more."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.portfolio.exact import FRACTION
from shared.portfolio.grid import notional_up
from shared.risk import sizing
from shared.risk.sizing import BY_CASH, BY_EXPOSURE, BY_POSITION, BY_RISK, Sized, size_entry

MONEY = 10**10
PERCENT = FRACTION // 100


def size(
    price: int = 1000,
    stop: int = 900,
    equity: int = 10_000 * MONEY,
    cash: int = 10_000 * MONEY,
    exposure: int = 0,
    risk: int = PERCENT,
    position: int = 100 * PERCENT,
    limit: int = 100 * PERCENT,
) -> Sized:
    """One tick of one lot is worth one unit of currency."""
    return size_entry(price, stop, equity, cash, exposure, risk, position, limit, 2_600_000, 1_000_000, MONEY, 1)


def test_the_stop_loses_the_risked_fraction() -> None:
    assert size(risk=10 * PERCENT) == Sized(9, BY_CASH)
    assert size(risk=5 * PERCENT) == Sized(5, BY_RISK)
    assert size(risk=5 * PERCENT, stop=1100) == Sized(5, BY_RISK)


def test_each_limit_caps_the_size_and_is_named() -> None:
    assert size(risk=5 * PERCENT, position=40 * PERCENT) == Sized(4, BY_POSITION)
    assert size(risk=5 * PERCENT, limit=50 * PERCENT, exposure=2000 * MONEY) == Sized(3, BY_EXPOSURE)
    assert size(risk=5 * PERCENT, cash=2_999 * MONEY) == Sized(2, BY_CASH)


def test_fee_and_slip_are_kept_back_from_the_cash() -> None:
    assert size(risk=5 * PERCENT, cash=1000 * MONEY).lots == 0
    assert size(risk=5 * PERCENT, cash=1004 * MONEY).lots == 1


def test_nothing_is_bought_with_nothing() -> None:
    assert size(cash=-1) == Sized(0, BY_CASH)
    assert size(exposure=20_000 * MONEY) == Sized(0, BY_EXPOSURE)
    assert size(equity=-5).lots == 0


def test_more_lots_than_can_be_counted_are_as_many_as_can() -> None:
    lots = sizing.lots_within(10**18, 1, 1, 10**6)
    assert 10**18 < lots < 2**63


def test_a_stop_at_the_price_has_no_size() -> None:
    with pytest.raises(ValueError, match="apart"):
        size(stop=1000)


prices = st.integers(2, 10**7)
money = st.integers(0, 10**16)
fractions = st.integers(0, FRACTION)
rates = st.integers(0, FRACTION // 10)


@given(prices, prices, money, money, money, fractions, fractions, fractions, rates, rates, st.integers(1, 10**6))
def test_no_limit_is_ever_passed(
    price: int,
    stop: int,
    equity: int,
    cash: int,
    exposure: int,
    risk: int,
    position: int,
    limit: int,
    fee: int,
    slack: int,
    div: int,
) -> None:
    assume(price != stop)
    arguments = (price, stop, equity, cash, exposure, risk, position, limit, fee, slack, 1, div)
    sized = size_entry(*arguments)
    worth = sized.lots * price
    assert sized.lots * abs(price - stop) * FRACTION <= equity * risk * div
    assert worth * FRACTION <= equity * position * div
    assert sized.lots == 0 or worth * FRACTION <= (equity * limit - exposure * FRACTION) * div
    if sized.lots:
        reserved = sizing.reservation(notional_up(price, sized.lots, 1, div), fee, slack)
        assert reserved <= cash + 2, "one unit for each rounding up"
    assert tuple(compiled(size_entry)(*arguments)) == tuple(sized)


@given(money, rates, rates)
def test_a_reservation_covers_fee_and_slip(notional: int, fee: int, slack: int) -> None:
    reserved = sizing.reservation(notional, fee, slack)
    assert reserved * FRACTION**2 >= notional * (FRACTION + fee) * (FRACTION + slack)
    assert compiled(sizing.reservation)(notional, fee, slack) == reserved
