"""Prices ten times off those of the same pair at the same time are another pair's."""

import pytest

from backtester.data.plausible import ADJACENT, OtherPair, require_same_pair
from shared.strategies.market import PRICES, Market
from shared.timeframes import MINUTE
from tests.backtester.data.candles import market

DAYS = ADJACENT // MINUTE


def scaled(bars: Market, by: float) -> Market:
    return Market(bars.open_time, *(getattr(bars, name) * by for name in PRICES), bars.volume)


@pytest.mark.parametrize("by", [0.09, 11.0])
@pytest.mark.parametrize("first", [0, 50, 100 + DAYS - 1, -100 - DAYS + 1])
def test_overlapping_and_adjacent_bars_of_another_size_are_refused(by: float, first: int) -> None:
    new = scaled(market(100, first=first), by)
    with pytest.raises(OtherPair, match=r"a\.csv: prices near [\d.]+, but near [\d.]+ at that time in b\.csv; nothing"):
        require_same_pair("a.csv", new, [("c.csv", market(0)), ("b.csv", market(100))])


@pytest.mark.parametrize(("by", "first"), [(9.0, 0), (0.12, 0), (1000.0, 101 + DAYS), (1000.0, -101 - DAYS)])
def test_bars_of_the_same_size_or_far_away_pass(by: float, first: int) -> None:
    require_same_pair("a.csv", scaled(market(100, first=first), by), [("b.csv", market(100))])


def test_only_the_bars_near_the_others_are_compared() -> None:
    grown = market(30 * DAYS)
    growth = 1.0 + (grown.open_time - grown.open_time[0]) / ADJACENT
    prices = (getattr(grown, name) * growth for name in PRICES)
    require_same_pair("a.csv", Market(grown.open_time, *prices, grown.volume), [("b.csv", market(100))])
