"""Drawdowns: how far below its peak an account was, and for how long."""

from typing import NamedTuple

import numpy as np

from backtester.metrics.deviation import Floats
from backtester.metrics.series import DAY, EquityCurve


class Drawdown(NamedTuple):
    """From a peak until equity is back at it, or to the curve's end; `depth` is the share of the peak that was lost.

    Times are the curve's: closes of bars, in microseconds since the epoch.
    """

    peak: int
    trough: int
    end: int
    depth: float
    recovered: bool

    @property
    def days(self) -> float:
        """From the peak to the end."""
        return (self.end - self.peak) / DAY


def underwater(curve: EquityCurve) -> Floats:
    """Share of the highest equity so far that is lost at each bar, shape (n,): 0 at a peak, above 1 with debts.

    Source: Magdon-Ismail & Atiya, "Maximum Drawdown", Risk 17(10), 2004.
    """
    return 1.0 - curve.equity / np.maximum.accumulate(curve.equity)


def drawdowns(curve: EquityCurve) -> list[Drawdown]:
    """Every drawdown, oldest first.

    As backtesting.py measures them, save that it overlooks one that is only the last bar.
    """
    depth = underwater(curve)
    peaks = np.flatnonzero(depth == 0)
    ends = np.r_[peaks[1:], len(curve) - 1]
    fell = np.r_[ends[:-1] > peaks[:-1] + 1, ends[-1] > peaks[-1]]
    return [_between(curve, depth, int(peak), int(end)) for peak, end in zip(peaks[fell], ends[fell], strict=True)]


def _between(curve: EquityCurve, depth: Floats, peak: int, end: int) -> Drawdown:
    trough = peak + int(depth[peak : end + 1].argmax())
    return Drawdown(
        peak=int(curve.time[peak]),
        trough=int(curve.time[trough]),
        end=int(curve.time[end]),
        depth=float(depth[trough]),
        recovered=bool(depth[end] == 0),
    )
