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
        off += whole < 1 or abs(exact - whole) > OFF_TICK * max(1.0, abs(exact) * OFF_TICK)
        ticks[place] = whole
    return off


def put_loud(scores: Floats, least: float, places: Ints) -> int:
    """Writes where a score is at least `least` on either side; gives how many there are."""
    found = 0
    for place in range(len(scores)):
        places[found] = place
        found += abs(scores[place]) >= least
    return found


ROUNDED = 2.0**-50
"""What one step of the recursion may be off, in parts of what it adds up: four roundings and one to spare."""
SUMMED = 2.0**-45
"""The same for a sum of a window's products as the indicator forms it: one rounding each, and as many to spare."""


def put_atrs(
    high: Floats, low: Floats, close: Floats, decay: float, window: int, places: Ints, atrs: Floats, off: Floats
) -> None:
    """Writes the ATR of the bars at `places` (ascending), nan where it is not known; in one step a bar.

    Wilder's weights decay^k, cut after `window` bars and normalised, as a recursion that drops what leaves the window.
    `off` is how far each may lie from the indicator's own sum.
    """
    first = (1.0 - decay) / (1.0 - decay**window)
    last = first * decay**window
    mean, error, at = 0.0, 0.0, 0
    for bar in range(1, len(close)):
        new = first * true_range(high, low, close, bar)
        old = last * true_range(high, low, close, bar - window) if bar > window else 0.0
        mean = decay * mean + (new - old)
        error = decay * error + ROUNDED * (abs(mean) + new + old)
        while at < len(places) and places[at] <= bar:
            known = places[at] == bar and bar >= window
            atrs[at], off[at] = mean if known else math.nan, error + SUMMED * abs(mean)
            at += 1


def true_range(high: Floats, low: Floats, close: Floats, bar: int) -> float:
    """From the bar and the close before it."""
    return float(max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1]))
