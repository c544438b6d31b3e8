"""What no engine can count in ticks is refused by row; a float's rounding is nobody's fault."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.data.bounds import MOST_TICKS, decimals_of, off_tick
from backtester.data.checks import findings
from shared.strategies.market import PRICES, Market
from tests.backtester.data.candles import NOW, changed, market, rows


def scaled(by: float) -> Market:
    bars = market(20)
    columns = [getattr(bars, name).round(2) * by for name in PRICES]
    return Market(bars.open_time, *columns, bars.volume)


def found(bars: Market, tick: str | None = None) -> list[str]:
    return list(findings(rows(bars), "1m", NOW, None if tick is None else Decimal(tick)).first)


@pytest.mark.parametrize("by", [1e-16, 1e-9, 1e-3, 1.0, 1e6, 4e16])
def test_prices_of_any_size_with_two_digits_are_counted(by: float) -> None:
    assert found(scaled(by)) == []


def test_prices_finer_than_a_tick_can_be_are_named() -> None:
    lines = found(scaled(1e-17))
    assert lines[0].startswith("bars, line 2, field ")
    assert lines[0].endswith("needs more than 18 decimals, which no backtest can count; round it")


@pytest.mark.parametrize("by", [5e16, 1e18])
def test_prices_larger_than_a_count_can_be_are_named(by: float) -> None:
    assert found(scaled(by))[0].endswith(
        "is too large to be counted in ticks of 1; correct it, or round the file's prices"
    )


def test_one_price_among_good_ones_is_the_only_one_named() -> None:
    assert found(changed(scaled(1.0), 7, high=1e20)) == [
        "bars, line 9, field high: 1e+20 is too large to be counted in ticks of 0.01; correct it, or round the file's "
        "prices"
    ]
    assert [line.split(":")[0] for line in found(changed(scaled(1.0), 7, low=1e-18))] == ["bars, line 9, field low"]


def test_prices_between_two_ticks_are_named() -> None:
    assert found(scaled(1.0), "0.01") == []
    assert found(changed(scaled(1.0), 3, high=123.456), "0.01") == [
        "bars, line 5, field high: 123.456 lies between two ticks of 0.01; round it, or give the finer step as --tick "
        "(with --replace where one is stored)"
    ]


@given(ticks=st.integers(1, 10**15), decimals=st.integers(0, 18))
def test_a_decimal_price_is_on_its_grid_whatever_its_float(ticks: int, decimals: int) -> None:
    price = np.array([float(Decimal(ticks).scaleb(-decimals))])
    assert decimals_of(price) <= decimals
    assert not off_tick(price, Decimal(1).scaleb(-decimals)).any()
    assert off_tick(price / 2, Decimal(1).scaleb(-decimals)).any() == (ticks % 2 == 1 and ticks < 10**11)


@given(price=st.floats(1e-30, 1e30))
def test_what_passes_makes_a_whole_number_that_an_int64_holds(price: float) -> None:
    bars = changed(market(1), 0, open=price, high=price, low=price, close=price)
    if not found(bars):
        whole = price * 10.0 ** decimals_of(np.array([price]))
        assert 1 <= round(whole) <= MOST_TICKS
        assert abs(whole - round(whole)) <= max(1e-6, 1e-12 * whole)
