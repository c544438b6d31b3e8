"""The seeded market: the same for a seed, and with something in it for every strategy."""

from itertools import pairwise
from math import log
from statistics import correlation, pstdev

import pytest

from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.market_seeded import GENESIS, MINUTE, SeededMarket


@pytest.fixture(scope="module")
def market() -> SeededMarket:
    return SeededMarket(["ETH/USD", "BTC/USD"], seed=7)


def returns(market: SeededMarket, symbol: str, bars: int = 60) -> list[float]:
    closes = market.series(symbol).closes[::bars]
    return [log(b / a) for a, b in pairwise(closes)]


def test_bars_are_whole_and_follow_each_other(market: SeededMarket) -> None:
    for symbol in market.pairs:
        series = market.series(symbol)
        bars = [series[index] for index in range(len(series))]
        assert [bar.time for bar in bars] == [GENESIS + n * MINUTE for n in range(len(bars))]
        assert all(0 < b.low <= min(b.open, b.close) and max(b.open, b.close) <= b.high and b.volume > 0 for b in bars)
        assert all(later.open == earlier.close for earlier, later in pairwise(bars))


def test_a_seed_is_a_market_and_another_seed_another(market: SeededMarket) -> None:
    again, other = SeededMarket(["BTC/USD", "ETH/USD"], seed=7), SeededMarket(["BTC/USD"], seed=8)
    assert again.series("BTC/USD").closes == market.series("BTC/USD").closes
    assert other.series("BTC/USD").closes != market.series("BTC/USD").closes


def test_a_symbols_bars_do_not_depend_on_its_company(market: SeededMarket) -> None:
    assert SeededMarket(["BTC/USD"], seed=7).series("BTC/USD").closes == market.series("BTC/USD").closes


def test_it_never_ends_and_grows_the_same_way() -> None:
    grown = SeededMarket(["BTC/USD"], seed=7)
    far = grown.first_step + 3000
    assert grown.instant(far) == GENESIS + far * MINUTE
    assert len(grown.series("BTC/USD")) > far
    assert grown.steps_total is None


def test_assets_move_together_but_not_as_one(market: SeededMarket) -> None:
    together = correlation(returns(market, "BTC/USD", 1), returns(market, "ETH/USD", 1))
    assert 0.15 < together < 0.8


def test_there_are_trends_ranges_and_jumps(market: SeededMarket) -> None:
    hourly, minutely = returns(market, "BTC/USD"), returns(market, "BTC/USD", 1)
    # Independent minutes would give sqrt(60) times a minute's spread; trends give more.
    assert pstdev(hourly) > 1.15 * 60**0.5 * pstdev(minutely)
    assert max(map(abs, minutely)) > 6 * pstdev(minutely)
    quiet = sorted(abs(r) for r in hourly)[: len(hourly) // 4]
    assert max(quiet) < pstdev(hourly) / 2


def test_symbols_it_cannot_play_are_refused() -> None:
    with pytest.raises(BadConfiguration, match="mixes the quotes"):
        SeededMarket(["BTC/USD", "ETH/BTC"], seed=1)
    with pytest.raises(BadConfiguration, match="needs symbols"):
        SeededMarket([], seed=1)
