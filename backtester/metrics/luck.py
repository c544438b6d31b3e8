"""Could it be luck? The evidence of a run, or of the best run of a sweep, and the verdict in words."""

from dataclasses import dataclass, replace
from enum import StrEnum
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

MIN_PERIODS = 20
"""Of returns that are judged; of fewer a Sharpe ratio says next to nothing, and a test of it is not to be trusted."""


class Answer(StrEnum):
    """What can be said of a run, in the words that its verdict begins with."""

    NOTHING = "nothing to judge"
    TOO_SHORT = "too short to judge"
    LOST = "lost, and luck does not explain it"
    COULD_BE_LUCK = "could be luck"
    HARD_TO_EXPLAIN = "hard to explain by luck"


COULD_BE_LUCK = Answer.COULD_BE_LUCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about a run's Sharpe ratio; None where not defined.

    `trials` made, the chosen one included, and `periods` of returns, `flat` where none of them differs from 0, as
    without a trade; `probabilistic` and `deflated` probabilities, `track_record` the periods needed for `confidence`,
    `overfitting` the probability of it, `interval` of the annual Sharpe ratio.
    """

    trials: int
    periods: int
    confidence: float
    interval: Interval | None = None
    overfitting: float | None = None
    probabilistic: float | None = None
    deflated: float | None = None
    track_record: float | None = None
    flat: bool = False


class Verdict(NamedTuple):
    """`words` are an Answer, a colon and why; `could_be_luck` is False only of LOST and HARD_TO_EXPLAIN."""

    could_be_luck: bool
    words: str

    @property
    def answer(self) -> Answer:
        """What the words begin with: the one to choose a colour or a sentence by."""
        return Answer(self.words.partition(":")[0])


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
        flat=not returns.any(),
        overfitting=None if trials is None else probability_of_overfitting(trials, blocks),
        interval=bootstrap_interval(
            returns, lambda sample: sharpe(sample, periods_per_year), seed=seed, confidence=confidence
        ),
        confidence=confidence,
    )
    estimate = SharpeEstimate.of(returns)
    return known if estimate is None else _with_estimate(known, estimate, trials)


def verdict(known: Evidence, overfit_above: float = 0.5) -> Verdict:
    """In one sentence; of a run that gained, luck stays possible while any measure leaves it so, or is not defined.

    That is a probabilistic (of one trial) or deflated Sharpe ratio below the confidence, a run shorter than its
    minimum track record, an interval that reaches 0, or a probability of overfitting above `overfit_above`. At 0.5
    the choice is no better than a draw. Equally good trials come out there too, so a lower limit suits only sweeps
    whose trials really differ. A flat run and one below MIN_PERIODS are not judged; an interval wholly below 0 is a
    loss that luck does not explain.
    """
    for answer in (_nothing, _too_short, _lost):
        if (found := answer(known)) is not None:
            return found
    return _luck(known, overfit_above)


def _nothing(known: Evidence) -> Verdict | None:
    if not known.flat:
        return None
    return Verdict(True, f"{Answer.NOTHING}: no period gained or lost anything")


def _too_short(known: Evidence) -> Verdict | None:
    if known.periods >= MIN_PERIODS:
        return None
    return Verdict(True, f"{Answer.TOO_SHORT}: {known.periods} periods of returns, {MIN_PERIODS} are the least")


def _lost(known: Evidence) -> Verdict | None:
    if known.interval is None or known.interval.high >= 0:
        return None
    return Verdict(False, f"{Answer.LOST}: {_interval(known).words}")


def _luck(known: Evidence, overfit_above: float) -> Verdict:
    findings = [_ratio(known), *_length(known), _interval(known)]
    if known.trials > 1:
        findings.append(_overfitting(known, overfit_above))
    doubts = [finding for finding in findings if finding.doubtful]
    told = "; ".join(finding.words for finding in doubts or findings)
    if not doubts:
        return Verdict(False, f"{Answer.HARD_TO_EXPLAIN}: {told}")
    return Verdict(True, f"{Answer.COULD_BE_LUCK}: {told}{_of_a_loss(known)}")


def _of_a_loss(known: Evidence) -> str:
    """Nobody should read that a loss was nothing but bad luck."""
    lost = known.probabilistic is not None and known.probabilistic < 0.5
    return "; it lost, which chance explains as well as a bad strategy does" if lost else ""


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
    """Of the Sharpe ratios per period of trials with returns of their own; one that never varied was worth 0.

    A search that makes the same run again and again has learnt nothing by it: the repeats would lower the variance,
    and so what the best of worthless trials is expected to show. Source: López de Prado & Lewis, "Detection of False
    Investment Strategies Using Unsupervised Learning Methods", Quantitative Finance 19(9), 2019, who take the variance
    over clusters of trials that resemble each other; here a cluster is of equal ones only, and the number of trials
    stays that of all made, the careful side.
    """
    distinct = {column.tobytes(): column for column in trials.T}
    estimates = [SharpeEstimate.of(column) for column in distinct.values()]
    ratios = [0.0 if estimate is None else estimate.ratio for estimate in estimates]
    return float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0


def _ratio(known: Evidence) -> _Finding:
    name = "probabilistic Sharpe ratio" if known.trials == 1 else f"Sharpe ratio deflated for {known.trials} trials"
    value = known.probabilistic if known.trials == 1 else known.deflated
    if value is None:
        return _Finding(True, f"{name} not defined")
    return _Finding(value < known.confidence, f"{name} {value:.1%} ({known.confidence:.0%} wanted)")


def _length(known: Evidence) -> list[_Finding]:
    """Nothing where the ratio is not above 0: then no length would do, and the ratio says enough."""
    if known.track_record is not None:
        needed = f"{known.periods} periods, {known.track_record:.0f} needed"
        return [_Finding(known.track_record > known.periods, needed)]
    if known.probabilistic is not None:
        return []
    return [_Finding(True, f"{known.periods} periods, how many are needed is not defined")]


def _interval(known: Evidence) -> _Finding:
    if known.interval is None:
        return _Finding(True, "no interval of the Sharpe ratio")
    low, high, confidence = known.interval
    return _Finding(low <= 0, f"annual Sharpe ratio from {low:.2f} to {high:.2f} ({confidence:.0%})")


def _overfitting(known: Evidence, limit: float) -> _Finding:
    if known.overfitting is None:
        return _Finding(True, "probability of overfitting not defined")
    return _Finding(known.overfitting > limit, f"probability of overfitting {known.overfitting:.0%}")
