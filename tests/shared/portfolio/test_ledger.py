"""A position's books against fractions, whatever the fills."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.portfolio import ledger
from shared.portfolio.ledger import LONG, SHORT, Position, compare_averages, flat

prices = st.integers(1, 10**7)
sizes = st.integers(1, 10**10)
fills = st.lists(st.tuples(prices, sizes), min_size=1, max_size=6)
sides = st.sampled_from((LONG, SHORT))


def bought(side: int, entries: list[tuple[int, int]]) -> Position:
    position = flat(side)
    for ticks, lots in entries:
        position = ledger.increased(position, ticks, lots, ticks * lots, lots // 1000)
    return position


@given(sides, fills)
def test_the_average_entry_is_exact(side: int, entries: list[tuple[int, int]]) -> None:
    position = bought(side, entries)
    exact = Fraction(sum(p * q for p, q in entries), sum(q for _, q in entries))
    assert position.whole + Fraction(position.excess, position.bought) == exact
    assert ledger.average_ticks(position) == (exact.__floor__() if side > 0 else exact.__ceil__())


@given(sides, fills, st.data())
def test_results_of_all_parts_add_up_to_the_whole_trade(
    side: int, entries: list[tuple[int, int]], data: st.DataObject
) -> None:
    position = bought(side, entries)
    spent, fees, result = position.cost, position.fees, 0
    for last in (False, False, False, True):
        lots = position.lots if last else data.draw(st.integers(1, position.lots))
        price = data.draw(prices)
        position, part = ledger.reduced(position, lots, price * lots, 7)
        result += part
        spent -= side * side * price * lots
        fees += 7
        if not position.lots:
            break
    assert result == -side * spent - fees
    assert position == flat(side)


@given(sides, fills, st.data())
def test_the_average_stays_while_parts_are_sold(side: int, entries: list[tuple[int, int]], data: st.DataObject) -> None:
    position = bought(side, entries)
    if position.lots > 1:
        after, _ = ledger.reduced(position, data.draw(st.integers(1, position.lots - 1)), 1, 0)
        assert ledger.average_ticks(after) == ledger.average_ticks(position)


def test_more_than_is_held_cannot_be_sold() -> None:
    position = bought(LONG, [(100, 10)])
    with pytest.raises(ValueError, match="reduced by some"):
        ledger.reduced(position, 11, 1, 0)
    with pytest.raises(ValueError, match="reduced by some"):
        ledger.reduced(position, 0, 1, 0)


@given(st.integers(0, 10**18), st.integers(1, 10**18), st.integers(0, 10**18), st.integers(1, 10**18))
def test_averages_are_compared_exactly(a: int, m: int, b: int, n: int) -> None:
    left, right = Fraction(a, m), Fraction(b, n)
    assert compare_averages(a, m, b, n) == (left > right) - (left < right)
    assert compiled(compare_averages)(a, m, b, n) == compare_averages(a, m, b, n)


def test_equal_averages_of_different_sizes_are_equal() -> None:
    assert compare_averages(10**17, 3 * 10**17, 1, 3) == 0


@given(sides, fills, prices)
def test_numba_keeps_the_same_books(side: int, entries: list[tuple[int, int]], price: int) -> None:
    slow, fast = flat(side), flat(side)
    for ticks, lots in entries:
        slow = ledger.increased(slow, ticks, lots, ticks * lots, 5)
        fast = compiled(ledger.increased)(fast, ticks, lots, ticks * lots, 5)
    assert tuple(fast) == tuple(slow)
    lots = (slow.lots + 1) // 2
    assert compiled(ledger.reduced)(fast, lots, price * lots, 3) == ledger.reduced(slow, lots, price * lots, 3)
    for function in (ledger.marked, ledger.unrealised):
        assert compiled(function)(fast, price, price + 1, 10, 1) == function(slow, price, price + 1, 10, 1)


def test_longs_are_marked_to_the_bid_and_shorts_owe_the_ask() -> None:
    assert ledger.marked(bought(LONG, [(100, 10)]), 90, 91, 1, 1) == 900
    assert ledger.marked(bought(SHORT, [(100, 10)]), 90, 91, 1, 1) == -910
    assert ledger.unrealised(bought(LONG, [(100, 10_000)]), 110, 111, 1, 1) == 100_000 - 10
    assert ledger.unrealised(bought(SHORT, [(100, 10_000)]), 89, 90, 1, 1) == 100_000 - 10
    assert ledger.equity(500, ledger.marked(bought(LONG, [(100, 10)]), 90, 91, 1, 1)) == 1400
