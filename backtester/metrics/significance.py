"""How sure a Sharpe ratio is, given its length, its tails, and how many trials it was chosen from.

All Sharpe ratios here are per period, not annual. Sources: Bailey & López de Prado, "The Sharpe Ratio Efficient
Frontier", Journal of Risk 15(2), 2012 (probabilistic Sharpe ratio, minimum track record length), and "The Deflated
Sharpe Ratio", JPM 40(5), 2014.
"""

from dataclasses import dataclass
from math import e, sqrt
from statistics import NormalDist
from typing import Self

from backtester.metrics.deviation import NOISE, Floats, deviation

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """A Sharpe ratio per period over `count` returns, with their skewness and kurtosis (3 for normal returns)."""

    ratio: float
    count: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    @classmethod
    def of(cls, returns: Floats) -> Self | None:
        """Of returns above the risk-free rate, shape (n,); population moments. None where they do not vary."""
        spread = deviation(returns, 1.0)
        if spread is None:
            return None
        scores = (returns - returns.mean()) / returns.std()
        ratio = float(returns.mean()) / spread
        return cls(ratio, len(returns), float((scores**3).mean()), float((scores**4).mean()))

    @property
    def variance(self) -> float | None:
        """Variance of the estimate times (count - 1): 1 - skewness * SR + (kurtosis - 1) / 4 * SR**2 (2012).

        None where it is not above zero, as for returns of two values: then no normal law holds.
        """
        value = 1.0 - self.skewness * self.ratio + (self.kurtosis - 1.0) / 4.0 * self.ratio**2
        return value if value > NOISE * (1.0 + abs(self.skewness * self.ratio)) else None


def probabilistic_sharpe(estimate: SharpeEstimate, benchmark: float = 0.0) -> float | None:
    """PSR: the probability that the true Sharpe ratio exceeds `benchmark` (2012); None for one return."""
    if estimate.count < 2 or estimate.variance is None:
        return None
    return NORMAL.cdf((estimate.ratio - benchmark) * sqrt((estimate.count - 1) / estimate.variance))


def minimum_track_record(estimate: SharpeEstimate, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """MinTRL: returns needed until PSR(benchmark) reaches `confidence`, moments staying as they are (2012).

    None where the ratio does not exceed the benchmark: no length would do.
    """
    if estimate.variance is None or estimate.ratio <= benchmark:
        return None
    return 1.0 + estimate.variance * (NORMAL.inv_cdf(confidence) / (estimate.ratio - benchmark)) ** 2


def expected_best(trials: int, variance: float) -> float:
    """The Sharpe ratio to expect of the best of `trials` independent ones that are worth nothing (2014).

    `variance` of the Sharpe ratios over the trials, per period. Trials that resemble each other are fewer than their
    number: taking them all is the careful side. ValueError below one trial.
    """
    if trials < 1 or variance < 0:
        raise ValueError(f"{trials} trials with variance {variance}: need at least one trial, and no negative variance")
    if trials == 1:
        return 0.0
    highest = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    next_scale = NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * ((1.0 - EULER_MASCHERONI) * highest + EULER_MASCHERONI * next_scale)


def deflated_sharpe(estimate: SharpeEstimate, trials: int, variance: float) -> float | None:
    """DSR: the probability that the best of `trials` beats what the best of as many worthless ones would show (2014).

    For one trial it is PSR against 0. ValueError as `expected_best`.
    """
    return probabilistic_sharpe(estimate, expected_best(trials, variance))
