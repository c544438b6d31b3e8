"""One score from many strategies: the weighted mean over those that spoke."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, isfinite


@dataclass(frozen=True, slots=True)
class Contribution:
    """A strategy's part: `share` is weight * score over the weights that spoke, so the shares sum to the ensemble."""

    strategy: str
    weight: float
    score: float
    share: float


@dataclass(frozen=True, slots=True)
class Ensemble:
    """`score` in [-1, 1], 0 where nobody spoke; contributions by strategy name, the silent ones with share 0."""

    score: float
    contributions: tuple[Contribution, ...]


def combine(scores: Mapping[str, float], weights: Mapping[str, float]) -> Ensemble:
    """Weighted mean of the non-zero scores, rounded to 1e-6, whatever the order of the mappings.

    Silence is no vote against: a single strategy that speaks decides with its own score. Weights of strategies
    without a score are ignored. ValueError: a score outside [-1, 1], a weight missing, negative or not finite,
    or the weights of the scored strategies sum to 0.
    """
    for name, score in scores.items():
        _check(name, score, weights)
    if not fsum(weights[name] for name in scores) > 0:
        raise ValueError("the weights of the strategies sum to 0")
    spoke = fsum(weights[name] for name, score in scores.items() if score)
    parts = tuple(_contribution(name, scores[name], weights[name], spoke) for name in sorted(scores))
    exact = fsum(part.weight * part.score for part in parts) / spoke if spoke else 0.0
    return Ensemble(round(exact, 6) + 0.0, parts)


def _check(name: str, score: float, weights: Mapping[str, float]) -> None:
    if not -1 <= score <= 1:
        raise ValueError(f"score of {name} is {score}, outside [-1, 1]")
    weight = weights.get(name)
    if weight is None or not isfinite(weight) or weight < 0:
        raise ValueError(f"weight of {name} is {weight}, expected a number of at least 0")


def _contribution(name: str, score: float, weight: float, spoke: float) -> Contribution:
    share = round(weight * score / spoke, 6) + 0.0 if spoke else 0.0
    return Contribution(name, weight, score, share)
