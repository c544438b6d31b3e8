"""What a value depends on: nothing after its bar, and at most `warmup` bars up to it.

Asked of every bar at once: a run replaces a stretch of bars every `STRETCH + warmup` bars. The value just before a
stretch still knows the `warmup` bars since the stretch before it, and must be what it was. A run moves the stretches on
by one bar; after `STRETCH + warmup` runs every bar has stood just before one. What changed is asked again alone, for
an exact answer: was it the past or the future?
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from backtester.check.findings import Finding, Looked
from backtester.check.futures import STRETCH, STRETCHED, TURNED, Places, replaced
from backtester.check.gaps import before_gaps, unsteady
from backtester.check.probe import Probe, differ, differing, just_before, scored

CUTS = 50
"""Bars after which all bars are taken away, and as many after which all are replaced."""
WINDOWS = 1000
"""Bars that speak, and as many that do not, whose value is asked with the warm-up alone."""
SUSPECTS = 64
"""Changed values that are asked again, the earliest first."""
ROUNDS = 4
SCANNED = 5000
"""Bars that are asked one by one whether one of them offends before the first that was found."""
Progress = Callable[[int, int], None]
"""Told the runs that are done, and how many there are."""


@dataclass(slots=True)
class Horizon:
    """What was found; `needed` is the least warm-up that does, None where nothing short of all history is."""

    looked: Looked
    needed: int | None
    ahead: list[Finding] = field(default_factory=list)
    forgets: list[Finding] = field(default_factory=list)


def surveyed(probe: Probe, cuts: int, seed: int, progress: Progress) -> Horizon:
    """Look-ahead and warm-up. `cuts` bars, all where there are no more, get other bars after them.

    A warm-up that is too short would blur what the runs show, so they are made again with one that does.
    """
    rng = np.random.default_rng(seed)
    seen = Horizon(Looked(len(probe.market), int(np.count_nonzero(probe.whole))), probe.warmup)
    _cut(probe, seen, rng)
    _windows(probe, seen, rng)
    seen.needed = _least(probe, probe.warmup, seen.forgets)
    for _ in range(ROUNDS):
        if seen.needed is None:
            break
        known = len(seen.forgets)
        _runs(probe, seen, cuts, rng, progress)
        if len(seen.forgets) == known:
            break
        seen.needed = _least(probe, seen.needed, seen.forgets[known:])
    _gaps(probe, seen, rng)
    _scan(probe, seen)
    _scan_times(probe, seen)
    return seen


def first(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The one of the earliest bar, if there is one."""
    found = sorted(findings, key=lambda finding: finding.index or 0)
    yield from found[:1]


