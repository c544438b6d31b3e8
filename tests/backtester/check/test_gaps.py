"""Knowing only when the next bar comes is look-ahead too."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.check.drawn import drawn
from backtester.check.exam import checked
from backtester.check.futures import STRETCH, after_gaps, interrupted, usual_step
from shared.strategies.market import Market
from tests.backtester.check.cheats import Honest, LeavesBeforeGaps

STEP = 300_000_000
MARKET = drawn(7, 3000, STEP)
DAYS = 1000
"""Steps of a gap longer than any that is made within the stretches."""


def gapped(market: Market, *bars: int) -> Market:
    """With a gap of more than DAYS steps after each of these bars."""
    time = market.open_time.copy()
    for bar in bars:
        time[bar + 1 :] += (DAYS + 1) * STEP
    return replace(market, open_time=time)


def first_ahead(make: partial[LeavesBeforeGaps], market: Market) -> int | None:
    (finding,) = checked(make, market, cuts=200).findings
    assert finding.kind == "look-ahead"
    return finding.index


@pytest.mark.parametrize("bar", [8, 345, 2_970])
def test_a_single_gap_that_is_known_before_it_is_named(bar: int) -> None:
    assert first_ahead(partial(LeavesBeforeGaps, DAYS), gapped(MARKET, bar)) == reached(bar)


def reached(bar: int) -> int:
    """The first bar that stands before the gap where half a stretch after it is left out."""
    return max(8, bar - STRETCH // 2)


def test_of_many_gaps_the_first_is_named() -> None:
    assert first_ahead(partial(LeavesBeforeGaps, DAYS), gapped(MARKET, 77, 78, 79, 90, 2_000, 2_998)) == reached(77)


def test_a_cheat_whose_gap_never_came_is_caught_at_the_first_bar() -> None:
    assert first_ahead(partial(LeavesBeforeGaps, 1), MARKET) == 8


def test_gaps_are_not_held_against_an_honest_strategy() -> None:
    found = checked(Honest, gapped(MARKET, 3, 8, 77, 78, 79, 90, 2_000, 2_997, 2_998), cuts=200)
    assert found.findings == ()
    assert found.looked.gaps > 2_900


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.sets(st.integers(0, 298), max_size=12),
    first=st.integers(1, 120),
    bars=st.integers(1, STRETCH),
    apart=st.integers(0, 90),
)
def test_only_the_stretches_come_at_other_times(gaps: set[int], first: int, bars: int, apart: int) -> None:
    market = gapped(MARKET.between(0, 300), *gaps)
    starts = np.arange(first, 300, bars + 1 + apart)
    other, left = interrupted(market, starts, bars)
    stretched = np.zeros(300, bool)
    for start in starts:
        stretched[start : start + bars] = True
    assert set(np.flatnonzero(~stretched)) <= set(left)
    same = ~stretched[left]
    np.testing.assert_array_equal(other.open_time[same], market.open_time[left][same])
    np.testing.assert_array_equal(other.close[same], market.close[left][same])
    after = dict(zip(left.tolist(), other.open_time.tolist(), strict=True))
    for start in starts:
        if start in after_gaps(market):
            assert after[start] - market.open_time[start - 1] == usual_step(market)
        else:
            assert start not in after
