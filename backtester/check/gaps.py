"""Gaps of the data, and gaps that are made: does a value know when the next bar comes?"""

import numpy as np

from backtester.check.futures import STRETCH, Places, after_gaps, interrupted
from backtester.check.probe import Probe, differ, differing, just_before, scored

GAPS = 5000
"""Bars before a gap that are asked, the earliest first."""
RUNS = 32
"""Runs that close the gaps there are, and as many that make some, each at many bars."""


def before_gaps(probe: Probe) -> Places:
    """The bars that may speak and have a gap after them."""
    bars = after_gaps(probe.market) - 1
    return bars[bars >= probe.warmup - 1][:GAPS]


def unsteady(probe: Probe, needed: int | None, rng: np.random.Generator) -> tuple[list[int], int]:
    """Bars whose value may know when the next bar comes, and how many were asked; `needed` is the warm-up that does.

    Where none does, bars before a gap are drawn: nothing short of a question to each says anything.
    """
    known = before_gaps(probe)
    if needed is None:
        drawn: list[int] = rng.permutation(known)[:RUNS].tolist()
        return sorted(drawn), len(drawn)
    asked = {*known.tolist(), len(probe.market) - 2}
    found = {index for index in asked if differ(probe.window(index, needed), float(probe.whole[index]))}
    period = needed + STRETCH
    made = [np.arange(offset or period, len(probe.market), period) for offset in rng.permutation(period)[:RUNS]]
    for starts in filter(len, [*_apart(known + 1, period), *made]):
        market, left = interrupted(probe.market, starts, STRETCH)
        values = probe.whole.copy()
        values[left] = scored(probe.make(), market)
        found.update(just_before(starts, differing(values, probe.whole)))
        asked.update((starts - 1).tolist())
    return sorted(found), len(asked)


def _apart(starts: Places, period: int) -> list[Places]:
    """As few groups as needed, RUNS at most, in which neighbours lie a period or more apart."""
    groups: list[list[int]] = []
    for start in starts.tolist():
        group = next((group for group in groups if start - group[-1] >= period), None)
        if group is not None:
            group.append(start)
        elif len(groups) < RUNS:
            groups.append([start])
    return [np.array(group) for group in groups]
