"""What the council decided, with every vote."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.schemas.base import Message, NonNegative, Price, Probability, Score, Symbol, Time, Timeframe, Value
from shared.schemas.signals import Contribution

Verdict = Literal["BUY", "SELL", "HOLD"]


class Vote(Value):
    """One member's opinion: `probability` that buying now pays, or None for an abstention."""

    member: str
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    probability: Probability | None
    veto: bool = False
    reason: str


class CouncilDecided(Message):
    """BUY, SELL or HOLD for one symbol and instant (`occurred_at`), and why.

    `atr` is the ATR(14) at the bar's close in quote currency, None where the window was too short.
    `cost` is what the session cost in US dollars (0 for rule-based members).
    """

    kind: Literal["CouncilDecided"] = "CouncilDecided"
    symbol: Symbol
    timeframe: Timeframe
    signal_id: UUID
    verdict: Verdict
    probability: Probability | None
    quorum: bool
    vetoed_by: tuple[str, ...] = ()
    reason: str
    votes: tuple[Vote, ...]
    score: Score
    contributions: tuple[Contribution, ...]
    price: Price
    atr: Price | None
    cost: NonNegative
    expires_at: Time

    @property
    def key(self) -> str:
        return self.symbol
