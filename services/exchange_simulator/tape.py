"""What the public sees: last price, touch, the forming bar, the day's statistics, recent trades."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from services.exchange_simulator.pairs import Pair
from services.exchange_simulator.series import Bar, Series
from services.exchange_simulator.wire import SECOND

HOUR = 3600 * SECOND
MILLION = 1_000_000
PRINTS_KEPT = 1000


def quarter_volume(volume: int, quarter: int) -> int:
    """The part of a bar's volume that trades at the n-th of its four prices; the parts add up to the whole."""
    return volume * (quarter + 1) // 4 - volume * quarter // 4


class Print(NamedTuple):
    """A public trade."""

    number: int
    ticks: int
    lots: int
    time: int
    side: Literal["buy", "sell"]


@dataclass(slots=True)
class DayStatistics:
    """The last 24 hours in hourly buckets of [high, low, volume, volume x price, first price]."""

    hours: dict[int, list[int]] = field(default_factory=dict)

    def add(self, time: int, price: int, lots: int) -> None:
        hour = time // HOUR
        bucket = self.hours.get(hour)
        if bucket is None:
            self.hours[hour] = [price, price, lots, lots * price, price]
            for old in [h for h in self.hours if h <= hour - 24]:
                del self.hours[old]
            return
        bucket[0] = max(bucket[0], price)
        bucket[1] = min(bucket[1], price)
        bucket[2] += lots
        bucket[3] += lots * price

    def high_low_volume_vwap_first(self) -> tuple[int, int, int, int, int]:
        buckets = self.hours.values()
        volume = sum(b[2] for b in buckets)
        first = self.hours[min(self.hours)][4]
        vwap = sum(b[3] for b in buckets) // volume if volume else first
        return max(b[0] for b in buckets), min(b[1] for b in buckets), volume, vwap, first


@dataclass(slots=True)
class Quote:
    """One symbol. ``bar`` is the forming bar, None while the symbol has none at this instant."""

    pair: Pair
    last: int
    bid: int
    ask: int
    bar: Bar | None = None
    day: DayStatistics = field(default_factory=DayStatistics)
    prints: deque[Print] = field(default_factory=lambda: deque(maxlen=PRINTS_KEPT))


class Tape:
    """All symbols' quotes; ``half_spread_bps`` is the distance from the last price to the touch."""

    def __init__(self, pairs: Mapping[str, Pair], half_spread_bps: Decimal) -> None:
        self._half_spread = int(half_spread_bps * 100)
        self.quotes = {symbol: Quote(pair, 1, 1, 1) for symbol, pair in pairs.items()}
        self._count = 0

    def __getitem__(self, symbol: str) -> Quote:
        return self.quotes[symbol]

    def touch(self, ticks: int) -> tuple[int, int]:
        """Bid and ask around a price, rounded away from it to whole ticks."""
        bid = ticks * (MILLION - self._half_spread) // MILLION
        ask = -(-ticks * (MILLION + self._half_spread) // MILLION)
        return max(1, bid), ask

    def start_at(self, symbol: str, series: Series, time: int) -> None:
        """Where the market stands before anything of ``time`` is printed: on the last close, or the first open."""
        quote = self.quotes[symbol]
        index = series.before(time)
        for bar in map(series.__getitem__, range(series.before(time - 24 * HOUR), index)):
            for quarter, price in enumerate((bar.open, bar.low, bar.high, bar.close)):
                quote.day.add(bar.time, price, quarter_volume(bar.volume, quarter))
        quote.last = series.closes[index - 1] if index else series.opens[0]
        quote.bid, quote.ask = self.touch(quote.last)
        if not quote.day.hours:
            quote.day.add(time, quote.last, 0)

    def open_bar(self, symbol: str, ticks: int, lots: int, time: int) -> None:
        self.quotes[symbol].bar = Bar(time, ticks, ticks, ticks, ticks, 0)
        self.print(symbol, ticks, lots, time)

    def end_bars(self) -> None:
        for quote in self.quotes.values():
            quote.bar = None

    def print(self, symbol: str, ticks: int, lots: int, time: int) -> None:
        quote = self.quotes[symbol]
        side: Literal["buy", "sell"] = "buy" if ticks >= quote.last else "sell"
        quote.last = ticks
        quote.bid, quote.ask = self.touch(ticks)
        if (bar := quote.bar) is not None:
            quote.bar = Bar(bar.time, bar.open, max(bar.high, ticks), min(bar.low, ticks), ticks, bar.volume + lots)
        quote.day.add(time, ticks, lots)
        self._count += 1
        quote.prints.append(Print(self._count, ticks, lots, time, side))
