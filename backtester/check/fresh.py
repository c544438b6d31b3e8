"""What a strategy says in a process just started: one that saw no later bar yet, and one that saw another market first.

What a module or a class keeps outlives every strategy made of it: in a process that scored all bars once, no value can
be trusted to know no later one.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np

from backtester.check.findings import Finding
from backtester.check.futures import STRETCHED, replaced
from backtester.check.gaps import before_gaps
from backtester.check.probe import Failed, Floats, Make, Probe, differing, scored
from shared.strategies.market import Market

EARLY = 24
"""Of the bars that speak the first, each as the newest one."""
DRAWN = 12
"""Of the bars that speak, of those that do not and of those before a gap; and as many before the largest moves."""
COMMAND = (sys.executable, "-P", "-c", "from backtester.check.fresh import main; main()")
OTHER_FIRST = "the value depends on a market that the process scored before"
NOT_FIRST = "a process just started gives another value than this one, which had scored other bars before"


@dataclass(frozen=True, slots=True)
class Life:
    """What a process scores: `before`, then the bars before each of `stops`, ascending. `expected` has shape (n,)."""

    make: Make
    market: Market
    stops: tuple[int, ...]
    expected: Floats = field(repr=False)
    before: Market | None = None


@dataclass(frozen=True, slots=True)
class Lived:
    """The first bar whose value was not the expected one, which it was, when `stop` bars were known; and the last call.

    `index` is None where all were.
    """

    values: Floats = field(repr=False)
    index: int | None = None
    found: float = 0.0
    stop: int = 0


def fresh(probe: Probe, rng: np.random.Generator) -> tuple[list[Finding], int]:
    """Values that know what the process scored before, the future or another market; and the histories scored.

    Failed: score() raises there, or the process dies.
    """
    bars = len(probe.market)
    growing = Life(probe.make, probe.market, telling(probe, rng), probe.whole)
    other = replaced(probe.market, np.array([0]), bars, STRETCHED)
    second = Life(probe.make, probe.market, (bars,), probe.whole, other)
    lives = grown, after_other = in_processes([growing, second])
    scored_there = len(growing.stops) + 1
    if all(lived.index is None for lived in lives):
        return [], scored_there
    (first,) = in_processes([replace(second, before=None)])
    if first.index is not None:
        (grown,) = in_processes([replace(growing, expected=first.values)])
        return [*_state(probe, first, NOT_FIRST), *_ahead(probe, grown, first.values)], scored_there
    return [*_state(probe, after_other, OTHER_FIRST), *_ahead(probe, grown, probe.whole)], scored_there


def telling(probe: Probe, rng: np.random.Generator) -> tuple[int, ...]:
    """How many bars are known, ascending: so that the newest of them is a bar at which a look ahead would pay."""
    warm = np.arange(len(probe.market) - 1) >= probe.warmup - 1
    speaks = probe.whole[:-1] != 0
    moves = np.abs(np.diff(np.log(probe.market.close)))
    chosen = {probe.warmup - 1, len(probe.market) - 2, *np.flatnonzero(warm & speaks)[:EARLY].tolist()}
    for places in (np.flatnonzero(warm & speaks), np.flatnonzero(warm & ~speaks), before_gaps(probe)):
        chosen.update(rng.permutation(places)[:DRAWN].tolist())
    chosen.update(np.argsort(np.where(warm, -moves, 0.0), kind="stable")[:DRAWN].tolist())
    return tuple(sorted(index + 1 for index in chosen))


def in_processes(lives: Sequence[Life]) -> list[Lived]:
    """What each gave, in a process of its own. Failed: score() raised in one, or it died."""
    with ExitStack() as stack:
        started = [stack.enter_context(_started()) for _ in lives]
        return [_told(process, life) for process, life in zip(started, lives, strict=True)]


def lived(life: Life) -> Lived:
    """The same in this process."""
    if life.before is not None:
        scored(life.make(), life.before)
    first: Lived | None = None
    values = life.expected
    for stop in life.stops:
        values = scored(life.make(), life.market.between(0, stop))
        for index in np.flatnonzero(differing(values, life.expected[:stop]))[:1].tolist():
            if first is None or first.index is None or index < first.index:
                first = Lived(values, index, float(values[index]), stop)
    return replace(first, values=values) if first else Lived(values)


def _started() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    pipe = subprocess.PIPE
    return subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": path})


def _told(process: subprocess.Popen[bytes], life: Life) -> Lived:
    answer, said = process.communicate(pickle.dumps(life))
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2] or f"status {process.returncode}"
        raise Failed(Finding("raises", f"a process just started for it died: {last}"))
    told: Lived | Finding = pickle.loads(answer)
    if isinstance(told, Finding):
        raise Failed(replace(told, detail=f"in a process just started, {told.detail}"))
    return told


def _state(probe: Probe, lived: Lived, detail: str) -> Iterator[Finding]:
    if lived.index is not None:
        yield probe.at("state", lived.index, detail, float(probe.whole[lived.index]), lived.found)


def _ahead(probe: Probe, lived: Lived, whole: Floats) -> Iterator[Finding]:
    if lived.index is not None:
        detail = f"the value was another one in a process that had seen no bar after bar {lived.stop - 1}"
        yield probe.at("look-ahead", lived.index, detail, lived.found, float(whole[lived.index]))


def main() -> None:
    """Reads a Life from standard input, writes what it gave, or the Finding that kept it from it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the one who asked says what Ctrl-C means
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # what a strategy prints is no answer
        life: Life = pickle.load(sys.stdin.buffer)
        try:
            told: Lived | Finding = lived(life)
        except Failed as failed:
            told = failed.finding
        pickle.dump(told, answer)
