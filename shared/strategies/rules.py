"""Strategies written as rules: gates that must all hold, and grades that set how strong the conviction is.

One list of rules gives both the score and its explanation, so that they cannot disagree.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from shared.indicators.rolling import Bools, Floats, all_of
from shared.strategies.base import finished
from shared.strategies.facing import Facing, facings_of
from shared.strategies.market import Market

LEAVE_FLOOR, LEAVE_CEILING = 0.15, 0.3
"""Evidence for leaving is kept below an entry's usual threshold: it weakens an ensemble, alone it opens nothing."""
KEPT_BARS = 10_000
"""What was argued over more bars than a live window has is not kept."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition that must hold, and the number that it looks at."""

    says: str
    holds: Bools
    seen: Floats


@dataclass(frozen=True, slots=True)
class Grade:
    """A condition that strengthens: `degree` from 0 (absent) to 1 (full), with its weight among the grades."""

    says: str
    weight: float
    degree: Floats


@dataclass(frozen=True, slots=True)
class Case:
    """What speaks for one side: `floor` when all gates hold, up to `ceiling` when every grade is full."""

    gates: tuple[Gate, ...]
    grades: tuple[Grade, ...]
    floor: float
    ceiling: float = 1.0

    def holds(self) -> Bools:
        return all_of(gate.holds for gate in self.gates)

    def strength(self) -> Floats:
        graded = sum(grade.weight * grade.degree for grade in self.grades) / sum(g.weight for g in self.grades)
        return np.where(self.holds(), self.floor + (self.ceiling - self.floor) * graded, 0.0)


@dataclass(frozen=True, slots=True)
class Argument:
    """A case with what it means: entering long is bullish, leaving a long bearish."""

    act: Literal["enter", "leave"]
    side: Literal["long", "short"]
    case: Case

    @property
    def sign(self) -> int:
        return 1 if (self.act == "enter") == (self.side == "long") else -1


class RuleStrategy(ABC):
    """Subclasses say when to enter and when to leave, once, for the side that the `Facing` looks from."""

    name: ClassVar[str]
    description: ClassVar[str]
    warmup: ClassVar[int]

    _argued: tuple[Market, tuple[Argument, ...]] | None = None

    @abstractmethod
    def enter(self, facing: Facing) -> Case: ...

    @abstractmethod
    def leave(self, facing: Facing) -> Case: ...

    def score(self, market: Market) -> Floats:
        """See `Strategy.score`; an entry outweighs whatever speaks for leaving."""
        entry, exit_ = np.zeros(len(market)), np.zeros(len(market))
        for argument in self._arguments(market):
            total = entry if argument.act == "enter" else exit_
            total += argument.sign * argument.case.strength()
        return finished(np.where(entry != 0, entry, exit_), self.warmup)

    def explain(self, market: Market) -> str:
        if len(market) < self.warmup:
            return f"{self.name} is silent: {len(market)} of the {self.warmup} bars it needs"
        arguments = tuple(self._arguments(market))
        made = next((a for a in arguments if a.case.holds()[-1]), None)
        return self._silence(arguments) if made is None else self._words(made)

    def _arguments(self, market: Market) -> Iterable[Argument]:
        """The same for the score and its explanation, which is asked for next; of a whole history one at a time."""
        if len(market) > KEPT_BARS:
            return self._made(market)
        if self._argued is None or self._argued[0] is not market:
            self._argued = (market, tuple(self._made(market)))
        return self._argued[1]

    def _made(self, market: Market) -> Iterator[Argument]:
        long, short = facings_of(market)
        yield Argument("enter", "long", self.enter(long))
        yield Argument("enter", "short", self.enter(short))
        yield Argument("leave", "long", self.leave(long))
        yield Argument("leave", "short", self.leave(short))

    def _words(self, argument: Argument) -> str:
        case = argument.case
        held = "; ".join(f"{gate.says} ({gate.seen[-1]:.4g})" for gate in case.gates)
        graded = ", ".join(f"{grade.says} {grade.degree[-1]:.2f}" for grade in case.grades)
        score = argument.sign * round(float(case.strength()[-1]), 6)
        return f"{self.name} would {argument.act} {argument.side} ({score:+.2f}): {held}. Graded: {graded}"

    def _silence(self, arguments: Sequence[Argument]) -> str:
        entries = [argument for argument in arguments if argument.act == "enter"]
        nearest = max(entries, key=lambda a: sum(bool(gate.holds[-1]) for gate in a.case.gates))
        missing = next(gate for gate in nearest.case.gates if not gate.holds[-1])
        return f"{self.name} is silent: for a {nearest.side} it lacks {missing.says} ({missing.seen[-1]:.4g})"


def ramp(values: Floats, start: float, full: float) -> Floats:
    """0 at `start` or before, 1 at `full` or beyond, linear between; `full` may be the smaller."""
    return np.clip((values - start) / (full - start), 0.0, 1.0)


def yes(flags: Bools) -> Floats:
    """A grade that is either absent or full."""
    return flags.astype(np.float64)
