"""Where stops lie and when they move."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.risk import stops
from shared.risk.stops import BREAKEVEN, INITIAL, TRAILING, BarHit, StopState, check_bar, drawdown_exceeded, raise_stop

entries = st.integers(10**4, 10**8)
atrs = st.floats(0.5, 5000)
sides = st.sampled_from((1, -1))


def moved(state: StopState, best: int, side: int = 1, entry: int = 1000, atr: float = 10.0) -> StopState:
    return raise_stop(entry, state, best, atr, 2.0, 2.0, 0.25, side)


def test_the_first_stop_is_two_atr_under_the_entry_on_the_tick_below() -> None:
    assert stops.initial_stop(1000, 10.3, 2.0, 1) == 979
    assert stops.initial_stop(1000, 10.3, 2.0, -1) == 1021


@pytest.mark.parametrize("atr", [0.0, -1.0, math.nan, math.inf])
def test_without_an_atr_there_is_no_stop(atr: float) -> None:
    with pytest.raises(ValueError, match="no ATR"):
        stops.initial_stop(1000, atr, 2.0, 1)


def test_the_target_is_a_multiple_of_the_risk() -> None:
    assert stops.take_profit(1000, 980, 3.0, 1) == 1060
    assert stops.take_profit(1000, 1020, 3.0, -1) == 940
    assert stops.take_profit(1000, 979, 1.5, 1) == 1032


def test_the_default_stop_is_a_fraction_of_the_price() -> None:
    assert stops.default_stop(1000, 50_000_000, 1) == 950
    assert stops.default_stop(1000, 50_000_000, -1) == 1050


def test_breakeven_needs_strictly_more_than_two_atr() -> None:
    start = StopState(980, INITIAL, 1000)
    assert moved(start, 1020) == StopState(980, INITIAL, 1020)
    assert moved(start, 1021) == StopState(1000, BREAKEVEN, 1021)


def test_the_bar_that_reaches_breakeven_does_not_trail() -> None:
    assert moved(StopState(980, INITIAL, 1000), 1500) == StopState(1000, BREAKEVEN, 1500)


def test_later_bars_trail_two_atr_under_the_high() -> None:
    assert moved(StopState(1000, BREAKEVEN, 1021), 1030) == StopState(1010, TRAILING, 1030)


def test_a_raise_smaller_than_the_step_is_left_out() -> None:
    state = StopState(1010, TRAILING, 1030)
    assert moved(state, 1032) == StopState(1010, TRAILING, 1032)
    assert moved(state, 1033) == StopState(1013, TRAILING, 1033)


def test_a_trail_that_gains_nothing_keeps_the_kind_of_the_stop() -> None:
    state = StopState(1000, BREAKEVEN, 1021)
    assert raise_stop(1000, state, 1020, 10.0, 2.0, 2.1, 0.0, 1) == state


def test_the_high_water_is_kept_while_the_stop_stays() -> None:
    assert moved(StopState(1010, TRAILING, 1032), 1020).high_water == 1032


@given(entries, atrs, sides, st.lists(st.integers(-4000, 4000), max_size=30))
def test_a_stop_is_never_moved_against_the_trade(entry: int, atr: float, side: int, moves: list[int]) -> None:
    state = StopState(stops.initial_stop(entry, atr, 2.0, side), INITIAL, entry)
    for move in moves:
        after = raise_stop(entry, state, entry + move, atr, 2.0, 2.0, 0.25, side)
        assert side * (after.stop - state.stop) >= 0
        assert after.kind >= state.kind
        assert (after.kind == state.kind == TRAILING) or after.stop != state.stop or after.kind == state.kind
        state = after


@given(entries, atrs, st.lists(st.integers(-4000, 4000), max_size=20))
def test_a_short_mirrors_a_long(entry: int, atr: float, moves: list[int]) -> None:
    long = StopState(stops.initial_stop(entry, atr, 2.0, 1), INITIAL, entry)
    short = StopState(stops.initial_stop(entry, atr, 2.0, -1), INITIAL, entry)
    for move in moves:
        long = raise_stop(entry, long, entry + move, atr, 2.0, 2.0, 0.25, 1)
        short = raise_stop(entry, short, entry - move, atr, 2.0, 2.0, 0.25, -1)
        assert short.kind == long.kind
        assert short.stop - entry == entry - long.stop


def test_where_a_bar_reaches_both_the_stop_came_first() -> None:
    assert check_bar(990, 1010, 989, 1011, 1000, 1) == BarHit(stops.STOP_HIT, 990)
    assert check_bar(1010, 990, 989, 1011, 1000, -1) == BarHit(stops.STOP_HIT, 1010)


def test_a_gap_is_paid_at_the_open() -> None:
    assert check_bar(990, 0, 970, 985, 980, 1) == BarHit(stops.STOP_HIT, 980)
    assert check_bar(990, 1010, 1012, 1020, 1015, 1) == BarHit(stops.TARGET_HIT, 1015)
    assert check_bar(1010, 0, 1015, 1030, 1020, -1) == BarHit(stops.STOP_HIT, 1020)
    assert check_bar(1010, 990, 970, 985, 980, -1) == BarHit(stops.TARGET_HIT, 980)


def test_touching_counts_and_missing_by_a_tick_does_not() -> None:
    assert check_bar(990, 1010, 990, 1009, 1000, 1).code == stops.STOP_HIT
    assert check_bar(990, 1010, 991, 1010, 1000, 1).code == stops.TARGET_HIT
    assert check_bar(990, 1010, 991, 1009, 1000, 1).code == stops.NOTHING_HIT
    assert check_bar(990, 0, 991, 10_000, 1000, 1).code == stops.NOTHING_HIT
    assert stops.breached(990, 990, 1)
    assert not stops.breached(990, 991, 1)
    assert stops.breached(1010, 1010, -1)


def test_a_trade_is_closed_after_its_last_allowed_bar() -> None:
    assert not stops.time_is_up(95, 96)
    assert stops.time_is_up(96, 96)


@pytest.mark.parametrize("initial", [10_000 * 10**10, 9_999_999_999_999_999, 3])
def test_exactly_the_limit_is_no_drawdown_one_unit_more_is(initial: int) -> None:
    limit = initial - initial * 200_000_000 // 10**9
    assert not drawdown_exceeded(limit, initial, 200_000_000)
    assert drawdown_exceeded(limit - 1, initial, 200_000_000)


@given(st.integers(0, 10**18), st.integers(1, 10**18), st.integers(0, 10**9))
def test_drawdown_is_decided_exactly(equity: int, initial: int, limit: int) -> None:
    assert drawdown_exceeded(equity, initial, limit) == ((initial - equity) * 10**9 > limit * initial)
    assert compiled(drawdown_exceeded)(equity, initial, limit) == drawdown_exceeded(equity, initial, limit)


@given(entries, atrs, sides, st.integers(-4000, 4000), st.sampled_from((INITIAL, BREAKEVEN, TRAILING)))
def test_numba_moves_stops_alike(entry: int, atr: float, side: int, move: int, kind: int) -> None:
    first = stops.initial_stop(entry, atr, 2.0, side)
    assert compiled(stops.initial_stop)(entry, atr, 2.0, side) == first
    assert compiled(stops.take_profit)(entry, first, 3.0, side) == stops.take_profit(entry, first, 3.0, side)
    assert compiled(stops.default_stop)(entry, 50_000_000, side) == stops.default_stop(entry, 50_000_000, side)
    state = StopState(first, kind, entry)
    arguments = (entry, state, entry + move, atr, 2.0, 2.0, 0.25, side)
    assert tuple(compiled(raise_stop)(*arguments)) == tuple(raise_stop(*arguments))
    bar = (first, 2 * entry, entry - abs(move), entry + abs(move), entry, side)
    assert tuple(compiled(check_bar)(*bar)) == tuple(check_bar(*bar))
