"""What a trial is judged by."""

import numpy as np

from backtester.metrics.deviation import Floats
from backtester.metrics.performance import Performance
from backtester.metrics.series import EquityCurve
from backtester.metrics.significance import SharpeEstimate, deflated_sharpe
from backtester.sweep.names import ObjectiveName

DEFLATED: ObjectiveName = "deflated"


def value_of(objective: ObjectiveName, figures: Performance, returns: Floats, trials: int) -> float | None:
    """None where it is not defined; `returns` by day, shape (D,), `trials` as many as will be made."""
    if objective != DEFLATED:
        found: float | None = getattr(figures, objective)
        return found
    return deflated(returns, trials)


def deflated(returns: Floats, trials: int) -> float | None:
    """Deflated Sharpe ratio before the other trials are known.

    Their Sharpe ratios' variance is taken as that of worthless normal returns, 1 / (D - 1) (Lo, "The Statistics of
    Sharpe Ratios", FAJ 58(4), 2002). What is said of the best afterwards uses the variance that came out.
    """
    estimate = SharpeEstimate.of(returns)
    if estimate is None or estimate.count < 2:
        return None
    return deflated_sharpe(estimate, trials, 1.0 / (estimate.count - 1))


def daily_returns(curve: EquityCurve) -> Floats:
    """Of every day, shape (D,), for a ruined account too: it loses all that is left, and then nothing more."""
    equity = np.maximum(curve.daily().equity, 0.0)
    alive = np.minimum.accumulate(equity > 0)
    before, after = np.where(alive, equity, 0.0)[:-1], np.where(alive, equity, 0.0)[1:]
    return np.divide(after, before, where=before > 0, out=np.ones_like(before)) - 1.0
