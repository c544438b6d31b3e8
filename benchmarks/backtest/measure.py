"""One case on one of our own engines, in a process of its own: `python -m benchmarks.backtest.measure ENGINE CASE`."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from backtester.compiled import compiled
from backtester.data.store import CandleStore
from backtester.runs.plan import Plan, chosen, desk_of, planned
from backtester.runs.run import loaded, run
from backtester.vector import sweep
from backtester.vector.arrays import prices_of
from backtester.vector.engine import MONEY, grid_of, simulated_on, steps_of, terms_of
from backtester.vector.state import NEVER, NO_BREAKEVEN, Floats, Ints, Tape, Terms
from backtester.vector.voices import voices_of
from benchmarks.backtest import bare
from benchmarks.backtest.cases import CASES, FAST, FEE, LOT, PAIRS, POSITION, SHARED_POSITION, SLOW, STOP, Case
from benchmarks.backtest.data import random_walk
from benchmarks.backtest.inputs import arrays_of, folder, markets_of
from benchmarks.backtest.peers.peak import peak_mb
from benchmarks.backtest.strategies import Crossover, put_crossings_of_sums
from shared.broker.base import Instrument
from shared.config import load_settings
from shared.indicators.computed import indicators_of
from shared.portfolio.exact import FRACTION
from shared.strategies.facing import facings_of
from shared.strategies.market import Market

Found = tuple[int, float]
"""Closed trades and the final equity; of a sweep, their sums."""
REPEATS = 7
SLOW_CASES = {"desk": 2, "plan": 2, "sweep": 3}
WHOLE = FRACTION
ALONE = {"council": "none", "learning": "off"}
UNLIMITED = {
    "max_position": POSITION,
    "max_exposure": 1,
    "risk_per_trade": 1,
    "max_positions": 1,
    "max_daily_loss": 1,
    "max_drawdown": 1,
    "stop_atr": 1_000,
    "take_profit_r": 1_000,
    "max_hold_bars": 10**8,
}
"""A desk's settings that hold a single crossover back nowhere."""


def main() -> None:
    """Prepare, run once, run again, print what it took as JSON."""
    engine, name = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    play = ENGINES[engine](case)
    began = time.perf_counter()
    trades, equity = play()
    first = best = time.perf_counter() - began
    for _ in range(SLOW_CASES.get(case.kind, REPEATS)):
        began = time.perf_counter()
        play()
        best = min(best, time.perf_counter() - began)
    peak = peak_mb()
    found = {"trades": trades, "final_equity": equity, "seconds": best, "first_seconds": first, "peak_mb": peak}
    print(json.dumps(found | {"note": ""}))


def by_bare_loop(case: Case) -> Callable[[], Found]:
    """The limit; a desk has none."""
    arrays = arrays_of(case)
    opened, high, low, close = (arrays[name] for name in ("open", "high", "low", "close"))
    crossing = (float(case.steps), FAST, SLOW)
    if case.kind == "crossover":
        return lambda: bare.crossover(opened[0], close[0], *crossing)
    if case.kind == "shared":
        return lambda: bare.shared_cash(opened, close, *crossing, SHARED_POSITION)
    if case.kind == "guarded":
        return lambda: bare.guarded(opened[0], high[0], low[0], close[0], *crossing, np.array(STOP))
    return lambda: _bare_sweep(opened[0], close[0], float(case.steps), arrays["pairs"])


def _bare_sweep(opened: Floats, close: Floats, steps: float, pairs: Ints) -> Found:
    trades, equity = np.zeros(len(pairs), np.int64), np.zeros(len(pairs))
    middle = len(pairs) // 2
    with ThreadPoolExecutor(2) as pool:
        for part in (slice(0, middle), slice(middle, None)):
            pool.submit(bare.swept, opened, close, steps, pairs[part], trades[part], equity[part])
    return int(trades.sum()), float(equity.sum())


def by_vector(case: Case) -> Callable[[], Found]:
    """Our compiled loop, from candles as strategies see them to trades and equity; a desk begins with its file."""
    if case.kind in PLAYED:
        return PLAYED[case.kind](case, "vector")
    markets = markets_of(case)
    terms = terms_for(case)
    instruments = {symbol: instrument(symbol, case.steps) for symbol in markets}
    if case.kind == "sweep":
        return lambda: _swept(markets, instruments, terms)
    strategy = Crossover(FAST, SLOW, case.steps)
    settings = _settings(case, markets)

    def play() -> Found:
        fresh = {symbol: market.between(0, len(market)) for symbol, market in markets.items()}
        frame = settings.timeframe
        voices = voices_of(fresh, {strategy.name: strategy}, frame, frame)
        result = simulated_on(fresh, instruments, voices, {strategy.name: 1.0}, settings, terms)
        return len(result.rows), result.worth / MONEY

    return play


def _settings(case: Case, symbols: Mapping[str, Market]) -> Any:
    timeframe = {1: "1m", 60: "1h"}[case.minutes]
    names = {"symbols": ",".join(symbols), "timeframe": timeframe, "base_timeframe": timeframe}
    return load_settings(database_url="", redis_url="", council="none", learning="off", **names)


