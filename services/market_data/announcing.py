"""The messages that say what happened, with ids that every instance and every restart derives alike."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Literal

from services.market_data.core.bars import Named
from services.market_data.core.instants import Ended
from shared.ids import derived_id
from shared.redis_streams.source import Newer
from shared.schemas.market import (
    BarsClosed,
    BookUpdated,
    CandleClosed,
    CandleRevised,
    Level,
    Mark,
    TickerUpdated,
)
from shared.schemas.system import AlertRaised
from shared.timeframes import from_microseconds, length

Touch = tuple[Decimal, Decimal]


def instant(ended: Ended, quotes: Mapping[str, Touch], tick: bool, leftovers: Collection[str] = ()) -> list[Newer]:
    """Every closed bar, base first, then BarsClosed of each timeframe that has one; with `tick`, of all that ended.

    BarsClosed does not list `leftovers`, watched only because of open trades: whoever waits for a verdict on each
    symbol of the list would wait in vain.
    """
    candles = [Newer(closed(named), f"CandleClosed:{named.timeframe}", ended.time) for named in ended.bars]
    return candles + list(_bars_closed(ended, _marks(quotes), tick, leftovers))


def closed(named: Named) -> CandleClosed:
    """A bar is complete; named by symbol, timeframe and open."""
    symbol, timeframe, bar = named
    opened = from_microseconds(bar.open_time)
    return CandleClosed(
        message_id=derived_id("CandleClosed", symbol, timeframe, opened),
        occurred_at=from_microseconds(bar.open_time + length(timeframe)),
        symbol=symbol,
        timeframe=timeframe,
        open_time=opened,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
    )


def revised(named: Named) -> CandleRevised:
    """The venue holds other values than were published; named by those values too."""
    candle = closed(named)
    values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return CandleRevised(
        message_id=derived_id("CandleRevised", candle.message_id, *values),
        **candle.model_dump(exclude={"kind", "message_id"}),
    )


def _marks(quotes: Mapping[str, Touch]) -> tuple[Mark, ...]:
    return tuple(Mark(symbol=symbol, bid=bid, ask=ask) for symbol, (bid, ask) in sorted(quotes.items()))


def _bars_closed(ended: Ended, marks: tuple[Mark, ...], tick: bool, leftovers: Collection[str]) -> Iterator[Newer]:
    time = from_microseconds(ended.time)
    for timeframe in ended.timeframes:
        symbols = ended.symbols(timeframe)
        if symbols or tick:
            message = BarsClosed(
                message_id=derived_id("BarsClosed", timeframe, time),
                occurred_at=time,
                timeframe=timeframe,
                symbols=tuple(symbol for symbol in symbols if symbol not in leftovers),
                marks=marks,
            )
            yield Newer(message, f"BarsClosed:{timeframe}", ended.time)


def ticker(symbol: str, time: int, touch: Touch, last: Decimal) -> Newer:
    """The best bid and ask and the last trade at the venue's `time`."""
    moment = from_microseconds(time)
    message = TickerUpdated(
        message_id=derived_id("TickerUpdated", symbol, moment, *touch),
        occurred_at=moment,
        symbol=symbol,
        bid=touch[0],
        ask=touch[1],
        last=last,
    )
    return Newer(message, "TickerUpdated", time)


def book(symbol: str, time: int, bids: Iterable[Touch], asks: Iterable[Touch]) -> Newer:
    """The best levels, (price, quantity), at the venue's `time`."""
    moment = from_microseconds(time)
    message = BookUpdated(
        message_id=derived_id("BookUpdated", symbol, moment),
        occurred_at=moment,
        symbol=symbol,
        bids=tuple(Level(price=price, quantity=quantity) for price, quantity in bids),
        asks=tuple(Level(price=price, quantity=quantity) for price, quantity in asks),
    )
    return Newer(message, "BookUpdated", time)


def alert(severity: Literal["info", "warning", "critical"], code: str, time: int, text: str) -> AlertRaised:
    """Something a person must hear; the same words at the same venue time are one alert."""
    moment = from_microseconds(time)
    return AlertRaised(
        message_id=derived_id("AlertRaised", "market_data", moment, severity, code, text),
        occurred_at=moment,
        severity=severity,
        code=code,
        text=text,
    )
