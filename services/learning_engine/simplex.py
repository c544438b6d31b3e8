"""Shares that sum to exactly one, inside bounds, in integer millionths. Pure."""

from collections.abc import Sequence

MILLION = 1_000_000
LEAST_DESIRE = 1e-12
"""Of a name that is wanted nowhere: it takes only what nobody else can hold."""


def millionths(weights: Sequence[float]) -> list[int]:
    """Weights in proportion, summing to exactly 1,000,000. ValueError: they sum to 0."""
    if not sum(weights) > 0:
        raise ValueError("weights sum to 0")
    return projected(weights, [0] * len(weights), [MILLION] * len(weights))


def projected(desired: Sequence[float], low: Sequence[int], high: Sequence[int], total: int = MILLION) -> list[int]:
    """Integers summing to `total` within `low` and `high`, as near as they can be in proportion to `desired`.

    Water-filling: clip(level * desired, low, high) with the one level whose sum is the total, then largest remainders,
    ties to the first. ValueError: the bounds leave no room for the total, or a bound or a desire is negative.
    """
    if not sum(low) <= total <= sum(high) or min(low) < 0 or min(desired) < 0:
        raise ValueError(f"no way to share {total} out between {list(low)} and {list(high)}")
    desired = [max(d, LEAST_DESIRE) for d in desired]
    level = _level(desired, low, high, total)
    exact = [_clipped(level * d, lo, hi) for d, lo, hi in zip(desired, low, high, strict=True)]
    return _rounded(exact, total)


def _clipped(value: float, low: int, high: int) -> float:
    return min(float(high), max(float(low), value))


def _level(desired: Sequence[float], low: Sequence[int], high: Sequence[int], total: int) -> float:
    def sum_at(level: float) -> float:
        return sum(_clipped(level * d, lo, hi) for d, lo, hi in zip(desired, low, high, strict=True))

    below, above = 0.0, 1.0
    while sum_at(above) < total and above < 1e300:
        above *= 2.0
    while below < (middle := (below + above) / 2.0) < above:
        below, above = (middle, above) if sum_at(middle) < total else (below, middle)
    return below


def _rounded(exact: Sequence[float], total: int) -> list[int]:
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares
