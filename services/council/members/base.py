"""What every council member offers, rule-based or not."""

from dataclasses import dataclass
from typing import Protocol

from services.council.case import Case


@dataclass(frozen=True, slots=True)
class Opinion:
    """`probability` that buying now pays, or None for an abstention; `veto` forbids a BUY whatever the others say."""

    probability: float | None
    reason: str
    veto: bool = False


class Member(Protocol):
    """Votes on a case. A member without the facts it needs abstains; it never guesses."""

    @property
    def name(self) -> str: ...

    async def vote(self, case: Case) -> Opinion: ...


def chance(edge: float) -> float:
    """0.5 + edge, kept within 0.05 and 0.95: no rule is certain. Rounded to 1e-6."""
    return round(min(0.95, max(0.05, 0.5 + edge)), 6)


def clipped(value: float, reach: float = 1.0) -> float:
    """`value` in units of `reach`, cut to [-1, 1]."""
    return min(1.0, max(-1.0, value / reach))


def leaning(score: float, for_: float, against: float) -> float:
    """What the ensemble adds to an edge: a proposal to buy still has to convince, bearish evidence counts in full."""
    return score * (for_ if score > 0 else against)
