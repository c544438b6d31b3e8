"""The account beside every run: equal shares bought as soon as each can be, and held."""

from typing import Any

import numpy as np
import pytest

from backtester.runs.outcome import Outcome
from backtester.runs.run import run
from shared.strategies.market import Market
from tests.backtester.event.markets import MINUTE, START, plan_on

BARS = 400


def rising(begin: int, count: int, first: float, last: float) -> Market:
    price = np.round(np.linspace(first, last, count), 2)
    time = START + MINUTE * (begin + np.arange(count))
    return Market(time, price, price + 0.05, price - 0.05, price, np.ones(count))


def played(**asked: Any) -> Outcome:
    """A triples; B is listed for the last tenth, and gains a half."""
    markets = {"A/USD": rising(0, BARS, 100, 300), "B/USD": rising(360, 40, 10, 15)}
    usual = {"desk": {}, "timeframe": "1m", "engine": "vector", "council": "none", "learning": "off"}
    return run(plan_on(2, **(usual | asked)), markets)


def test_nobody_waits_for_the_last_to_be_listed() -> None:
    one = played()
    assert one.hold[0] == 10_000
    assert one.hold[200] == pytest.approx(5_000 + 5_000 * 2.0, rel=2e-3)
    assert one.benchmark.total_return == pytest.approx(0.5 * 2.0 + 0.5 * 0.5)


def test_the_whole_run_is_in_the_market_and_cash_that_waits_is_not() -> None:
    one = played()
    assert one.benchmark.time_in_market == 1.0
    waiting = 5_000 / one.hold[:360]
    assert one.benchmark.average_exposure == pytest.approx(1 - waiting.sum() / BARS)
    assert (one.benchmark.fees, one.benchmark.win_rate) == (0.0, None)


def test_it_begins_with_the_run_and_not_with_the_candles() -> None:
    one = played(start=START + 200 * MINUTE)
    assert one.hold[0] == 10_000
    assert one.time[0] == START + 200 * MINUTE
    assert one.benchmark.total_return == pytest.approx(0.5 * (300 / 200.25 - 1) + 0.5 * 0.5, rel=1e-3)
    assert one.benchmark.time_in_market == 1.0
