"""Candles of any interval from the base bars that are over and the one that forms."""

from collections.abc import Iterable
from typing import NamedTuple

from services.exchange_simulator.series import Bar, Series
from services.exchange_simulator.wire import SECOND

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
MINUTE = 60 * SECOND
TRADES_PER_BAR = 4
REST_LIMIT = 720


class Candle(NamedTuple):
    """``begin`` in microseconds, prices in ticks, ``volume`` in lots; ``turnover`` is lots x ticks."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int
    trades: int

    @property
    def vwap(self) -> int:
        return self.turnover // self.volume if self.volume else self.close


def joined(candle: Candle | None, bar: Bar, begin: int) -> Candle:
    """The candle that starts at ``begin``, with one more base bar in it."""
    turnover = bar.volume * ((bar.open + bar.high + bar.low + bar.close) // 4)
    if candle is None or candle.begin != begin:
        return Candle(begin, bar.open, bar.high, bar.low, bar.close, bar.volume, turnover, TRADES_PER_BAR)
    return Candle(
        begin,
        candle.open,
        max(candle.high, bar.high),
        min(candle.low, bar.low),
        bar.close,
        candle.volume + bar.volume,
        candle.turnover + turnover,
        candle.trades + TRADES_PER_BAR,
    )


def aggregate(bars: Iterable[Bar], minutes: int) -> list[Candle]:
    """Candles in ascending order. Intervals without a bar have none."""
    interval = minutes * MINUTE
    candles: list[Candle] = []
    for bar in bars:
        begin = bar.time - bar.time % interval
        if candles and candles[-1].begin == begin:
            candles[-1] = joined(candles[-1], bar, begin)
        else:
            candles.append(joined(None, bar, begin))
    return candles


def recent(series: Series, forming: Bar | None, now: int, minutes: int, limit: int = REST_LIMIT) -> list[Candle]:
    """The last ``limit`` candles known at ``now``, the forming one last."""
    end = series.before(forming.time if forming else now)
    first = max(0, now - limit * minutes * MINUTE)
    start = series.before(first - first % (minutes * MINUTE))
    bars = [series[index] for index in range(start, end)]
    return aggregate(bars + ([forming] if forming else []), minutes)[-limit:]


class Rollup:
    """The forming candle of one symbol and interval, kept up to date without going over its bars again."""

    def __init__(self, series: Series, minutes: int) -> None:
        self._series = series
        self._interval = minutes * MINUTE
        self._part: Candle | None = None
        self._begin = -1
        self._next = 0

    def current(self, forming: Bar) -> Candle:
        begin = forming.time - forming.time % self._interval
        if begin != self._begin:
            self._begin, self._part, self._next = begin, None, self._series.before(begin)
        end = self._series.before(forming.time)
        while self._next < end:
            self._part = joined(self._part, self._series[self._next], begin)
            self._next += 1
        return joined(self._part, forming, begin)
