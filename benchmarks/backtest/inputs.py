"""The bars of a case: for ours as markets, for the peers as arrays in a file, with the exact signals and our ATR."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.data import parquet
from backtester.data.store import CandleStore
from benchmarks.backtest.cases import FAST, PAIRS, SLOW, Case
from benchmarks.backtest.data import random_walk
from benchmarks.backtest.strategies import Crossover
from benchmarks.prove import DATA, MONTH
from shared.indicators.computed import indicators_of
from shared.strategies.market import Market
from shared.timeframes import MINUTE

BUILD = Path("build/bench-backtest")
Arrays = dict[str, NDArray[Any]]


@cache
def markets_of(case: Case) -> dict[str, Market]:
    """By symbol, in alphabetical order."""
    if case.real:
        return {"RND/SIM": _month(case.bars)}
    names = ["RND/SIM"] if case.symbols == 1 else [f"R{number:02}/SIM" for number in range(case.symbols)]
    walks = (random_walk(case.bars, seed, case.minutes) for seed in range(1, len(names) + 1))
    return {name: walk.market(case.steps) for name, walk in zip(names, walks, strict=True)}


@cache
def arrays_of(case: Case) -> Arrays:
    """Prices and signals (S, n), `steps`, ATR in ticks where there is a stop; of a sweep signals (P, n) and pairs."""
    markets = list(markets_of(case).values())
    arrays: Arrays = {
        name: np.array([getattr(market, name) for market in markets]) for name in ("open", "high", "low", "close")
    }
    arrays["steps"] = np.array(float(case.steps))
    if case.kind == "sweep":
        scores = [Crossover(*pair, case.steps).score(markets[0]).astype(np.int8) for pair in PAIRS]
        return arrays | {"signals": np.array(scores), "pairs": np.array(PAIRS)}
    arrays["signal"] = np.array([Crossover(FAST, SLOW, case.steps).score(market) for market in markets])
    if case.kind == "guarded":
        known = np.array([[float(f"{atr:.10g}") for atr in indicators_of(market).atr] for market in markets])
        arrays["atr"] = np.floor(known * case.steps * 1e6 + 0.5) / 1e6
        arrays["signal"][np.isnan(known)] = 0.0  # the desk enters nothing without an ATR
    return arrays


def file_of(case: Case) -> Path:
    """The arrays as the peers read them."""
    path = BUILD / f"{case.name.replace(' ', '-').replace(',', '')}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays_of(case))  # type: ignore[arg-type]  # its stub takes a flag there
    return path


def folder(case: Case) -> Path:
    """A data folder with the case's candles in its store."""
    path = CandleStore(BUILD).path("file", "RND/USD", "1m")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write(path, random_walk(case.bars, 1).market(case.steps))
    return BUILD


def _month(bars: int) -> Market:
    columns = np.loadtxt(DATA / MONTH, delimiter=",", skiprows=1, usecols=range(1, 6), max_rows=bars)
    times = np.loadtxt(DATA / MONTH, delimiter=",", skiprows=1, usecols=0, max_rows=bars, dtype="datetime64[us]")
    return Market(times.astype(np.int64) // MINUTE * MINUTE, *(column.copy() for column in columns.T))
