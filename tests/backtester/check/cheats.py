"""Strategies that break one promise each, beside an honest one."""

import os
import sys
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shared.strategies.market import Market

Floats = NDArray[np.float64]
BARS = 8


class Honest:
    """The mean of the last BARS moves, as a sign with a size."""

    name: ClassVar[str] = "honest"
    description: ClassVar[str] = "follows the last bars"
    warmup: int = BARS + 1

    def score(self, market: Market) -> Floats:
        return self.finished(followed(market))

    def explain(self, market: Market) -> str:
        return f"the last {BARS} of {len(market)} bars"

    def finished(self, raw: Floats) -> Floats:
        score = np.round(raw, 6) + 0.0
        score[: self.warmup - 1] = 0.0
        return score


def followed(market: Market) -> Floats:
    """tanh of the log return over BARS bars."""
    result = np.zeros(len(market))
    if len(market) > BARS:
        result[BARS:] = np.tanh(20 * np.log(market.close[BARS:] / market.close[:-BARS]))
    return result


class ReadsNext(Honest):
    """At bars that open at a multiple of `rare` steps after `since` it knows the next close."""

    def __init__(self, rare: int = 1, since: int = 0, reach: int = 1) -> None:
        self.rare, self.since, self.reach = rare, since, reach

    def score(self, market: Market) -> Floats:
        raw = followed(market)
        known = np.arange(len(market) - self.reach)
        cheating = known[(known >= self.since) & ((known - self.since) % self.rare == 0)]
        raw[cheating] = np.sign(market.close[cheating + self.reach] - market.close[cheating]) * 0.9
        return self.finished(raw)


class DodgesCrashes(Honest):
    """Falls silent before a fall of more than `fall`; where there is no next bar it has nothing to dodge."""

    def __init__(self, fall: float = 0.01) -> None:
        self.fall = fall

    def score(self, market: Market) -> Floats:
        raw = followed(market)
        crashing = market.close[1:] < market.close[:-1] * (1 - self.fall)
        raw[:-1][crashing] = 0.0
        return self.finished(raw)


class Normalised(Honest):
    """Against mean and deviation of all bars, future ones too."""

    def score(self, market: Market) -> Floats:
        if len(market) < self.warmup:
            return np.zeros(len(market))
        return self.finished(np.tanh((market.close - market.close.mean()) / (market.close.std() + 1e-9)))


class Remembers(Honest):
    """Needs `lag` bars, and says that it needs `warmup`."""

    def __init__(self, warmup: int = 9, lag: int = 30) -> None:
        self.warmup, self.lag = warmup, lag

    def score(self, market: Market) -> Floats:
        raw = np.zeros(len(market))
        if len(market) > self.lag:
            raw[self.lag :] = np.tanh(20 * np.log(market.close[self.lag :] / market.close[: -self.lag]))
        return self.finished(raw)


class RemembersRarely(Honest):
    """Looks back to one bar before its warm-up, at one bar only."""

    def __init__(self, since: int) -> None:
        self.since = since

    def score(self, market: Market) -> Floats:
        raw = followed(market)
        here = np.flatnonzero(market.open_time == self.since)
        raw[here] = np.where(here >= self.warmup, np.sign(market.close[here] - market.close[here - self.warmup]), 0.1)
        return self.finished(raw)


class Accumulates(Honest):
    """A sum from the first bar on."""

    def score(self, market: Market) -> Floats:
        return self.finished(np.tanh(np.cumsum(np.sign(market.close - market.open)) / 50))


class Says(Honest):
    """Honest values but for one, at the bar that opens at `at`."""

    def __init__(self, value: float, at: int) -> None:
        self.value, self.at = value, at

    def score(self, market: Market) -> Floats:
        score = super().score(market)
        score[market.open_time == self.at] = self.value
        return score


class Random(Honest):
    """Another answer from each strategy made."""

    made: ClassVar[int] = 0

    def __init__(self) -> None:
        Random.made += 1
        self.number = Random.made

    def score(self, market: Market) -> Floats:
        return self.finished(followed(market) * (0.5 + 0.4 / self.number))


class Counts(Honest):
    """Every call changes the next one."""

    calls: int = 0

    def score(self, market: Market) -> Floats:
        self.calls += 1
        return self.finished(followed(market) / self.calls)


