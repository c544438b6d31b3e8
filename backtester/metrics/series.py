"""The equity curve: an account's worth at the close of every bar."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtester.metrics.deviation import Floats
from shared.schemas.base import Timeframe
from shared.timeframes import MINUTE, length

DAY = 24 * 60 * MINUTE
YEAR = 365.25 * DAY
"""The Julian year, as backtesting.py and astronomers count it."""


def periods_per_year(timeframe: Timeframe) -> float:
    """Bars in a year of 365.25 days around the clock, as crypto trades: 8766 of an hour, 365.25 of a day.

    Shares would have 252 days; the formulas take any number of periods, only `performance` takes this one.
    """
    return YEAR / length(timeframe)


@dataclass(frozen=True, slots=True, eq=False)
class EquityCurve:
    """Oldest first, shape (n,), n >= 1; the arrays are made read-only views.

    `time` is the close of each bar in microseconds since the epoch, UTC; `equity` the account's worth then in quote
    currency, positions marked to the close. The first value is the starting cash: nothing is bought before it.
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
        """Simple returns from bar to bar, shape (n - 1,); (0,) for a ruined account."""
        if self.ruined:
            return np.empty(0)
        return self.equity[1:] / self.equity[:-1] - 1.0

    @property
    def years(self) -> float:
        """From the first close to the last."""
        return float(self.time[-1] - self.time[0]) / YEAR

    def daily(self) -> "EquityCurve":
        """The last value of every UTC day that has a bar; the first day gives no return, it is the base.

        A close at midnight belongs to the day that it ends.
        """
        day = (self.time - 1) // DAY
        last = np.flatnonzero(np.r_[day[1:] != day[:-1], True])
        return EquityCurve(self.time[last], self.equity[last])

    def _freeze(self, name: str, dtype: np.dtype[np.int64] | np.dtype[np.float64]) -> None:
        view = np.ascontiguousarray(getattr(self, name), dtype=dtype).view()
        view.flags.writeable = False
        object.__setattr__(self, name, view)
