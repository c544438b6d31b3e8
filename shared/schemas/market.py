"""What the market did: closed candles, ended instants, tickers, books."""

from typing import Literal, Self

from pydantic import model_validator

from shared.schemas.base import Message, NonNegative, Price, Quantity, Symbol, Time, Timeframe, Value


class _Candle(Message):
    """OHLCV of one closed bar; `open_time` is its name, `occurred_at` its close."""

    symbol: Symbol
    timeframe: Timeframe
    open_time: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: NonNegative

    @property
    def key(self) -> str:
        return self.symbol

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError("impossible bar: low <= open, close <= high does not hold")
        if self.occurred_at <= self.open_time:
            raise ValueError("a bar closes after it opens")
        return self


class CandleClosed(_Candle):
    """A bar is complete and stored."""

    kind: Literal["CandleClosed"] = "CandleClosed"


class CandleRevised(_Candle):
    """The venue corrected a bar that had been published."""

    kind: Literal["CandleRevised"] = "CandleRevised"


class Mark(Value):
    """The touch of one symbol's book when an instant ended."""

    symbol: Symbol
    bid: Price
    ask: Price


class BarsClosed(Message):
    """Ends an instant: no further bar of `timeframe` closing at `occurred_at` will come.

    `symbols` are the traded ones whose bar closed; `marks` cover every symbol that has been quoted so far.
    It is also everybody's clock tick. Published after all CandleClosed of the instant.
    """

    kind: Literal["BarsClosed"] = "BarsClosed"
    timeframe: Timeframe
    symbols: tuple[Symbol, ...]
    marks: tuple[Mark, ...]

    @property
    def key(self) -> str:
        return "instants"


class TickerUpdated(Message):
    """Best bid and ask and the last trade; `occurred_at` by the venue's clock."""

    kind: Literal["TickerUpdated"] = "TickerUpdated"
    symbol: Symbol
    bid: Price
    ask: Price
    last: Price

    @property
    def key(self) -> str:
        return self.symbol

    @model_validator(mode="after")
    def _not_crossed(self) -> Self:
        if self.bid > self.ask:
            raise ValueError(f"crossed ticker: bid {self.bid} above ask {self.ask}")
        return self


class Level(Value):
    """A price level of a book."""

    price: Price
    quantity: Quantity


class BookUpdated(Message):
    """The best levels of a book, best first on either side."""

    kind: Literal["BookUpdated"] = "BookUpdated"
    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def key(self) -> str:
        return self.symbol

    @model_validator(mode="after")
    def _not_crossed(self) -> Self:
        if self.bids and self.asks and self.bids[0].price >= self.asks[0].price:
            raise ValueError(f"crossed book: bid {self.bids[0].price}, ask {self.asks[0].price}")
        return self