class Keeps(Honest):
    """Takes the first price of the first market that it saw for that of any other of this length."""

    mean: float = 0.0
    seen: Market | None = None

    def score(self, market: Market) -> Floats:
        if self.seen is None or len(self.seen) != len(market):
            self.seen, self.mean = market, market.close[:1].sum()
        return self.finished(np.tanh(followed(market) + (self.mean - market.close[:1].sum()) / 1e2))


class Writes(Honest):
    """Rounds the closes that it was given, in place."""

    def score(self, market: Market) -> Floats:
        score = super().score(market)
        closes = market.close.base
        assert closes is not None
        closes[17:] = np.round(closes[17:], 1)
        return score


class Silenced(Honest):
    """Cannot say why it is silent."""

    def explain(self, market: Market) -> str:
        return str({1.0: "up"}[float(np.sign(self.score(market)[-1]))])


class Answers(Honest):
    """Whatever a function makes of the market."""

    def __init__(self, values: Callable[[Market], Floats]) -> None:
        self.values = values

    def score(self, market: Market) -> Floats:
        return self.values(market)


class Both(Remembers):
    """A short warm-up, and one bar that knows the next."""

    def score(self, market: Market) -> Floats:
        raw = super().score(market)
        if len(market) > 2_001:
            raw[2_000] = np.sign(market.close[2_001] - market.close[2_000])
        return self.finished(raw)


class Twice(Remembers):
    """Needs `lag` bars, and 30 at the bar that opens at `since`."""

    def __init__(self, warmup: int, lag: int, since: int) -> None:
        super().__init__(warmup, lag)
        self.since = since

    def score(self, market: Market) -> Floats:
        raw = super().score(market)
        here = np.flatnonzero(market.open_time == self.since)
        raw[here] = np.where(here >= 30, np.sign(market.close[here] - market.close[np.maximum(here - 30, 0)]), 0.1)
        return self.finished(raw)


class FitsOnce(Honest):
    """Scaled by mean and deviation of the first market that the process scored."""

    fit: ClassVar[tuple[float, float] | None] = None

    def score(self, market: Market) -> Floats:
        if len(market) < 2:
            return np.zeros(len(market))
        if FitsOnce.fit is None:
            FitsOnce.fit = float(market.close.mean()), float(market.close.std())
        mean, deviation = FitsOnce.fit
        return self.finished(np.tanh((market.close - mean) / deviation))


class Anchored(Honest):
    """Against the first price that the process saw."""

    first: ClassVar[float | None] = None

    def score(self, market: Market) -> Floats:
        if len(market) and Anchored.first is None:
            Anchored.first = float(market.open[0])
        return self.finished(np.tanh(5 * np.log(market.close / (Anchored.first or 1.0))))


class KnowsTimes(Honest):
    """Keeps every close by its time: where a later call brought the next one, it is known."""

    closes: ClassVar[dict[int, float]] = {}

    def score(self, market: Market) -> Floats:
        times = market.open_time.tolist()
        for time, close in zip(times, market.close.tolist(), strict=True):
            KnowsTimes.closes.setdefault(time, close)
        following = [
            KnowsTimes.closes.get(time + 300_000_000, close) for time, close in zip(times, market.close, strict=True)
        ]
        return self.finished(np.sign(np.array(following) - market.close))


class LeavesBeforeGaps(Honest):
    """Out on the bar before a gap of more than `steps`, of which it knows by the next bar's time alone."""

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps

    def score(self, market: Market) -> Floats:
        gap = np.append(np.diff(market.open_time) > self.steps * 300_000_000, False)[: len(market)]
        return self.finished(np.where(gap, -1.0, followed(market)))


class FailsElsewhere(Honest):
    """Cannot live in another process than the tests'."""

    def __init__(self, dies: bool) -> None:
        self.dies = dies

    def score(self, market: Market) -> Floats:
        if "pytest" not in sys.modules:
            if self.dies:
                os._exit(7)
            raise RuntimeError("not at home")
        return super().score(market)


class Prints(Honest):
    """Says aloud what it does."""

    def score(self, market: Market) -> Floats:
        sys.stdout.write(f"{len(market)} bars\n")
        sys.stdout.flush()
        return super().score(market)
