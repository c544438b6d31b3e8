"""Strategies that break one promise each, beside an honest one."""

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
