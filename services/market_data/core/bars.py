"""Bars, and the one function that makes long ones of short ones."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from shared.schemas.base import Timeframe


class Bar(NamedTuple):
    """Open, high, low, close and volume from `open_time` (microseconds since the epoch) on."""

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Named(NamedTuple):
    """A bar and whose it is."""

    symbol: str
    timeframe: Timeframe
    bar: Bar


def aggregate(open_time: int, bars: Iterable[Bar]) -> Bar:
    """One bar of the given ones, oldest first: of what exists, as the venue does it; gaps are not filled.

    Raises ValueError for no bars. Aggregating aggregates gives the same.
    """
    first, *later = bars
    return reduce(_extended, later, first)._replace(open_time=open_time)


def _extended(bar: Bar, later: Bar) -> Bar:
    return Bar(
        bar.open_time,
        bar.open,
        max(bar.high, later.high),
        min(bar.low, later.low),
        later.close,
        bar.volume + later.volume,
    )
