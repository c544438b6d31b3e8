"""Decimals to ticks, lots and money, and back, to the last unit."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.portfolio import grid as module
from shared.portfolio.grid import Grid, OffGrid, from_money, to_fraction, to_money

LOT = Decimal("1e-8")
GRIDS = (
    Grid.of_quote(Decimal("0.1"), LOT, "USD"),
    Grid.of_quote(Decimal("0.0000001"), LOT, "USD"),
    Grid.of_quote(Decimal("1e-8"), LOT, "BTC"),
    Grid.of_quote(Decimal("1e-10"), LOT, "BTC"),
    Grid.of_quote(Decimal("0.25"), Decimal(1), "USD"),
)
grids = st.sampled_from(GRIDS)
ticks = st.integers(1, 10**6)
lots = st.integers(1, 10**12)
WIDE = Context(prec=60)


def exact_notional(grid: Grid, ticks: int, lots: int) -> Decimal:
    """The notional, where money can hold it: up to 900 million of the quote."""
    exact = WIDE.multiply(grid.from_ticks(ticks), grid.from_lots(lots))
    assume(exact < 900_000_000)
    return exact


@given(grids, ticks, lots)
def test_cost_and_fee_are_the_venues(grid: Grid, ticks: int, lots: int) -> None:
    unit = Decimal(1).scaleb(len(str(grid.quantum)) - 11)
    cost = exact_notional(grid, ticks, lots).quantize(unit, ROUND_HALF_EVEN, WIDE)
    fee = WIDE.multiply(cost, Decimal("0.0026")).quantize(unit, ROUND_HALF_EVEN, WIDE)
    booked = grid.cost(ticks, lots)
    assert from_money(booked) == cost
    assert from_money(grid.fee(booked, to_fraction(Decimal("0.0026")))) == fee


@given(grids, ticks, lots)
def test_notional_brackets_the_exact_value(grid: Grid, ticks: int, lots: int) -> None:
    exact = exact_notional(grid, ticks, lots)
    low, high = from_money(grid.notional(ticks, lots)), from_money(grid.notional_up(ticks, lots))
    assert low <= exact <= high
    assert high - low <= Decimal("1e-10")


@given(grids, ticks, lots)
def test_numba_books_the_same_money(grid: Grid, ticks: int, lots: int) -> None:
    exact_notional(grid, ticks, lots)
    booked = compiled(module.cost)(ticks, lots, grid.num, grid.den, grid.quantum)
    assert booked == grid.cost(ticks, lots)
    assert compiled(module.fee)(booked, 2_600_000, grid.quantum) == grid.fee(booked, 2_600_000)
    assert compiled(module.notional)(ticks, lots, grid.mul, grid.div) == grid.notional(ticks, lots)
    assert compiled(module.notional_up)(ticks, lots, grid.mul, grid.div) == grid.notional_up(ticks, lots)


@given(grids, ticks, lots)
def test_steps_survive_the_way_out_and_back(grid: Grid, ticks: int, lots: int) -> None:
    assert grid.to_ticks(grid.from_ticks(ticks)) == ticks
    assert grid.to_lots(grid.from_lots(lots), "exact") == lots


@given(st.integers(-(10**17), 10**17))
def test_money_survives_the_way_out_and_back(units: int) -> None:
    assert to_money(from_money(units)) == units


def test_a_price_between_two_ticks_is_refused_unless_rounding_is_asked_for() -> None:
    grid = GRIDS[0]
    with pytest.raises(OffGrid, match=r"price 100\.15 is no multiple of 0\.1"):
        grid.to_ticks(Decimal("100.15"))
    assert grid.to_ticks(Decimal("100.15"), "floor") == 1001
    assert grid.to_ticks(Decimal("100.15"), "ceil") == 1002


def test_quantities_are_floored_to_lots() -> None:
    assert GRIDS[0].to_lots(Decimal("0.123456789")) == 12345678


@pytest.mark.parametrize("steps", [(Decimal(0), LOT, 4), (Decimal(1), Decimal(0), 4), (Decimal(1), LOT, 11)])
def test_an_impossible_grid_is_refused(steps: tuple[Decimal, Decimal, int]) -> None:
    with pytest.raises(ValueError, match="no grid"):
        Grid.of(*steps)


@given(st.floats(1e-9, 1e9), grids)
def test_atr_in_ticks_is_the_same_number_compiled(atr: float, grid: Grid) -> None:
    tick = float(grid.tick)
    if atr / tick < 1e12:
        assert compiled(module.atr_ticks)(atr, tick) == grid.atr_ticks(atr)


def test_huge_positions_of_cheap_coins_are_booked_exactly() -> None:
    doge = GRIDS[1]
    assert from_money(doge.cost(1_234_567, 10**14)) == Decimal("123456.7")
    with pytest.raises(OverflowError):
        doge.cost(10**12, 10**18)
