"""New bars beside stored ones of the same pair: prices ten times off are most likely another pair's."""

from collections.abc import Iterable

import numpy as np

from shared.errors import ConfigError
from shared.strategies.market import Market
from shared.timeframes import MINUTE

ADJACENT = 7 * 1440 * MINUTE
"""Bars that are no farther apart than this have prices of one order of magnitude."""
FACTOR = 10.0


class OtherPair(ConfigError):
    """Prices that can't be of the pair under which they are to be stored."""


def require_same_pair(what: str, new: Market, others: Iterable[tuple[str, Market]]) -> None:
    """OtherPair names `what` and the first of the others that overlaps or is adjacent and ten times off."""
    for name, other in others:
        mine, theirs = _beside(new, other), _beside(other, new)
        if not len(mine) or not len(theirs):
            continue
        price, usual = float(np.median(mine.close)), float(np.median(theirs.close))
        if not usual / FACTOR < price < usual * FACTOR:
            raise OtherPair(
                f"{what}: prices near {price:g}, but near {usual:g} at that time in {name}; nothing is stored. "
                "Name the right pair as SYMBOL=FILE, or give --force"
            )


def span(market: Market) -> tuple[int, int]:
    """From and to when (microseconds) others overlap it or are adjacent."""
    return int(market.open_time[0]) - ADJACENT, int(market.open_time[-1]) + ADJACENT + 1


def _beside(one: Market, other: Market) -> Market:
    """The bars of the one that lie near those of the other."""
    if not len(other):
        return other
    start, end = np.searchsorted(one.open_time, span(other))
    return one.between(int(start), int(end))
