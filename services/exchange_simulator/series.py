"""The bars of one symbol, in columns of integers."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple


class Bar(NamedTuple):
    """``time`` is the open in microseconds; prices are ticks, ``volume`` lots."""

    time: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def _column() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Series:
    """Bars in ascending time. Grows at the end only."""

    times: "array[int]" = field(default_factory=_column)
    opens: "array[int]" = field(default_factory=_column)
    highs: "array[int]" = field(default_factory=_column)
    lows: "array[int]" = field(default_factory=_column)
    closes: "array[int]" = field(default_factory=_column)
    volumes: "array[int]" = field(default_factory=_column)

    def append(self, bar: Bar) -> None:
        self.times.append(bar.time)
        self.opens.append(bar.open)
        self.highs.append(bar.high)
        self.lows.append(bar.low)
        self.closes.append(bar.close)
        self.volumes.append(bar.volume)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, index: int) -> Bar:
        return Bar(
            self.times[index],
            self.opens[index],
            self.highs[index],
            self.lows[index],
            self.closes[index],
            self.volumes[index],
        )

    def before(self, time: int) -> int:
        """How many bars open before ``time``."""
        return bisect_left(self.times, time)

    def at(self, time: int) -> Bar | None:
        index = bisect_left(self.times, time)
        return self[index] if index < len(self.times) and self.times[index] == time else None
