"""A run that stopped to trade before its end, and what forbade it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtester.report.words import moment
from backtester.runs.outcome import Outcome


class Stopped(NamedTuple):
    """From `time` (microseconds) on nothing was entered any more; `why` in words, `mark` for a plot."""

    time: int
    why: str
    mark: str

    @property
    def said(self) -> str:
        """In a sentence."""
        return f"No entries since {moment(self.time)}: {self.why}."


def stopped(outcome: Outcome) -> Stopped | None:
    """None where nothing forbade entries up to the end, as far as trades and equity tell.

    The halt stays whatever becomes of equity. The council's veto ends where equity recovers, so only the last stretch
    below its line counts, and only where no trade was entered in it.
    """
    found = _halt(outcome) or _veto(outcome)
    entered = [trade.entry_time for trade in outcome.trades] + [trade.entry_time for trade in outcome.open_trades]
    return None if found is None or max(entered, default=found.time) > found.time else found


def _halt(outcome: Outcome) -> Stopped | None:
    left = [trade.exit_time for trade in outcome.trades if trade.exit_reason == "drawdown"]
    if not left and not outcome.refusals.get("halted"):
        return None
    limit = float(outcome.plan.settings.max_drawdown)
    fallen = outcome.time[_beyond(outcome, limit)]
    times = [*left, *fallen[:1].tolist()]
    if not times:
        return None
    return Stopped(min(times), f"the desk halted at a drawdown of {limit:.0%} (MAX_DRAWDOWN)", "halted")


def _veto(outcome: Outcome) -> Stopped | None:
    if outcome.plan.council != "rules":
        return None
    limit = outcome.plan.settings.council_drawdown_veto
    above = np.flatnonzero(~_beyond(outcome, limit))
    first = int(above[-1]) + 1 if len(above) else 0
    if first >= len(outcome.time):
        return None
    why = f"the council vetoes beyond a drawdown of {limit:.0%} (COUNCIL_DRAWDOWN_VETO)"
    return Stopped(int(outcome.time[first]), why, "council vetoes")


def _beyond(outcome: Outcome, limit: float) -> NDArray[np.bool_]:
    """Where more than `limit` of the starting cash is lost, shape (n,)."""
    cash = float(outcome.plan.settings.initial_balance)
    return np.asarray(cash - outcome.equity > limit * cash)
