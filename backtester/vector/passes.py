"""Single passes over whole arrays, for the compiler."""

import math

from backtester.vector.state import Floats, Ints

OFF_TICK = 1e-6
"""How far from its tick a float may lie, in ticks; above a million ticks, in millionths of a millionth of itself."""


def put_ticks(prices: Floats, tick: float, ticks: Ints) -> int:
    """Writes whole ticks; gives how many prices lie between two of them."""
    off = 0
    for place in range(len(prices)):
        exact = prices[place] / tick
        whole = math.floor(exact + 0.5)
        off += abs(exact - whole) > OFF_TICK * max(1.0, abs(exact) * OFF_TICK)
        ticks[place] = whole
    return off


def put_loud(scores: Floats, least: float, places: Ints) -> int:
    """Writes where a score is at least `least` on either side; gives how many there are."""
    found = 0
    for place in range(len(scores)):
        places[found] = place
        found += abs(scores[place]) >= least
    return found
