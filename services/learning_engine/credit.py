"""Who gets how much of a closed trade's result. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum
from typing import Literal

from shared.schemas.trades import TradeClosed

Scope = Literal["strategies", "members"]
SCOPES: tuple[Scope, ...] = ("strategies", "members")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What of a trade belongs to one name: `pnl` (quote currency) and `pnl_fraction` are `credit` times the trade's."""

    scope: Scope
    name: str
    credit: float
    pnl: Decimal
    pnl_fraction: float


def outcomes_of(trade: TradeClosed) -> Sequence[Outcome]:
    """The result shared out; nothing for a trade that no strategy argued for (manual, adopted).

    Strategies that argued for it share the whole, by their shares in the signal. Each member that voted is credited
    with 2 * (probability - 0.5): right in full when it was sure, and the less it said, the less it gains or loses.
    """
    argued = {part.strategy: part.share for part in trade.contributions if part.share > 0}
    total = fsum(argued.values())
    if not argued:
        return []
    strategies = [_outcome("strategies", name, share / total, trade) for name, share in sorted(argued.items())]
    voted = sorted((vote.member, vote.probability) for vote in trade.votes if vote.probability is not None)
    return strategies + [_outcome("members", name, 2.0 * (chance - 0.5), trade) for name, chance in voted]


def _outcome(scope: Scope, name: str, credit: float, trade: TradeClosed) -> Outcome:
    credit = round(credit, 6) + 0.0
    return Outcome(scope, name, credit, trade.pnl * Decimal(repr(credit)), round(credit * trade.pnl_fraction, 12) + 0.0)
