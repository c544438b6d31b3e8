"""The lengths of bars, and where they begin: all times are microseconds since the epoch, UTC."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args

from shared.schemas.base import Timeframe

SECOND = 1_000_000
MINUTE = 60 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MONDAY = 4 * 24 * 60 * MINUTE
"""1970 began on a Thursday; weeks begin on Monday."""

_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440, "1w": 10080}
TIMEFRAMES: tuple[Timeframe, ...] = get_args(Timeframe)
"""Shortest first."""


@cache
def length(timeframe: Timeframe) -> int:
    """Microseconds of one bar."""
    return _MINUTES[timeframe] * MINUTE


def duration(timeframe: Timeframe) -> timedelta:
    """The length of one bar."""
    return timedelta(minutes=_MINUTES[timeframe])


def minutes(timeframe: Timeframe) -> int:
    """The length as venues write it."""
    return _MINUTES[timeframe]


def bar_open(timeframe: Timeframe, time: int) -> int:
    """The open of the bar that contains `time`; a bar contains its open, not its close."""
    return time - (time - first_open(timeframe)) % length(timeframe)


def first_open(timeframe: Timeframe) -> int:
    """The open of the first bar that opens at the epoch or after it: weeks begin on Mondays."""
    return FIRST_MONDAY if timeframe == "1w" else 0


@cache
def above(base: Timeframe) -> tuple[Timeframe, ...]:
    """The timeframes longer than `base`, shortest first; each bar of theirs is made of whole bars of `base`."""
    return tuple(timeframe for timeframe in TIMEFRAMES if length(timeframe) > length(base))


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of a time with a zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_microseconds(time: int) -> datetime:
    """The UTC time."""
    return EPOCH + timedelta(microseconds=time)
