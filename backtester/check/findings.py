"""What a check found, and how much was looked at."""

from dataclasses import dataclass, replace
from typing import Literal

from backtester.data.rows import when

Kind = Literal[
    "look-ahead", "warm-up", "raises", "shape", "nan", "range", "rounding", "early", "repeat", "state", "mutation",
    "explain",
]  # fmt: skip
QUESTIONS: dict[str, tuple[Kind, ...]] = {
    "look-ahead": ("look-ahead",),
    "warm-up": ("warm-up",),
    "values": ("raises", "shape", "nan", "range", "rounding", "early"),
    "repeatable": ("repeat", "state", "mutation"),
    "explanation": ("explain",),
}
"""What is asked of a strategy, and the findings that answer no."""
TOLERANCE = 1e-9
"""Values that differ by no more are the same: scores are rounded to 1e-6."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, at the first bar at which it shows: its index, its open (microseconds), and both values there.

    `index`, `open_time` and the values are None where no bar is concerned.
    """

    kind: Kind
    detail: str
    index: int | None = None
    open_time: int | None = None
    expected: float | None = None
    found: float | None = None

    def __str__(self) -> str:
        if self.index is None or self.open_time is None:
            return self.detail
        where = f"bar {self.index} ({when(self.open_time)})"
        if self.expected is None or self.found is None:
            return f"{where}: {self.detail}"
        return f"{where}: {self.detail}: {self.found!r} instead of {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Looked:
    """How much was looked at.

    `bars` there were, the strategy spoke on `spoken` of them; `replaced` of them had the bars after them replaced, in
    `runs` runs; `cuts` times all that came after a bar was taken away or replaced; `windows` times a value was asked
    with the bars of the warm-up alone; `gaps` bars before a gap had it closed, or stood before one that was made;
    `fresh` histories were scored in processes just started.
    """

    bars: int
    spoken: int
    replaced: int = 0
    runs: int = 0
    cuts: int = 0
    windows: int = 0
    gaps: int = 0
    fresh: int = 0

    def plus(self, replaced: int = 0, runs: int = 0, cuts: int = 0, windows: int = 0, gaps: int = 0) -> "Looked":
        """With more of it."""
        return replace(
            self,
            replaced=max(self.replaced, replaced),
            runs=self.runs + runs,
            cuts=self.cuts + cuts,
            windows=self.windows + windows,
            gaps=self.gaps + gaps,
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer for one market: the first finding of each kind, in no order of weight.

    `warmup` is what the strategy says, `enough` the least that would do where that is too few; None where it is enough,
    or where nothing short of all history is. `unasked` says why a question could not be answered, by question.
    """

    warmup: int
    looked: Looked
    findings: tuple[Finding, ...]
    enough: int | None
    unasked: dict[str, str]

    def of(self, question: str) -> tuple[Finding, ...]:
        """The findings that answer one of QUESTIONS."""
        return tuple(finding for finding in self.findings if finding.kind in QUESTIONS[question])
