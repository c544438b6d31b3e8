"""Whether weights move, where to, and whether the last move is taken back. Pure, decided from rows alone."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, sqrt
from operator import attrgetter
from statistics import fmean, variance

from services.learning_engine.simplex import MILLION, millionths, projected

WINDOW = 100
"""Outcomes of a name that count: markets change."""
SHRINK = 10
"""Outcomes that are imagined to say nothing: n real ones count n / (n + 10)."""
NOISE, CERTAIN = 2.0, 6.0
"""Standard errors that chance explains, and beyond which more would prove nothing."""
FALL = 3.0
"""Standard errors by which results must fall for an adjustment to be taken back: trials are short, tails heavy."""
LEAST_MOVE = MILLION // 200


@dataclass(frozen=True, slots=True)
class Guardrails:
    """`min_trades` a name needs, and an adjustment is on trial for; weights stay in [floor, cap], move by max_step."""

    min_trades: int
    max_step: float
    floor: float
    cap: float
    cooldown: int

    @property
    def wait(self) -> int:
        """Trades between two adjustments: the last one is judged before the next is made."""
        return max(self.cooldown, self.min_trades)


@dataclass(frozen=True, slots=True)
class Result:
    """A trade's P&L as a fraction of what it cost; `instant` is the open of the base bar in which it closed."""

    instant: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """One name's part in a trade: its credit and the trade's P&L fraction."""

    credit: float
    fraction: float


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The last one: the weights before it, and the trades that closed on either side of it, oldest first."""

    before: Mapping[str, float]
    earlier: Sequence[Result]
    since: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one scope. `base` are the weights that people set, `outcomes` the newest of each name.

    `last` is None where learning never moved anything, or somebody set weights by hand since.
    """

    weights: Mapping[str, float]
    base: Mapping[str, float]
    outcomes: Mapping[str, Sequence[Attribution]]
    last: Adjustment | None


@dataclass(frozen=True, slots=True)
class Move:
    """New weights (sum 1) of every name, and why each one."""

    weights: Mapping[str, float]
    reasons: Mapping[str, str]


def decide(evidence: Evidence, rails: Guardrails) -> Move | None:
    """The next move of the weights, or None while nothing speaks for one."""
    if last := evidence.last:
        if len(last.since) < rails.wait:
            return None
        if trial_ends_now(last.since, rails.wait) and (why := worse(last)):
            return _back(evidence.weights, last.before, why)
    return _onward(evidence, rails)


def trial_ends_now(since: Sequence[Result], wait: int) -> bool:
    """Whether it was the last instant that completed the trial: an adjustment is judged once, not until it fails."""
    earlier = bisect_left(since, since[-1].instant, key=attrgetter("instant"))
    return earlier < wait <= len(since)


def worse(last: Adjustment) -> str:
    """How results fell by more than noise after an adjustment; empty where they did not (Welch's t)."""
    after, before = ([r.fraction for r in results] for results in (last.since, last.earlier[-WINDOW:]))
    if min(len(after), len(before)) < 2:
        return ""
    fall = fmean(before) - fmean(after)
    error = sqrt(variance(after) / len(after) + variance(before) / len(before))
    if fall <= FALL * error:
        return ""
    return (
        f"reverted: {fmean(after):+.4%} a trade over {len(after)} since, "
        f"{fmean(before):+.4%} over {len(before)} before the adjustment"
    )


def strength(outcomes: Sequence[Attribution], usual: float) -> float:
    """Shrunken t of how much better than the `usual` trade a name's trades did, rounded to 1e-6.

    A name is measured by credit * (fraction - usual): who always says the same knows nothing, and a desk that loses
    its fees everywhere blames nobody more than others.
    """
    n = len(outcomes)
    excess = [part.credit * (part.fraction - usual) for part in outcomes]
    if n < 2:
        return 0.0
    error, mean = sqrt(variance(excess) / n), fmean(excess)
    if error < 1e-12:
        return CERTAIN * ((mean > 1e-12) - (mean < -1e-12))
    return round(mean / error * n / (n + SHRINK), 6) + 0.0


def conviction(strength_: float) -> float:
    """What is left of a strength beyond noise, -4 to 4."""
    beyond = min(abs(strength_), CERTAIN) - NOISE
    return max(beyond, 0.0) * (1 if strength_ > 0 else -1)


def _back(weights: Mapping[str, float], before: Mapping[str, float], why: str) -> Move | None:
    changed = {name for name in weights if weights[name] != before[name]}
    return Move(dict(before), {name: why if name in changed else "stays" for name in weights}) if changed else None


def _onward(evidence: Evidence, rails: Guardrails) -> Move | None:
    names = sorted(evidence.weights)
    heard = {name: evidence.outcomes.get(name, ())[-WINDOW:] for name in names}
    if len(names) < 2 or max(map(len, heard.values())) < rails.min_trades:
        return None
    usual = _usual(heard)
    strengths = {n: strength(heard[n], usual) if len(heard[n]) >= rails.min_trades else 0.0 for n in names}
    now = millionths([evidence.weights[name] for name in names])
    desired = [evidence.base[name] * exp(conviction(strengths[name])) for name in names]
    after = projected(desired, *_bounds(now, rails))
    if not _worth_it(now, after, rails):
        return None
    reasons = {name: _reason(strengths[name], len(heard[name]), rails) for name in names}
    return Move({name: share / MILLION for name, share in zip(names, after, strict=True)}, reasons)


def _usual(heard: Mapping[str, Sequence[Attribution]]) -> float:
    fractions = [part.fraction for parts in heard.values() for part in parts]
    return fsum(fractions) / len(fractions)


def _bounds(now: Sequence[int], rails: Guardrails) -> tuple[list[int], list[int]]:
    """One step around the weights, inside floor and cap; weights set outside of them by hand are led back by steps.

    Where a side leaves no room for a sum of 1 (three names under a cap of 0.3), it binds only who is inside already.
    """
    floor, cap, step = (round(value * MILLION) for value in (rails.floor, rails.cap, rails.max_step))
    low = [min(max(floor, weight - step), weight + step) for weight in now]
    high = [max(min(cap, weight + step), weight - step) for weight in now]
    if sum(low) > MILLION:
        low = [min(bound, weight) for bound, weight in zip(low, now, strict=True)]
    if sum(high) < MILLION:
        high = [max(bound, weight) for bound, weight in zip(high, now, strict=True)]
    return low, high


def _worth_it(now: Sequence[int], after: Sequence[int], rails: Guardrails) -> bool:
    """A move of half a percent point, or the last bit of the way to the floor or the cap."""
    ends = {round(rails.floor * MILLION), round(rails.cap * MILLION)}
    return any(
        abs(new - old) >= LEAST_MOVE or (new != old and new in ends) for new, old in zip(after, now, strict=True)
    )


def _reason(strength_: float, trades: int, rails: Guardrails) -> str:
    if trades < rails.min_trades:
        return f"{trades} of {rails.min_trades} trades needed: makes room or takes what is free"
    verdict = "better than the rest" if strength_ > NOISE else "worse than the rest" if strength_ < -NOISE else "noise"
    return f"strength {strength_:+.2f} over {trades} trades: {verdict}"
