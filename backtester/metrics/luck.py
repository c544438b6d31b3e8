"""Could it be luck? The evidence of a run, or of the best run of a sweep, and the verdict in words."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from backtester.metrics.bootstrap import Interval, bootstrap_interval
from backtester.metrics.deviation import Floats
from backtester.metrics.overfitting import probability_of_overfitting
from backtester.metrics.ratios import sharpe
from backtester.metrics.significance import (
    SharpeEstimate,
    deflated_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)

COULD_BE_LUCK = "could be luck"
HARD_TO_EXPLAIN = "hard to explain by luck"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about a run's Sharpe ratio; None where not defined.

    `trials` made, the chosen one included, and `periods` of returns; `probabilistic` and `deflated` probabilities,
    `track_record` the periods needed for `confidence`, `overfitting` the probability of it, `interval` of the annual
    Sharpe ratio.
    """

    trials: int
    periods: int
    confidence: float
    interval: Interval | None = None
    overfitting: float | None = None
    probabilistic: float | None = None
    deflated: float | None = None
    track_record: float | None = None


class Verdict(NamedTuple):
    """`words` begin with COULD_BE_LUCK or HARD_TO_EXPLAIN and go on with the numbers that say so."""

    could_be_luck: bool
    words: str


def evidence(
    returns: Floats,
    periods_per_year: float,
    *,
    seed: int,
    trials: Floats | None = None,
    blocks: int = 16,
    confidence: float = 0.95,
) -> Evidence:
    """Of a run's returns per period, shape (n,); days do well, minutes say hardly more and take long to resample.

    `trials` has the returns of every trial that was made, the failures too, shape (T, N) of the same periods: leaving
    some out makes luck look like skill. None where this was the only one. ValueError as `logits`.
    """
    if trials is not None and len(trials) != len(returns):
        raise ValueError(f"trials has {len(trials)} periods, returns {len(returns)}: both need the same")
    known = Evidence(
        trials=1 if trials is None else trials.shape[1],
        periods=len(returns),
        overfitting=None if trials is None else probability_of_overfitting(trials, blocks),
        interval=bootstrap_interval(
            returns, lambda sample: sharpe(sample, periods_per_year), seed=seed, confidence=confidence
        ),
        confidence=confidence,
    )
    estimate = SharpeEstimate.of(returns)
    return known if estimate is None else _with_estimate(known, estimate, trials)


def verdict(known: Evidence, overfit_above: float = 0.5) -> Verdict:
    """Luck stays possible while any measure leaves it so, or is not defined.

    That is a probabilistic (of one trial) or deflated Sharpe ratio below the confidence, a run shorter than its
    minimum track record, an interval that reaches 0, or a probability of overfitting above `overfit_above`. At 0.5
    the choice is no better than a draw. Equally good trials come out there too, so a lower limit suits only sweeps
    whose trials really differ.
    """
    findings = [_ratio(known), _length(known), _interval(known)]
    if known.trials > 1:
        findings.append(_overfitting(known, overfit_above))
    doubts = [finding for finding in findings if finding.doubtful]
    told = "; ".join(finding.words for finding in doubts or findings)
    return Verdict(bool(doubts), f"{COULD_BE_LUCK if doubts else HARD_TO_EXPLAIN}: {told}")


class _Finding(NamedTuple):
    doubtful: bool
    words: str


def _with_estimate(known: Evidence, estimate: SharpeEstimate, trials: Floats | None) -> Evidence:
    variance = 0.0 if trials is None else _variance_of_ratios(trials)
    return replace(
        known,
        probabilistic=probabilistic_sharpe(estimate),
        deflated=deflated_sharpe(estimate, known.trials, variance),
        track_record=minimum_track_record(estimate, confidence=known.confidence),
    )


def _variance_of_ratios(trials: Floats) -> float:
    """Of the trials' Sharpe ratios per period; one that never varied was worth 0."""
    estimates = [SharpeEstimate.of(column) for column in trials.T]
    ratios = [0.0 if estimate is None else estimate.ratio for estimate in estimates]
    return float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0


def _ratio(known: Evidence) -> _Finding:
    name = "probabilistic Sharpe ratio" if known.trials == 1 else f"Sharpe ratio deflated for {known.trials} trials"
    value = known.probabilistic if known.trials == 1 else known.deflated
    if value is None:
        return _Finding(True, f"{name} not defined")
    return _Finding(value < known.confidence, f"{name} {value:.1%} ({known.confidence:.0%} wanted)")


def _length(known: Evidence) -> _Finding:
    if known.track_record is None:
        return _Finding(True, f"{known.periods} periods, and no track record would be long enough")
    needed = f"{known.periods} periods, {known.track_record:.0f} needed"
    return _Finding(known.track_record > known.periods, needed)


def _interval(known: Evidence) -> _Finding:
    if known.interval is None:
        return _Finding(True, "no interval of the Sharpe ratio")
    low, high, confidence = known.interval
    return _Finding(low <= 0, f"annual Sharpe ratio from {low:.2f} to {high:.2f} ({confidence:.0%})")


def _overfitting(known: Evidence, limit: float) -> _Finding:
    if known.overfitting is None:
        return _Finding(True, "probability of overfitting not defined")
    return _Finding(known.overfitting > limit, f"probability of overfitting {known.overfitting:.0%}")
