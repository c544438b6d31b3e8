"""The equity curve: an account's worth over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats
from shared.timeframes import MINUTE

DAY = 24 * 60 * MINUTE
YEAR = 365.25 * DAY
"""The Julian year, as backtesting.py and astronomers count it."""


@dataclass(frozen=True, slots=True, eq=False)
class EquityCurve:
    """Oldest first, shape (n,), n >= 1; the arrays are made read-only views.

    `time` in microseconds since the epoch, UTC: every open of a bar and the last close, or the close of every bar;
    `equity` the account's worth then in quote currency, positions marked to the market. A period is what lies between
    two times. The first value is the starting cash: nothing is bought before it.
    ValueError: shapes differ, no bar, time does not ascend, equity is not finite or begins at zero or below.
    """

    time: NDArray[np.int64]
    equity: Floats

    def __post_init__(self) -> None:
        self._freeze("time", np.dtype(np.int64))
        self._freeze("equity", np.dtype(np.float64))
        if len(self.time) == 0 or self.time.shape != self.equity.shape or self.time.ndim != 1:
            raise ValueError(f"time {self.time.shape} and equity {self.equity.shape} must be (n,) with n >= 1")
        if (self.time[1:] <= self.time[:-1]).any():
            raise ValueError("time must ascend strictly: bars are oldest first, without duplicates")
        if not np.isfinite(self.equity).all() or self.equity[0] <= 0:
            raise ValueError("equity must be finite and begin above zero")

    def __len__(self) -> int:
        return len(self.time)

    @property
    def ruined(self) -> bool:
        """Whether nothing was left at some bar; a share of nothing is not defined."""
        return bool((self.equity <= 0).any())

    @property
    def returns(self) -> Floats:
        """Simple returns of every period, shape (n - 1,); (0,) for a ruined account."""
        if self.ruined:
            return np.empty(0)
        return self.equity[1:] / self.equity[:-1] - 1.0

    @property
    def years(self) -> float:
        """From the first time to the last."""
        return float(self.time[-1] - self.time[0]) / YEAR

    @property
    def periods_per_year(self) -> float:
        """Periods over years of 365.25 days; 0 for a single value, which has none.

        What there is is counted, not what a timeframe promises: 8766 for hours around the clock, 52.18 for weeks, 261
        for days without weekends, and fewer where candles are missing. Only so do mean and variance of the returns,
        times this number, add up to those of a year (Lo 2002), as the returns that there are add up to the whole run.
        """
        return (len(self) - 1) / self.years if len(self) > 1 else 0.0

    def daily(self) -> "EquityCurve":
        """The first value, and the last one of every UTC day that has any: its returns compound to those of the run.

        A value at midnight belongs to the day that it ends. So a run that begins within a day has a return of the rest
        of it.
        """
        day = (self.time - 1) // DAY
        last = np.flatnonzero(np.r_[day[1:] != day[:-1], True])
        kept = last if last[0] == 0 else np.r_[0, last]
        return EquityCurve(self.time[kept], self.equity[kept])

    def _freeze(self, name: str, dtype: np.dtype[np.int64] | np.dtype[np.float64]) -> None:
        view = np.ascontiguousarray(getattr(self, name), dtype=dtype).view()
        view.flags.writeable = False
        object.__setattr__(self, name, view)
