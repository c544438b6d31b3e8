"""The benchmark's strategy against fractions, and every engine's rules against each other."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.backtest.bare import crossover, guarded
from benchmarks.backtest.cases import FAST, SLOW, STOP, Case
from benchmarks.backtest.inputs import arrays_of
from benchmarks.backtest.measure import by_vector
from benchmarks.backtest.strategies import put_crossings, put_crossings_of_sums


@given(st.lists(st.integers(98, 102), min_size=1, max_size=60), st.integers(1, 4), st.integers(5, 9))
def test_crossings_are_those_of_exact_averages(ticks: list[int], fast: int, slow: int) -> None:
    expected, above = [], 0
    for end in range(1, len(ticks) + 1):
        means = [Fraction(sum(ticks[max(0, end - bars) : end]), bars) for bars in (fast, slow)]
        now = 0 if end < slow else (means[0] > means[1]) - (means[0] < means[1])
        expected.append(now if now and now == -above else 0)
        above = now or above
    found, of_sums = np.zeros(len(ticks)), np.zeros(len(ticks), np.int8)
    put_crossings(np.array(ticks) / 100, fast, slow, 100.0, found)
    put_crossings_of_sums(np.concatenate([[0], np.cumsum(ticks)]), fast, slow, of_sums)
    assert found.tolist() == of_sums.tolist() == expected


def test_the_desk_and_the_bare_loop_trade_alike() -> None:
    case = Case("small", "crossover", 20_000)
    arrays = arrays_of(case)
    trades, equity = by_vector(case)()
    assert (trades, round(equity, 4)) == (lambda t, e: (t, round(e, 4)))(
        *crossover(arrays["open"][0], arrays["close"][0], float(case.steps), FAST, SLOW)
    )
    assert trades > 300


def test_they_do_so_with_stops() -> None:
    case = Case("small", "guarded", 20_000)
    arrays = arrays_of(case)
    rows = (arrays[name][0] for name in ("open", "high", "low", "close"))
    trades, equity = by_vector(case)()
    bare_trades, bare_equity = guarded(*rows, float(case.steps), FAST, SLOW, np.array(STOP))
    assert (trades, round(equity, 3)) == (bare_trades, round(bare_equity, 3))
