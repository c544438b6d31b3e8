"""What comes in is checked: nothing is repaired, every finding names its source, its row, the field and the fix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtester.data.bounds import Rule, between_ticks, countable
from backtester.data.rows import VALUES, Finding, Rows, when
from shared.errors import ConfigError
from shared.schemas.base import Timeframe
from shared.strategies.market import PRICES, Market
from shared.timeframes import bar_open, length

SHOWN = 20
"""Findings, conflicts and gaps that are listed; the rest is counted."""


OLDER = "is older than a row before it; sort the rows"


class Gap(NamedTuple):
    """Missing bars: the open of the first one, and of the first one that is there again (microseconds)."""

    start: int
    end: int
    bars: int

    def __str__(self) -> str:
        return f"missing {when(self.start)} to {when(self.end)} ({self.bars} bar{'s' * (self.bars > 1)})"


@dataclass(frozen=True, slots=True)
class Findings:
    """How many there are, and the first of them in words."""

    count: int = 0
    first: tuple[str, ...] = ()

    def __add__(self, more: "Findings") -> "Findings":
        return Findings(self.count + more.count, (*self.first, *more.first)[:SHOWN])

    def __str__(self) -> str:
        return listed(self.first, self.count)


class BadCandles(ConfigError):
    """Rows that can't be stored; the text lists them."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(f"nothing is stored, {findings.count} findings:{findings}")
        self.findings = findings


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """Rows without findings, and their bars: only `checked` and `sifted` make one."""

    rows: Rows
    timeframe: Timeframe
    market: Market


def checked(rows: Rows, timeframe: Timeframe, now: int, tick: Decimal | None = None) -> Checked:
    """All rows or nothing, prices on the tick where one is given. Raises BadCandles.

    `now` in microseconds: a bar that closes later is not closed yet.
    """
    if (found := findings(rows, timeframe, now, tick)).count:
        raise BadCandles(found)
    return _believed(rows, timeframe)


def sifted(rows: Rows, timeframe: Timeframe, now: int) -> tuple[Checked, Findings]:
    """The good rows, and what is wrong with the others: for a venue's answer, which nobody can mend."""
    good = np.ones(len(rows), np.bool_)
    for _, _, wrong in _rules(rows, timeframe, now):
        good &= ~wrong
    return _believed(rows.only(good), timeframe), findings(rows, timeframe, now)


def findings(rows: Rows, timeframe: Timeframe, now: int, tick: Decimal | None = None) -> Findings:
    """Everything but gaps, in the order of the rows."""
    count, first = len(rows.unreadable), list(rows.unreadable[:SHOWN])
    backwards = _newest_first(rows)
    if backwards:
        count += 1
        first.append(Finding(0, f"{rows.source}: the file is newest first; sort it ascending"))
    for field, text, wrong in _rules(rows, timeframe, now, tick):
        if backwards and text == OLDER:
            continue
        at = np.flatnonzero(wrong)
        count += len(at)
        first.extend(_finding(rows, int(index), field, text) for index in at[:SHOWN])
    return Findings(count, tuple(finding.text for finding in sorted(first)[:SHOWN]))


def gaps(open_time: NDArray[np.int64], timeframe: Timeframe) -> tuple[Gap, ...]:
    """Stretches without a bar between the first and the last of ascending times."""
    step = length(timeframe)
    at = np.flatnonzero(np.diff(open_time) > step)
    pairs = zip((open_time[at] + step).tolist(), open_time[at + 1].tolist(), strict=True)
    return tuple(Gap(start, end, (end - start) // step) for start, end in pairs)


def listed(lines: Sequence[object], count: int | None = None) -> str:
    """The first lines, each on a line of its own and indented, and how many more there are."""
    count = len(lines) if count is None else count
    shown = "".join(f"\n  {line}" for line in lines[:SHOWN])
    return shown + (f"\n  and {count - SHOWN} more" if count > SHOWN else "")


def _believed(rows: Rows, timeframe: Timeframe) -> Checked:
    return Checked(rows, timeframe, Market(rows.open_time, *(getattr(rows, name) for name in VALUES)))


def _finding(rows: Rows, index: int, field: str, text: str) -> Finding:
    value = when(int(rows.open_time[index])) if field == "time" else repr(float(getattr(rows, field)[index]))
    return Finding(int(rows.numbers[index]), f"{rows.where(index)}, field {field}: {value} {text}")


def _newest_first(rows: Rows) -> bool:
    steps = np.diff(rows.open_time)
    return bool(len(steps) and (steps <= 0).all() and (steps < 0).any())


def _rules(rows: Rows, timeframe: Timeframe, now: int, tick: Decimal | None = None) -> Iterator[Rule]:
    yield from _times(rows.open_time, timeframe, now)
    yield from _bars(rows)
    yield from countable(rows)
    if tick is not None:
        yield from between_ticks(rows, tick)


def _times(time: NDArray[np.int64], timeframe: Timeframe, now: int) -> Iterator[Rule]:
    newest = np.maximum.accumulate(time)[:-1]
    first = np.zeros(min(1, len(time)), np.bool_)
    yield "time", "stands in a row before it; keep each time once", np.concatenate([first, time[1:] == newest])
    yield "time", OLDER, np.concatenate([first, time[1:] < newest])
    grid = "opens on a Monday" if timeframe == "1w" else f"opens at a whole multiple of {timeframe}"
    off = (time - bar_open(timeframe, 0)) % length(timeframe) != 0
    yield "time", f"is off the grid, a {timeframe} bar {grid} (UTC); align it or give --timeframe", off
    yield "time", f"is of a {timeframe} bar that has not closed yet; take it out", time + length(timeframe) > now


def _bars(rows: Rows) -> Iterator[Rule]:
    for name in VALUES:
        value = getattr(rows, name)
        yield name, "is not finite; correct it", ~np.isfinite(value)
        if name in PRICES:
            yield name, "is not above zero; correct the price", value <= 0
    yield "volume", "is negative; correct it", rows.volume < 0
    upside_down = rows.high < rows.low
    yield "high", "is below low; correct the row", upside_down
    for name in ("open", "close"):
        outside = (getattr(rows, name) < rows.low) | (getattr(rows, name) > rows.high)
        yield name, "lies outside low to high; correct the row", outside & ~upside_down
