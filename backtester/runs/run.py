"""Runs a plan: candles from the store, one of the two engines, the outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backtester.data.store import CandleStore, fingerprint
from backtester.metrics.benchmark import buy_and_hold
from backtester.runs.code import code_of
from backtester.runs.instruments import instrument_of
from backtester.runs.outcome import Candles, Outcome
from backtester.runs.plan import Plan
from backtester.runs.trade import OpenTrade, Trade
from services.signal_generator.core import SNAPSHOT_BARS
from shared.broker.base import Instrument
from shared.strategies.market import Market
from shared.timeframes import length


@dataclass(frozen=True, slots=True)
class Played:
    """What an engine gives; see Outcome."""

    time: NDArray[np.int64]
    equity: NDArray[np.float64]
    trades: tuple[Trade, ...]
    cash: Decimal
    held: Mapping[str, Decimal]
    refusals: Mapping[str, int]
    open_trades: tuple[OpenTrade, ...]


Progress = Callable[[int, int], object]
"""Told how many of how many bars are played, now and then."""


class Engine(Protocol):
    """Plays base bars by symbol. ConfigError names what it can't express."""

    def __call__(
        self,
        plan: Plan,
        markets: Mapping[str, Market],
        instruments: Mapping[str, Instrument],
        *,
        progress: Progress = ...,
    ) -> Played: ...


def unheard(_done: int, _of: int) -> None:
    """Nobody wants to know."""


def loaded(plan: Plan, store: CandleStore) -> dict[str, Market]:
    """The plan's base bars by symbol, with those before its start that warm strategies up, as far as they are stored.

    ConfigError names what is not stored.
    """
    venue, base, end = plan.venue, plan.base_timeframe, plan.end
    markets = {symbol: store.load(venue, symbol, base, _warm_from(plan), end) for symbol in sorted(plan.symbols)}
    for symbol in markets:
        if not len(markets[symbol].since(plan.start)):
            store.load(venue, symbol, base, plan.start, end)  # which says what there is instead
    return markets


def _warm_from(plan: Plan) -> int | None:
    if plan.start is None:
        return None
    bars = max(SNAPSHOT_BARS, *(choice.built().warmup for choice in plan.strategies))
    return max(0, plan.start - (bars + 1) * length(plan.timeframe))


def run(plan: Plan, markets: Mapping[str, Market], progress: Progress = unheard) -> Outcome:
    """The plan played on these base bars by symbol; those before its start are only looked back at.

    ConfigError names what its engine can't express.
    """
    instruments = {symbol: instrument_of(symbol, market, plan) for symbol, market in markets.items()}
    began = perf_counter()
    played = _engine(plan)(plan, markets, instruments, progress=progress)
    seconds = perf_counter() - began
    return Outcome(
        plan=plan,
        code=code_of(plan),
        candles={symbol: _identified(market) for symbol, market in markets.items()},
        time=played.time,
        equity=played.equity,
        hold=_held(plan, markets, played.time),
        trades=played.trades,
        cash=played.cash,
        held=played.held,
        refusals=played.refusals,
        seconds=seconds,
        open_trades=played.open_trades,
    )


def _engine(plan: Plan) -> Engine:
    if plan.engine == "vector":
        from backtester.vector.engine import played_by_vector

        return played_by_vector
    from backtester.event.engine import played_by_event

    return played_by_event


def _identified(market: Market) -> Candles:
    times = market.open_time
    return Candles(fingerprint(market), len(times), int(times[0]), int(times[-1]))


def _held(plan: Plan, markets: Mapping[str, Market], time: NDArray[np.int64]) -> NDArray[np.float64]:
    """Equal shares, each bought at its symbol's own first open; in cash until then."""
    prices = {symbol: _prices_at(market.since(plan.start), time) for symbol, market in markets.items()}
    return buy_and_hold(time, prices, float(plan.settings.initial_balance)).equity


def _prices_at(market: Market, time: NDArray[np.int64]) -> NDArray[np.float64]:
    """The open where a bar opens, else the last close; nan before the first bar."""
    place = np.searchsorted(market.open_time, time, side="right") - 1
    opens = market.open_time[place] == time
    known = np.where(opens, market.open[place], market.close[place])
    return np.where(place >= 0, known, np.nan)
