"""Bars as a source gave them, not yet believed, each with the line or row it stood in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.timeframes import from_microseconds

VALUES = ("open", "high", "low", "close", "volume")
COLUMNS = ("open_time", *VALUES)
Unit = Literal["line", "row", "bar"]


class Finding(NamedTuple):
    """What is wrong with one row; the text names the source, the row, the field and the fix."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Columns of shape (n,): `open_time` in microseconds since the epoch, the others float64, in the source's order.

    `numbers` are lines or rows of the source, counted from 1; a venue has none, its bars go by their open time.
    `unreadable` are rows that made no numbers and are not in the columns.
    """

    source: str
    unit: Unit
    unreadable: tuple[Finding, ...]
    numbers: NDArray[np.int64]
    open_time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.open_time)

    def where(self, index: int) -> str:
        """How a person finds the row."""
        return place(self.source, self.unit, int(self.numbers[index]))

    def only(self, chosen: NDArray[np.bool_]) -> "Rows":
        """The rows where `chosen` of shape (n,) holds."""
        columns = (getattr(self, name)[chosen] for name in COLUMNS)
        return Rows(self.source, self.unit, self.unreadable, self.numbers[chosen], *columns)


def joined(parts: Sequence[Rows]) -> Rows:
    """One after the other; all of one source. ValueError where there are none."""
    if not parts:
        raise ValueError("no rows to join")
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("numbers", *COLUMNS))
    unreadable = tuple(finding for part in parts for finding in part.unreadable)
    return Rows(parts[0].source, parts[0].unit, unreadable, *columns)


def place(source: str, unit: Unit, number: int) -> str:
    """How a person finds a row: candles.csv, line 4."""
    return f"{source}, {unit} {when(number) if unit == 'bar' else number}"


def when(time: int) -> str:
    """A time in microseconds as findings and reports write it."""
    return f"{from_microseconds(time):%Y-%m-%d %H:%M}"
