"""Which bars choose, and which ones test the choice."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from backtester.runs.plan import Plan
from backtester.vector.arrays import resampled
from shared.errors import ConfigError
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import bar_open, length

Mode = Literal["anchored", "rolling"]
SETTLED = 300
"""Bars after which the ATR no longer depends on where it began: (13/14)^300 is 2e-10."""


class Window(NamedTuple):
    """Microseconds since the epoch: [train, test) is for choosing, [test, end) for testing. `number` from 1 on."""

    number: int
    train: int
    test: int
    end: int


class Lengths(NamedTuple):
    """Microseconds; `step` from one test to the next."""

    train: int
    test: int
    step: int


def windows(first: int, last: int, mode: Mode, lengths: Lengths, timeframe: Timeframe) -> list[Window]:
    """All whole windows between `first` and `last` (excluded), at least one.

    Anchored: every training begins at `first`; rolling: it is as long as the first one. ConfigError where a length is
    no multiple of the timeframe, tests overlap, or nothing fits.
    """
    bar = length(timeframe)
    for option, value in zip(("--train", "--test", "--step"), lengths, strict=True):
        if value < bar or value % bar:
            raise ConfigError(f"{option}: must be a multiple of the timeframe, {timeframe}")
    if lengths.step < lengths.test:
        raise ConfigError("--step: shorter than --test, so that tests would overlap and count twice")
    begin = bar_open(timeframe, first + bar - 1)
    room = last - begin - lengths.train - lengths.test
    if room < 0:
        days = (last - begin) / length("1d")
        raise ConfigError(f"--train and --test: no window fits into the {days:.1f} days of candles; make them shorter")
    moves = range(0, room + 1, lengths.step)
    return [
        Window(
            number=number,
            train=begin if mode == "anchored" else begin + moved,
            test=begin + moved + lengths.train,
            end=begin + moved + lengths.train + lengths.test,
        )
        for number, moved in enumerate(moves, 1)
    ]


def cut(markets: Mapping[str, Market], plan: Plan, start: int, end: int) -> dict[str, Market]:
    """Base bars that open from `start` (included) to `end` (excluded), and before them what strategies warm up on.

    Symbols without a whole bar to score are left out. ConfigError where that is all of them.
    """
    warmup = max(SETTLED, *(choice.built().warmup for choice in plan.strategies))
    before = (warmup + 1) * (length(plan.timeframe) // length(plan.base_timeframe))
    parts = {symbol: _part(market, start, end, before) for symbol, market in markets.items()}
    whole = {
        symbol: part
        for symbol, part in parts.items()
        if len(part) and part.open_time[-1] >= start and len(resampled(part, plan.timeframe, plan.base_timeframe))
    }
    if not whole:
        raise ConfigError(f"no candles of {', '.join(sorted(markets))} in a window; `parley data list` shows the gaps")
    return whole


def _part(market: Market, start: int, end: int, before: int) -> Market:
    first, last = (int(place) for place in market.open_time.searchsorted([start, end]))
    return market.between(max(0, first - before), last)
