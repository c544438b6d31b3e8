"""What ends at an instant, given the base bars that closed there and the longer bars that are being built."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.market_data.core.bars import Bar, Named, aggregate
from shared.schemas.base import Timeframe
from shared.timeframes import above, bar_open, length

Forming = Mapping[tuple[str, Timeframe], Bar]
"""The longer bars that are being built, by symbol and timeframe."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An instant: the bars that closed at `time`, base first, each timeframe's symbols sorted."""

    time: int
    timeframes: tuple[Timeframe, ...]
    bars: tuple[Named, ...]

    def symbols(self, timeframe: Timeframe) -> tuple[str, ...]:
        """Whose bar of the timeframe closed."""
        return tuple(named.symbol for named in self.bars if named.timeframe == timeframe)


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to where bars have ended, and what is being built of them.

    `known_from` is, by symbol, since when every base bar is known; longer bars that began before are never complete.
    """

    base: Timeframe
    time: int
    known_from: Mapping[str, int]
    forming: Forming

    def due(self, horizon: int) -> range:
        """The instants after `time` up to the horizon."""
        step = length(self.base)
        return range(self.time + step, horizon + 1, step)

    def after(self, time: int, closed: Mapping[str, Bar]) -> "tuple[Ended, Progress]":
        """End the instant `time`, at which these base bars closed."""
        forming = dict(self.forming)
        for symbol, bar in closed.items():
            for timeframe in above(self.base):
                forming[symbol, timeframe] = _grown(forming.get((symbol, timeframe)), timeframe, bar)
        timeframes = ending(self.base, time)
        bars = [Named(symbol, self.base, closed[symbol]) for symbol in sorted(closed)]
        for timeframe in timeframes[1:]:
            bars += self._complete(forming, timeframe, time)
        progress = Progress(self.base, time, self.known_from, forming)
        return Ended(time, timeframes, tuple(bars)), progress

    def _complete(self, forming: Forming, timeframe: Timeframe, time: int) -> list[Named]:
        opened = time - length(timeframe)
        return [
            Named(symbol, timeframe, forming[symbol, timeframe])
            for symbol in sorted(self.known_from)
            if self.known_from[symbol] <= opened
            and (symbol, timeframe) in forming
            and forming[symbol, timeframe].open_time == opened
        ]


def ending(base: Timeframe, time: int) -> tuple[Timeframe, ...]:
    """The timeframes of which a bar ends at `time`, base first."""
    return (base, *(timeframe for timeframe in above(base) if bar_open(timeframe, time) == time))


def rebuilt(base: Timeframe, time: int, known_from: Mapping[str, int], bars: Iterable[Named]) -> Progress:
    """The progress at `time`, of the base bars since the longest one that is open then, oldest first."""
    forming: dict[tuple[str, Timeframe], Bar] = {}
    for symbol, _, bar in bars:
        for timeframe in above(base):
            if bar.open_time >= bar_open(timeframe, time):
                forming[symbol, timeframe] = _grown(forming.get((symbol, timeframe)), timeframe, bar)
    return Progress(base, time, known_from, forming)


def _grown(forming: Bar | None, timeframe: Timeframe, bar: Bar) -> Bar:
    opened = bar_open(timeframe, bar.open_time)
    parts = (bar,) if forming is None or forming.open_time != opened else (forming, bar)
    return aggregate(opened, parts)
