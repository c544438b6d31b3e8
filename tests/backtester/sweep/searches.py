"""Small searches on candles from a seed: hours, two symbols, enough of a trend that swing trades."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backtester.runs.plan import Plan, chosen, desk_of, planned
from backtester.sweep.crew import Crew
from backtester.sweep.names import SamplerName
from backtester.sweep.record import Place, identity, opened
from backtester.sweep.search import Told, searched
from backtester.sweep.space import space_of
from backtester.sweep.trial import Trial, Work
from shared.config import load_settings
from shared.strategies.market import Market
from shared.timeframes import length

START = 1_640_995_200_000_000
HOUR = length("1h")
RANGES = ("swing.floor=0.1:0.6", "momentum.adx_above=10:40:5")
ALONE = Crew("loky", 1)


def hours(count: int, seed: int = 1) -> Market:
    """Prices in cents, that wander with a trend which turns."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0, 0.002, count // 100 + 1), 100)[:count]
    close = np.round(100 * np.exp(np.cumsum(drift + random.normal(0, 0.006, count))), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    low, high = np.minimum(opened, close), np.maximum(opened, close)
    spread = np.round(random.random(count) * 0.4, 2)
    time = START + np.arange(count) * HOUR
    return Market(time, opened, high + spread, low - spread, close, random.random(count) * 1000)


def plan(names: Sequence[str] = ("momentum", "swing"), symbols: Sequence[str] = ("BTC/USD",), **values: Any) -> Plan:
    return planned(
        {
            "symbols": tuple(symbols),
            "base_timeframe": "1h",
            "timeframe": "1h",
            "engine": "vector",
            "council": "none",
            "learning": "off",
            "strategies": [choice.model_dump() for choice in chosen(names)],
            "desk": desk_of(load_settings()),
            **values,
        }
    )


def markets(symbols: Sequence[str] = ("BTC/USD",), count: int = 1500) -> dict[str, Market]:
    return {symbol: hours(count, seed) for seed, symbol in enumerate(symbols, 1)}


def work(
    trials: int = 20, ranges: Sequence[str] = RANGES, *, weights: bool = False, count: int = 1500, **values: Any
) -> Work:
    made = {"objective": "total_return"} | values
    asked = made.pop("plan", None) or plan()
    return Work(asked, markets(asked.symbols, count), space_of(ranges, asked, weights=weights), trials=trials, **made)


def search(
    task: Work,
    folder: Path,
    sampler: SamplerName = "tpe",
    crew: Crew = ALONE,
    told: Told = lambda done: None,
    place: Place | None = None,
) -> list[Trial]:
    known = identity(task, sampler)
    with opened(place or Place.of(None, None, folder, known), task, known) as record:
        return searched(task, sampler, record, crew, told)


def made(trials: Sequence[Trial]) -> list[tuple[int, Mapping[str, object], float | None, list[float]]]:
    """All that must be the same."""
    return [(trial.number, dict(trial.params), trial.value, trial.returns.tolist()) for trial in trials]