def _cut(probe: Probe, seen: Horizon, rng: np.random.Generator) -> None:
    """All that comes after a bar taken away, and replaced: every value up to it must stay."""
    last = len(probe.market) - 2
    drawn = {index: bool(rng.integers(2)) for index in _drawn(np.arange(last), 2 * CUTS - 1, rng)}
    drawn |= dict.fromkeys((*_drawn(before_gaps(probe), CUTS // 2, rng), last), True)
    for index, cut in sorted(drawn.items()):
        values = probe.truncated(index) if cut else probe.elsewhere(index, STRETCHED)
        seen.looked = seen.looked.plus(cuts=1)
        changed = np.flatnonzero(differing(values, probe.whole[: index + 1]))
        if len(changed):
            place = int(changed[0])
            how = "cut off" if cut else "replaced by others"
            detail = f"the value changed when the bars after bar {index} were {how}"
            known = probe.at("look-ahead", place, detail, float(values[place]), float(probe.whole[place]))
            seen.ahead.append(probe.ahead(place) or known)
            return


def _windows(probe: Probe, seen: Horizon, rng: np.random.Generator) -> None:
    """The bars of the warm-up alone, at bars that speak and at others: whatever lies outside, near or far."""
    warm = np.arange(len(probe.market)) >= probe.warmup - 1
    spoken = _drawn(np.flatnonzero(warm & (probe.whole != 0)), WINDOWS, rng)
    silent = _drawn(np.flatnonzero(warm & (probe.whole == 0)), WINDOWS // 5, rng)
    suspects = []
    for index in sorted((*spoken, *silent)):
        seen.looked = seen.looked.plus(windows=1)
        if differ(probe.window(index, probe.warmup), float(probe.whole[index])):
            suspects.append(index)
    _judge(probe, seen, suspects, probe.warmup)


def _runs(probe: Probe, seen: Horizon, cuts: int, rng: np.random.Generator, progress: Progress) -> None:
    assert seen.needed is not None
    period, bars = seen.needed + STRETCH, len(probe.market)
    runs = min(period, -(-cuts * period // bars))
    suspects: set[int] = set()
    for done, offset in enumerate(rng.permutation(period)[:runs].tolist()):
        progress(done, runs)
        # a stretch that began before the first bar leaves fewer than the warm-up's bars, and is no stretch
        starts = np.arange(offset or period, bars, period)
        if not len(starts):
            continue
        values = scored(probe.make(), replaced(probe.market, starts, STRETCH, TURNED))
        seen.looked = seen.looked.plus(runs=1)
        changed = differing(values, probe.whole)
        suspects.update(just_before(starts, changed))
    progress(runs, runs)
    tested = bars - 1 if runs == period else min(bars - 1, runs * bars // period)
    seen.looked = seen.looked.plus(replaced=tested)
    _judge(probe, seen, sorted(suspects), seen.needed)


def _gaps(probe: Probe, seen: Horizon, rng: np.random.Generator) -> None:
    suspects, asked = unsteady(probe, seen.needed, rng)
    seen.looked = seen.looked.plus(gaps=asked)
    _judge(probe, seen, suspects, seen.needed or probe.warmup)


def _judge(probe: Probe, seen: Horizon, suspects: Iterable[int], warmup: int) -> None:
    """The past or the future: the first bar of each."""
    ahead, forgets = None, None
    for asked, index in enumerate(suspects):
        ahead = ahead or probe.ahead(index)
        forgets = forgets or probe.forgets(index, warmup)
        if (ahead and forgets) or asked >= SUSPECTS:
            break
    seen.ahead.extend(filter(None, [ahead]))
    seen.forgets.extend(filter(None, [forgets]))


def _scan(probe: Probe, seen: Horizon) -> None:
    """Whether an earlier bar offends in the same way: not every bar was asked about all that lies far from it."""
    for findings, warmup in ((seen.forgets, probe.warmup), (seen.ahead, seen.needed or len(probe.market))):
        found = min((finding.index or 0 for finding in findings), default=0)
        for index in range(probe.warmup - 1, min(found, SCANNED)):
            if not differ(probe.window(index, warmup), float(probe.whole[index])):
                continue
            earlier = probe.ahead(index) if findings is seen.ahead else probe.forgets(index, warmup)
            if earlier is not None:
                findings.append(earlier)
                break


def _scan_times(probe: Probe, seen: Horizon) -> None:
    """The same for a look at the next bar's time, which a bar without a gap after it shows only where one is made."""
    found = min((finding.index or 0 for finding in seen.ahead), default=0)
    if not found or probe.ahead_in_time(found) is None:
        return
    earlier = filter(None, map(probe.ahead_in_time, range(probe.warmup - 1, min(found, SCANNED))))
    seen.ahead.extend(islice(earlier, 1))


def _least(probe: Probe, warmup: int, forgotten: list[Finding]) -> int | None:
    """The least warm-up that gives the offending bars, and late ones like them, the value of all history; bisected.

    None where half of the history is not enough.
    """
    if not forgotten:
        return warmup
    bars = len(probe.market)
    late = np.flatnonzero((probe.whole != 0) & (np.arange(bars) >= bars // 2))[::-1]
    judges = {*(finding.index or 0 for finding in forgotten), *late[:: max(1, len(late) // 20)].tolist(), bars - 1}
    values = {index: probe.history(index) for index in judges}

    def does(many: int) -> bool:
        return not any(differ(probe.window(index, many), value) for index, value in values.items() if index >= many)

    low, high = warmup, bars // 2
    if not does(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if does(middle) else (middle, high)
    return high


def _drawn(places: Places, count: int, rng: np.random.Generator) -> list[int]:
    drawn: list[int] = rng.permutation(places)[:count].tolist()
    return sorted(drawn)
