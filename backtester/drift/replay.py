"""The backtest of a period that the desk traded, and how the two compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from backtester.drift.books import Books, books, equity_at, markets, roster
from backtester.drift.compare import Drift, compared
from backtester.drift.reasons import Reasons
from backtester.runs.instruments import instrument_of
from backtester.runs.outcome import Outcome
from backtester.runs.plan import Costs, Plan, StrategyChoice, desk_of, planned
from services.signal_generator.core import SNAPSHOT_BARS
from shared.config import Settings
from shared.errors import ConfigError
from shared.strategies.market import Market
from shared.timeframes import duration, length, to_microseconds

EngineName = Literal["event", "vector"]


@dataclass(frozen=True, slots=True)
class Period:
    """What the desk did in [since, until), and the plan and bars on which a backtest does the same."""

    since: datetime
    until: datetime
    books: Books
    plan: Plan
    markets: Mapping[str, Market]

    @property
    def without_bars(self) -> tuple[str, ...]:
        """Symbols that the desk traded and has no candles of."""
        return tuple(sorted({trade.symbol for trade in self.books.trades} - set(self.markets)))


async def period(
    connection: AsyncConnection, settings: Settings, since: datetime, until: datetime, engine: EngineName
) -> Period:
    """Read from the desk's database. ConfigError: no candles, no strategies, or nothing that a plan can be made of."""
    choices = await roster(connection, since)
    if not choices:
        raise ConfigError(f"--since {since:%Y-%m-%d %H:%M}: no strategy of the desk had a weight then")
    warm = max(choice.built().warmup for choice in choices)
    bars = warm if engine == "vector" or settings.council == "none" else max(warm, SNAPSHOT_BARS)
    start = since - bars * duration(settings.timeframe)
    found = await markets(connection, settings.symbols, settings.base_timeframe, start, until)
    if not any(to_microseconds(since) <= int(market.open_time[-1]) for market in found.values()):
        raise ConfigError(
            f"--since {since:%Y-%m-%d %H:%M}: the desk has no {settings.base_timeframe} candles of "
            f"{', '.join(settings.symbols)} from then on; `parley data backfill` fetches what the venue still has"
        )
    money = await equity_at(connection, since)
    plan = plan_of(settings, choices, tuple(found), money or settings.initial_balance, engine, since)
    return Period(since, until, await books(connection, since, until), plan, found)


def plan_of(
    settings: Settings,
    choices: Sequence[StrategyChoice],
    symbols: tuple[str, ...],
    balance: Decimal,
    engine: EngineName,
    since: datetime,
) -> Plan:
    """The desk's own settings; the vector engine knows no council and no learning.

    The first decision is that of the bar which closes at `since`; what is before only warms strategies up.
    """
    alone = engine == "vector"
    return planned(
        {
            "symbols": symbols,
            "base_timeframe": settings.base_timeframe,
            "timeframe": settings.timeframe,
            "start": to_microseconds(since) - length(settings.base_timeframe),
            "engine": engine,
            "strategies": [choice.model_dump() for choice in choices],
            "council": "none" if alone else settings.council,
            "learning": "off" if alone else settings.learning,
            "costs": Costs(taker_fee=settings.taker_fee, maker_fee=settings.maker_fee).model_dump(),
            "desk": desk_of(settings) | {"initial_balance": str(balance)},
        }
    )


def drifted(known: Period, outcome: Outcome) -> Drift:
    """The desk's trades against the backtest's; what the backtest did before the period began does not count."""
    first = to_microseconds(known.since)
    made = [trade for trade in outcome.trades if trade.entry_time >= first]
    step = length(known.plan.timeframe)
    why = Reasons(known.books, made, outcome.held, step)
    prices = Prices(known.markets, length(known.plan.base_timeframe))
    ticks = {symbol: instrument_of(symbol, market, known.plan).tick for symbol, market in known.markets.items()}
    return compared(known.books.trades, made, step, prices.at, why.missing, why.extra, ticks.get)


@dataclass(frozen=True, slots=True)
class Prices:
    """The market's prices as base bars tell them, which are `step` microseconds long."""

    markets: Mapping[str, Market]
    step: int

    def at(self, symbol: str, time: int) -> Decimal | None:
        """The open of the bar that holds the time, else the close of the one before; None before the first."""
        market = self.markets.get(symbol)
        if market is None:
            return None
        place = int(np.searchsorted(market.open_time, time, side="right")) - 1
        if place < 0:
            return None
        inside = time < int(market.open_time[place]) + self.step
        return Decimal(repr(float(market.open[place] if inside else market.close[place])))
