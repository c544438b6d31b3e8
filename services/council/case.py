"""What lies before the council: a signal and the facts as of its bar's close."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.schemas.signals import SignalGenerated


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The books just before the instant, in quote currency; nothing of the instant itself, whatever arrived.

    `equity` and `drawdown` (fraction below the initial balance) are None before the first equity point,
    `day_pnl` is what trades closed so far this UTC day, `held_since` the entry of an open trade in the symbol.
    """

    equity: Decimal | None = None
    drawdown: float | None = None
    day_pnl: Decimal = Decimal(0)
    open_trades: int = 0
    held_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sentiment:
    """In [-1, 1], as known at the bar's close and at the close before it; None where no news was known."""

    now: float | None = None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All that a member may look at."""

    signal: SignalGenerated
    portfolio: Portfolio
    sentiment: Sentiment


@dataclass(frozen=True, slots=True)
class Facts:
    """A case, and what the members' votes weigh in it."""

    case: Case
    weights: Mapping[str, float]
