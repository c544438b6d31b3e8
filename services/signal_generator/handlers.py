"""A closed bar becomes a signal; "nothing" is said too."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

from services.signal_generator.core import View, signal
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message, Timeframe
from shared.schemas.market import CandleClosed, CandleRevised
from shared.schemas.signals import SignalGenerated


class Sight(Protocol):
    """What strategies see of a bar: computed of a window live, looked up of whole arrays in a backtest."""

    async def of(self, tx: Transaction, candle: CandleClosed) -> View:
        """Everything as of the candle's close."""
        ...

    async def keep(self, tx: Transaction, generated: SignalGenerated) -> None:
        """Store a signal; a second time changes nothing."""
        ...

    def forget(self, symbol: str) -> None:
        """A bar of the symbol was corrected."""
        ...


class Handlers:
    """Every output depends on the candle, the bars before it, and what the database says as of its close."""

    def __init__(self, timeframe: Timeframe, ttl: timedelta, sight: Sight, symbols: Collection[str]) -> None:
        self._timeframe = timeframe
        self._ttl = ttl
        self._sight = sight
        self._symbols = symbols

    async def on_candle_closed(self, candle: CandleClosed, tx: Transaction) -> Sequence[Message]:
        """One signal a bar of the decision timeframe; none of a symbol that is watched only for its open trade."""
        if candle.timeframe != self._timeframe or candle.symbol not in self._symbols:
            return []
        generated = signal(candle, await self._sight.of(tx, candle), self._ttl)
        await self._sight.keep(tx, generated)
        return [generated]

    async def on_candle_revised(self, candle: CandleRevised, tx: Transaction) -> Sequence[Message]:
        """What was decided stays; the next bar sees the corrected one."""
        if candle.timeframe == self._timeframe:
            self._sight.forget(candle.symbol)
        return []
