"""Returns of calendar months and years, UTC."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats
from backtester.metrics.series import DAY

Months = NDArray[np.int64]
"""Months since January 1970."""


@dataclass(frozen=True, slots=True)
class Year:
    """`months` has twelve returns from January on, None: not in the period, or nothing was left to lose."""

    year: int
    months: Sequence[float | None]
    whole: float | None
    hold: float | None


def years(time: NDArray[np.int64], equity: Floats, hold: Floats) -> list[Year]:
    """Of values (n,) at `time` (microseconds), oldest year first; an instant at midnight belongs to the day it ends.

    The first value is the base, so the first month and the last may be parts of theirs; less than a day of
    another year gets no row, but is counted in the month beside it.
    """
    month = _months(time)
    of_month = _returns(month, equity)
    of_year, of_hold = _returns(month // 12, equity), _returns(month // 12, hold)
    return [
        Year(1970 + year, [of_month.get(year * 12 + place) for place in range(12)], whole, of_hold[year])
        for year, whole in of_year.items()
    ]


def _months(time: NDArray[np.int64]) -> Months:
    ends = time - 1
    ends[0] = time[0]  # the base begins its day
    month = ends.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    year = month // 12
    first, last = np.searchsorted(year, year[0], "right"), np.searchsorted(year, year[-1])
    if first < len(month) and time[first - 1] - time[0] < DAY:
        month[:first] = month[first]
    if last and time[-1] - time[last - 1] < DAY:
        month[last:] = month[last - 1]
    return month


def _returns(period: Months, values: Floats) -> dict[int, float | None]:
    last = np.flatnonzero(np.r_[period[1:] != period[:-1], True])
    ends = values[last]
    begins = np.r_[values[0], ends[:-1]]
    changes = [
        end / begin - 1 if begin > 0 else None for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    return dict(zip(period[last].tolist(), changes, strict=True))
