"""Which bars a strategy is checked on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtester.check.subjects import Subject, Wanted, subjects
from backtester.data.checks import checked
from backtester.data.store import CandleStore
from shared.errors import ConfigError
from tests.backtester.data.candles import NOW, believed, market, rows, same

BARS = market(3000)


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    """One-minute bars of two pairs from `file`, and five-minute ones of the first from `kraken`."""
    filled = CandleStore(tmp_path)
    for symbol in ("BTC/USD", "ETH/USD"):
        filled.merge("file", symbol, believed(BARS))
    filled.merge("kraken", "BTC/USD", checked(rows(market(700, seed=2, minutes=5)), "5m", NOW))
    return filled


def found(store: CandleStore, wanted: Wanted) -> list[Subject]:
    return list(subjects(store, wanted, seed=1))


def test_every_stored_pair_once_by_its_longest_bars(store: CandleStore) -> None:
    names = [subject.name for subject in found(store, Wanted("5m"))]
    assert names == ["BTC/USD 5m from kraken", "ETH/USD 5m from file"]
    assert [subject.name for subject in found(store, Wanted("1m"))] == ["BTC/USD 1m from file", "ETH/USD 1m from file"]


def test_longer_bars_are_made_of_shorter_ones_and_sentiment_is_drawn(store: CandleStore) -> None:
    (subject,) = found(store, Wanted("15m", ["BTC/USD"], "file"))
    assert len(subject.market) == 200
    assert subject.market.close[0] == BARS.close[14]
    mood = subject.market.sentiment
    assert mood is not None
    assert 0.1 < np.isnan(mood).mean() < 0.3


def test_the_range_is_that_which_was_asked_for(store: CandleStore) -> None:
    start, end = int(BARS.open_time[100]), int(BARS.open_time[250])
    (subject,) = found(store, Wanted("1m", ["ETH/USD"], None, start, end))
    assert same(replace(subject.market, sentiment=None), BARS.between(100, 250))


def test_where_nothing_is_stored_the_market_is_drawn(tmp_path: Path) -> None:
    (subject,) = found(CandleStore(tmp_path), Wanted("1h"))
    assert subject.name == "a market drawn from seed 1, as no candles are stored"
    assert len(subject.market) == 6000
    assert (np.diff(subject.market.open_time) == 3_600_000_000).all()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("1m", ["SOL/USD"]), "no candles of SOL/USD are stored that make 1m"),
        (Wanted("1m", ["BTC/USD"], "kraken"), "no candles of BTC/USD from kraken are stored that make 1m"),
        (Wanted("5m", None, "binance"), "no candles of anything from binance"),
        (Wanted("1m", ["BTC/USD"], None, int(BARS.open_time[-1]) + 60_000_000), "in that range"),
    ],
)
def test_what_is_not_stored_is_named(store: CandleStore, wanted: Wanted, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        found(store, wanted)
    assert said in str(caught.value)


def test_too_few_bars_are_refused(store: CandleStore) -> None:
    (subject,) = found(store, Wanted("15m", ["ETH/USD"]))
    subject.require(100)
    with pytest.raises(ConfigError, match="200 bars are too few for a warm-up of 101; at least 201 are needed"):
        subject.require(101)
