"""January 2022 of real Bitcoin candles, aggregated to 5 minutes: the desk must find something to do."""

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from shared.indicators.rolling import Floats
from shared.strategies.ensemble import combine
from shared.strategies.market import Market
from shared.strategies.registry import REGISTRY, build

DATA = Path(os.environ.get("PARLEY_DATA", Path(__file__).parents[4] / "shared" / "data"))
CANDLES = DATA / "btc-perp-1m-2022-01.csv"
BAR, DAY = 5 * 60, 24 * 3600
THRESHOLD = 0.35

pytestmark = pytest.mark.skipif(not CANDLES.exists(), reason="the recorded candles are not here")


@pytest.fixture(scope="module")
def month() -> Market:
    with CANDLES.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    seconds = np.array([datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() for row in rows])
    open_, high, low, close, volume = np.array([[float(cell) for cell in row[1:6]] for row in rows]).T
    bar = seconds.astype(np.int64) // BAR
    first = np.flatnonzero(np.r_[True, bar[1:] != bar[:-1]])
    last = np.r_[first[1:], len(bar)] - 1
    return Market(
        open_time=bar[first] * BAR * 1_000_000,
        open=open_[first],
        high=np.maximum.reduceat(high, first),
        low=np.minimum.reduceat(low, first),
        close=close[last],
        volume=np.add.reduceat(volume, first),
    )


@pytest.fixture(scope="module")
def scores(month: Market) -> dict[str, Floats]:
    return {name: build(name).score(month) for name in REGISTRY}


def test_ensemble_enters_and_turns_bearish_all_over_the_month(month: Market, scores: dict[str, Floats]) -> None:
    weights = dict.fromkeys(REGISTRY, 0.2)
    bars = [dict(zip(scores, at, strict=True)) for at in zip(*(s.tolist() for s in scores.values()), strict=True)]
    ensemble = np.array([combine(bar, weights).score for bar in bars])
    week = (month.open_time - month.open_time[0]) // (7 * DAY * 1_000_000)
    for wanted in (ensemble >= THRESHOLD, ensemble <= -THRESHOLD):
        assert np.count_nonzero(wanted) >= 150
        assert set(week[wanted]) >= {0, 1, 2, 3}


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - {"news_driven"}))
def test_each_strategy_enters_both_ways(name: str, scores: dict[str, Floats]) -> None:
    assert np.count_nonzero(scores[name] >= THRESHOLD) >= 5
    assert np.count_nonzero(scores[name] <= -THRESHOLD) >= 5


def test_live_windows_score_what_the_whole_month_scores(month: Market, scores: dict[str, Floats]) -> None:
    for name, whole in scores.items():
        strategy = build(name)
        for at in [*np.flatnonzero(whole)[::25], *range(strategy.warmup - 1, len(month), 400)]:
            window = month.between(at - strategy.warmup + 1, at + 1)
            assert strategy.score(window)[-1] == whole[at], (name, at)
