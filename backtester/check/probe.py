"""A strategy and the bars it is asked about: every question to a strategy just made, on bars of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from backtester.check.findings import TOLERANCE, Finding, Kind
from backtester.check.futures import STRETCH, STRETCHED, TURNED, Elsewhere, Places, interrupted, replaced
from backtester.data.rows import VALUES
from shared.strategies.base import Strategy
from shared.strategies.market import Market
from shared.strategies.scoring import NoValues, answered

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Make = Callable[[], Strategy]
"""Makes a new strategy at each call. It can be pickled, as processes of their own are asked too."""


class Failed(Exception):
    """The strategy gave no values to look at; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Probe:
    """`whole`, shape (n,), is what a strategy just made says of all bars. Every question raises Failed."""

    make: Make
    market: Market
    warmup: int
    whole: Floats = field(repr=False)

    def history(self, index: int) -> float:
        """The value of a bar while it is the newest."""
        return float(scored(self.make(), self.market.between(0, index + 1))[index])

    def window(self, index: int, bars: int) -> float:
        """The value of a bar while it is the newest, and only `bars` bars up to it are known."""
        return float(scored(self.make(), self.market.between(max(0, index + 1 - bars), index + 1))[-1])

    def elsewhere(self, index: int, how: Elsewhere) -> Floats:
        """The values of all bars up to this one, had the market gone elsewhere after it."""
        left = len(self.market) - index - 1
        other = replaced(self.market, np.array([index + 1]), left, how) if left else self.market
        return scored(self.make(), other)[: index + 1]

    def interrupted(self, index: int) -> float:
        """The value of a bar, had the next bars come at other times: after a gap, or at once where there was one."""
        known = self.market.between(0, index + 1 + STRETCH)
        return float(scored(self.make(), interrupted(known, np.array([index + 1]), STRETCH)[0])[index])

    def truncated(self, index: int) -> Floats:
        """The values of all bars up to this one, with none after it."""
        return scored(self.make(), self.market.between(0, index + 1))

    def at(self, kind: Kind, index: int, detail: str, expected: float, found: float) -> Finding:
        """A finding at a bar of these."""
        return Finding(kind, detail, index, int(self.market.open_time[index]), expected, found)

    def ahead(self, index: int) -> Finding | None:
        """Whether a bar's value changes with what comes after it, alone or within any other change of the future."""
        whole = float(self.whole[index])
        if differ(found := self.history(index), whole):
            return self.at("look-ahead", index, "the value changed when the bars after it were cut off", found, whole)
        for how in (TURNED, STRETCHED):
            if differ(found := float(self.elsewhere(index, how)[index]), whole):
                detail = "the value changed when the bars after it were replaced by others"
                return self.at("look-ahead", index, detail, found, whole)
        return self.ahead_in_time(index)

    def ahead_in_time(self, index: int) -> Finding | None:
        """Whether a bar's value changes with the times at which the next bars come."""
        whole = float(self.whole[index])
        if index + 1 < len(self.market) and differ(found := self.interrupted(index), whole):
            detail = "the value changed when the bars after it came at other times"
            return self.at("look-ahead", index, detail, found, whole)
        return None

    def forgets(self, index: int, bars: int) -> Finding | None:
        """Whether a bar's value needs more bars before it than `bars`."""
        found, history = self.window(index, bars), self.history(index)
        if not differ(found, history):
            return None
        detail = f"the value with {bars} bars of past is not the one with all {index + 1}"
        return self.at("warm-up", index, detail, history, found)


def probed(make: Make, market: Market) -> Probe:
    """A strategy on these bars. Failed: it can't be made, has no warm-up, or gives no value for each bar."""
    strategy, warmup = _made(make)
    if not is_warmup(warmup):
        raise Failed(Finding("shape", f"warmup is {warmup!r}; give a whole number of bars from 1 on"))
    return Probe(make, market, warmup, scored(strategy, market))


def is_warmup(warmup: object) -> bool:
    """Whether it is a number of bars."""
    return isinstance(warmup, int) and not isinstance(warmup, bool) and warmup >= 1


def _made(make: Make) -> tuple[Strategy, int]:
    try:
        strategy = make()
        return strategy, strategy.warmup
    except Exception as error:  # whatever a stranger's code raises is the finding
        raise Failed(Finding("raises", f"it can't be made: {_said(error)}")) from error


def scored(strategy: Strategy, market: Market) -> Floats:
    """One value for each bar, float64, on bars of the call's own. Failed: it raises, or gives something else."""
    return asked(strategy, copied(market))


def asked(strategy: Strategy, market: Market) -> Floats:
    """The same on these very bars."""
    bars = len(market)
    try:
        return answered(strategy, market)
    except NoValues as error:
        raise Failed(Finding("shape", str(error))) from error
    except (Exception, SystemExit) as error:
        raise Failed(Finding("raises", f"score() of {bars} bars raised {_said(error)}")) from error


def explained(strategy: Strategy, market: Market) -> Finding | None:
    """Whether explain() of these very bars fails, or says nothing."""
    try:
        words = strategy.explain(market)
    except Exception as error:  # noqa: BLE001  whatever a stranger's code raises is the finding
        return Finding("explain", f"explain() of {len(market)} bars raised {_said(error)}")
    if isinstance(words, str) and words:
        return None
    return Finding("explain", f"explain() of {len(market)} bars gave {words!r}; return words")


def copied(market: Market) -> Market:
    """The same bars in arrays of their own: what a call does to them, or keeps of them, is its own affair."""
    mood = None if market.sentiment is None else market.sentiment.copy()
    return replace(
        market,
        open_time=market.open_time.copy(),
        **{name: getattr(market, name).copy() for name in VALUES},
        sentiment=mood,
    )


def differ(one: float, other: float) -> bool:
    """By more than the tolerance; nan is equal to nan."""
    return bool(differing(np.array([one]), np.array([other]))[0])


def differing(one: Floats, other: Floats) -> Bools:
    """Where values of shape (n,) differ by more than the tolerance; nan is equal to nan."""
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other) <= TOLERANCE
    differs: Bools = ~(near | (one == other) | (np.isnan(one) & np.isnan(other)))
    return differs


def just_before(starts: Places, changed: Bools) -> Iterator[int]:
    """The bars that changed where none may: just before a stretch of replaced bars, and all before the first one."""
    yield from np.flatnonzero(changed[: starts[0]]).tolist()
    yield from (starts[changed[starts - 1]] - 1).tolist()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
