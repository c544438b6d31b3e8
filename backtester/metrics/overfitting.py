"""Probability of backtest overfitting by combinatorially symmetric cross-validation.

Source: Bailey, Borwein, López de Prado & Zhu, "The Probability of Backtest Overfitting", Journal of Computational
Finance 20(4), 2017 (first 2015), sections 3 and 4, with the Sharpe ratio as the measure of performance.
"""

from itertools import combinations

import numpy as np

from backtester.metrics.deviation import NOISE, Floats

_BATCH = 1024
"""Splits at a time: 1024 of 400 trials are 3 MB."""


def probability_of_overfitting(returns: Floats, blocks: int = 16) -> float | None:
    """Share of splits in which the trial that is best in one half ranks no better than the median in the other.

    Near 0.5 where choosing means nothing, near 0 where the best is really better. Arguments and None as `logits`.
    """
    found = logits(returns, blocks)
    return None if found is None else float((found <= 0).mean())


def logits(returns: Floats, blocks: int = 16) -> Floats | None:
    """ln(w / (1 - w)) for every split into halves, w the relative rank in one half of the best in the other.

    `returns` has a row a period and a column a trial, shape (T, N), the same periods for all; they are cut into
    `blocks` equal blocks (the oldest T mod blocks rows left out), and C(blocks, blocks / 2) splits are made of them.
    A trial that does not vary in a half counts with a ratio of 0 there; equals share their ranks. None for fewer than
    two trials, fewer than two rows a block, or trials that never vary. ValueError: not a finite matrix, odd blocks.
    """
    if returns.ndim != 2 or not np.isfinite(returns).all():
        raise ValueError("returns must be a finite matrix: a row for each period, a column for each trial")
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks is {blocks}, expected an even number of at least 2")
    periods, trials = returns.shape
    rows = periods // blocks
    if trials < 2 or rows < 2 or not np.ptp(returns, axis=0).any():
        return None
    cut = returns[periods - rows * blocks :].reshape(blocks, rows, trials)
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    splits = _splits(blocks)
    parts = (splits[at : at + _BATCH] for at in range(0, len(splits), _BATCH))
    return np.concatenate([_logits_of(part, sums, squares, rows) for part in parts])


def _splits(blocks: int) -> Floats:
    """1 where a block is in the half that chooses, shape (C(blocks, blocks / 2), blocks)."""
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    splits = np.zeros((len(chosen), blocks))
    np.put_along_axis(splits, chosen, 1.0, axis=1)
    return splits


def _logits_of(splits: Floats, sums: Floats, squares: Floats, rows: int) -> Floats:
    count = rows * splits.shape[1] // 2
    inside = _ratios(splits @ sums / count, splits @ squares / count)
    outside = _ratios((1 - splits) @ sums / count, (1 - splits) @ squares / count)
    best = np.take_along_axis(outside, inside.argmax(axis=1, keepdims=True), axis=1)
    below, equal = (outside < best).sum(axis=1), (outside == best).sum(axis=1)
    rank = (below + (equal + 1) / 2) / (outside.shape[1] + 1)
    return np.asarray(np.log(rank / (1 - rank)))


def _ratios(mean: Floats, square: Floats) -> Floats:
    variance = square - mean * mean
    varies = variance > NOISE * square
    return np.divide(
        mean, np.sqrt(variance, where=varies, out=np.ones_like(mean)), where=varies, out=np.zeros_like(mean)
    )