def _swept(markets: Mapping[str, Market], instruments: Mapping[str, Instrument], terms: Terms) -> Found:
    grids = {symbol: grid_of(instruments[symbol], symbol) for symbol in markets}
    time_ = next(iter(markets.values())).open_time
    prices = prices_of(time_, markets, grids)
    nothing = np.zeros((0, 1))
    tape = Tape(time_, prices, np.zeros((1, 0), np.int64), np.zeros(0, np.int64), nothing, nothing)
    crossings = Crossings(np.concatenate([[0], np.cumsum(prices[3, 0])]))
    found = sweep.swept(tape, crossings, None, steps_of(instruments, grids), terms, threads=2)
    return int(found.trades.sum()), float(found.worth.sum() / MONEY)


class Crossings:
    """The crossings of every pair, computed when their turn comes; `sums` (n + 1,) of ticks."""

    def __init__(self, sums: Ints) -> None:
        self._sums = sums

    def __len__(self) -> int:
        return len(PAIRS)

    def __getitem__(self, number: int) -> Any:
        score = np.zeros(len(self._sums) - 1, np.int8)
        compiled(put_crossings_of_sums)(self._sums, *PAIRS[number], score)
        return score


def terms_for(case: Case) -> Terms:
    """All limits out of the way: a fixed share of the equity in each trade, a fee, and the stop where one is asked."""
    share = SHARED_POSITION if case.kind == "shared" else POSITION
    stop, breakeven, trailing, step = STOP if case.kind == "guarded" else (0.0, NO_BREAKEVEN, 1.0, 0.0)
    return terms_of(_settings(case, {"RND/SIM": None}), 0)._replace(  # type: ignore[dict-item]  # only its name
        taker_fee=round(FEE * WHOLE),
        max_positions=case.symbols,
        max_position=round(share * WHOLE),
        max_exposure=WHOLE,
        risk_per_trade=WHOLE,
        max_daily_loss=WHOLE,
        max_drawdown=WHOLE,
        stop_atr=stop,
        breakeven_atr=breakeven,
        trailing_atr=trailing,
        trailing_step_atr=step,
        take_profit_r=0.0,
        max_hold_bars=NEVER,
    )


def instrument(symbol: str, steps: int) -> Instrument:
    """So many ticks in one, lots of 1e-8, no minimum; a quote currency that is booked to its last unit."""
    return Instrument(symbol, 1 / Decimal(steps), Decimal(str(LOT)), Decimal(str(LOT)), Decimal(0))


def desk(case: Case, engine: str) -> Callable[[], Found]:
    """One plan from end to end: Parquet, five strategies, the engine, the outcome's trades."""
    store = CandleStore(folder(case))
    names = ("momentum", "mean_reversion", "breakout", "swing", "news_driven")
    plan: Plan = planned(
        {
            "symbols": ("RND/USD",),
            "timeframe": "1m",
            "strategies": [choice.model_dump() for choice in chosen(names)],
            "desk": desk_of(load_settings()),
            "engine": engine,
            **ALONE,
        }
    )

    def play() -> Found:
        indicators_of.cache_clear()  # a user's process scores one history, not one after the other
        facings_of.cache_clear()
        outcome = run(plan, loaded(plan, store))
        return len(outcome.trades), float(outcome.equity[-1])

    return play


def desk_crossover(case: Case, engine: str) -> Callable[[], Found]:
    """The crossover as a plan says it, on candles as strategies see them.

    A desk has a stop in any case. Here it lies so far away that nothing reaches it, but it still goes to the entry once
    two ATR are gained; every other limit is out of the way.
    """
    markets = {"RND/USD": random_walk(case.bars, 1).market(case.steps)}
    file = Path(__file__).with_name("strategies.py")
    plan = planned(
        {
            "symbols": tuple(markets),
            "timeframe": "1m",
            "strategies": [
                {
                    "name": f"{file}:Crossover",
                    "params": {"fast": FAST, "slow": SLOW, "steps": case.steps},
                    "weight": 1.0,
                }
            ],
            "desk": desk_of(load_settings(**UNLIMITED)),
            "costs": {"taker_fee": FEE, "maker_fee": FEE, "half_spread": 0, "min_cost": 0},
            "engine": engine,
            **ALONE,
        }
    )

    def play() -> Found:
        outcome = run(plan, {symbol: market.between(0, len(market)) for symbol, market in markets.items()})
        return len(outcome.trades), float(outcome.equity[-1])

    return play


PLAYED: Mapping[str, Callable[[Case, str], Callable[[], Found]]] = {"desk": desk, "plan": desk_crossover}


def by_event(case: Case) -> Callable[[], Found]:
    """The event engine runs the whole desk: what a plan can say."""
    return PLAYED[case.kind](case, "event")


ENGINES: Mapping[str, Callable[[Case], Callable[[], Found]]] = {
    "parley-vector": by_vector,
    "parley-event": by_event,
    "bare-loop": by_bare_loop,
}

if __name__ == "__main__":
    main()
