"""Where the windows, the strategies and their weights come from, and where signals are kept."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import DateTime, Row, bindparam, text
from sqlalchemy.dialects.postgresql import insert

from services.signal_generator.core import Roster, View, extended, microseconds, normalised, view
from shared import candles, models, sentiment
from shared.errors import ConfigError, Retryable
from shared.redis_streams.transaction import Transaction
from shared.schemas.market import CandleClosed
from shared.schemas.signals import SignalGenerated
from shared.strategies.base import Strategy
from shared.strategies.market import Market
from shared.strategies.registry import build

READS_SENTIMENT = "news_driven"

_ROSTER = text(f"""
    select name, parameters, {sentiment.HAS_NEWS} as has_news, (
        select weight from weights
        where scope = 'strategies' and weights.name = strategies.name and effective_from <= :at
        order by effective_from desc limit 1
    ) as weight
    from strategies where is_active order by name
""").bindparams(bindparam("at", type_=DateTime(timezone=True)))


@dataclass(frozen=True, slots=True)
class Setup:
    """The roster as of a time, and whether any news of the symbol was known then."""

    roster: Roster
    has_news: bool


async def setup_as_of(tx: Transaction, symbol: str, at: datetime) -> Setup:
    """Active strategies, their parameters and weights at `at`. Retryable while they can't be used as they stand."""
    rows = (await tx.execute(_ROSTER, {"symbol": symbol, "at": at})).all()
    try:
        return Setup(_roster(rows), any(row.has_news for row in rows))
    except (ConfigError, ValueError) as error:
        raise Retryable(f"the strategies can't run as they stand in the database: {error}") from error


def _roster(rows: Sequence[Row[Any]]) -> Roster:
    if not rows:
        return Roster({}, {})
    strategies = {row.name: _built(row.name, json.dumps(row.parameters, sort_keys=True)) for row in rows}
    return Roster(strategies, normalised({row.name: row.weight or 0.0 for row in rows}))


@lru_cache(maxsize=64)
def _built(name: str, parameters: str) -> Strategy:
    return build(name, json.loads(parameters))


@dataclass(frozen=True, slots=True)
class _Window:
    market: Market
    bars: int
    epoch: int | None


class Windows:
    """The last bars of each symbol, kept while candles follow each other, and read again wherever they do not.

    `epoch` names the current hold on a symbol's partition: in another's hands a window may have been revised.
    """

    def __init__(self, timeframe_length: timedelta, epoch: Callable[[str], int | None] = lambda symbol: None) -> None:
        self._step = timeframe_length // timedelta(microseconds=1)
        self._epoch = epoch
        self._kept: dict[str, _Window] = {}

    async def including(self, tx: Transaction, candle: CandleClosed, bars: int) -> Market:
        """The last `bars` bars up to the candle, fewer at the beginning of a market."""
        kept, epoch = self._kept.get(candle.symbol), self._epoch(candle.symbol)
        if kept is None or (kept.bars, kept.epoch) != (bars, epoch) or not self._follows(kept.market, candle):
            earlier = await candles.window(
                await tx.connection(), candle.symbol, candle.timeframe, candle.open_time, bars - 1
            )
        else:
            earlier = kept.market
        market = extended(earlier, candle, bars)
        self._kept[candle.symbol] = _Window(market, bars, epoch)
        return market

    def forget(self, symbol: str) -> None:
        """Read the symbol's bars again at its next candle."""
        self._kept.pop(symbol, None)

    def _follows(self, market: Market, candle: CandleClosed) -> bool:
        return int(market.open_time[-1]) + self._step == microseconds(candle)


async def with_sentiment(tx: Transaction, market: Market, candle: CandleClosed, roster: Roster) -> Market:
    """The market with the levels known at the closes that the news strategy looks at, unknown before."""
    strategy = roster.strategies.get(READS_SENTIMENT)
    if strategy is None:
        return market
    opens = market.open_time[-strategy.warmup :]
    closes = [candle.occurred_at - timedelta(microseconds=int(opens[-1] - open_)) for open_ in opens]
    known = await sentiment.levels(tx.execute, candle.symbol, closes)
    column = np.full(len(market), np.nan)
    column[-len(known) :] = [np.nan if level is None else level for level in known]
    return replace(market, sentiment=column)


_SIGNAL = insert(models.Signal).on_conflict_do_nothing()


class DatabaseSight:
    """What strategies see of a bar: the window up to it, and the roster as of its close."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    async def of(self, tx: Transaction, candle: CandleClosed) -> View:
        """Everything as of the candle's close."""
        setup = await setup_as_of(tx, candle.symbol, candle.occurred_at)
        market = await self._windows.including(tx, candle, setup.roster.bars)
        if setup.has_news:
            market = await with_sentiment(tx, market, candle, setup.roster)
        return view(market, setup.roster)

    async def keep(self, tx: Transaction, generated: SignalGenerated) -> None:
        """Store a signal; a second time changes nothing."""
        await tx.execute(_SIGNAL, _row(generated))

    def forget(self, symbol: str) -> None:
        """Read the symbol's bars again at its next candle."""
        self._windows.forget(symbol)


def _row(signal: SignalGenerated) -> Mapping[str, Any]:
    return {
        "id": signal.message_id,
        "symbol": signal.symbol,
        "timeframe": signal.timeframe,
        "time": signal.occurred_at,
        "score": signal.score,
        "price": signal.price,
        "contributions": [part.model_dump() for part in signal.contributions],
        "technicals": signal.technicals.model_dump(),
    }
