"""A closed bar becomes a signal; "nothing" is said too."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from services.signal_generator.adapters import Windows, keep, setup_as_of, with_sentiment
from services.signal_generator.core import signal
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message, Timeframe
from shared.schemas.market import CandleClosed, CandleRevised


class Handlers:
    """Every output depends on the candle, the bars before it, and what the database says as of its close."""

    def __init__(self, timeframe: Timeframe, ttl: timedelta, windows: Windows, symbols: Collection[str]) -> None:
        self._timeframe = timeframe
        self._ttl = ttl
        self._windows = windows
        self._symbols = symbols

    async def on_candle_closed(self, candle: CandleClosed, tx: Transaction) -> Sequence[Message]:
        """One signal a bar of the decision timeframe; none of a symbol that is watched only for its open trade."""
        if candle.timeframe != self._timeframe or candle.symbol not in self._symbols:
            return []
        setup = await setup_as_of(tx, candle.symbol, candle.occurred_at)
        market = await self._windows.including(tx, candle, setup.roster.bars)
        if setup.has_news:
            market = await with_sentiment(tx, market, candle, setup.roster)
        generated = signal(candle, market, setup.roster, self._ttl)
        await keep(tx, generated)
        return [generated]

    async def on_candle_revised(self, candle: CandleRevised, tx: Transaction) -> Sequence[Message]:
        """What was decided stays; the next bar sees the corrected one."""
        if candle.timeframe == self._timeframe:
            self._windows.forget(candle.symbol)
        return []
