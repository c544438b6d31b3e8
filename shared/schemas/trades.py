"""A trade's life, its stop, and what was learnt from it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.schemas.base import Exact, Message, NonNegative, Price, Quantity, Score, Symbol, Time, Timeframe, Value
from shared.schemas.council import Vote
from shared.schemas.orders import ExitReason
from shared.schemas.signals import Contribution

StopKind = Literal["stop", "breakeven", "trailing"]


class _OfTrade(Message):
    symbol: Symbol
    trade_id: UUID

    @property
    def key(self) -> str:
        return self.symbol


class TradeOpened(_OfTrade):
    """The entry is filled (or as much of it as will be). `entry_price` is the average over its fills."""

    kind: Literal["TradeOpened"] = "TradeOpened"
    timeframe: Timeframe
    decision_id: UUID
    quantity: Quantity
    entry_price: Price
    entry_time: Time
    atr: Price | None
    stop_price: Price
    take_profit_price: Price | None


class TradeClosed(_OfTrade):
    """Everything sold. `pnl` in quote currency after all fees. Carries what argued for it, to learn from."""

    kind: Literal["TradeClosed"] = "TradeClosed"
    quantity: Quantity
    entry_price: Price
    entry_time: Time
    exit_price: Price | None
    exit_time: Time
    exit_reason: ExitReason
    fees: NonNegative
    pnl: Exact
    pnl_fraction: Annotated[float, Field(allow_inf_nan=False)]
    score: Score
    contributions: tuple[Contribution, ...]
    votes: tuple[Vote, ...]


class StopMoved(_OfTrade):
    """The stop of a trade was raised; `version` counts its moves, the resting order follows."""

    kind: Literal["StopMoved"] = "StopMoved"
    version: int
    stop_kind: StopKind
    old_price: Price
    new_price: Price
    effective_from: Time


class Weight(Value):
    """A strategy's or member's weight before and after."""

    name: str
    before: Annotated[float, Field(ge=0, le=1)]
    after: Annotated[float, Field(ge=0, le=1)]
    reason: str


class WeightsAdjusted(Message):
    """New weights, valid for bars closing at or after `effective_from`."""

    kind: Literal["WeightsAdjusted"] = "WeightsAdjusted"
    scope: Literal["strategies", "members"]
    weights: tuple[Weight, ...]
    effective_from: Time

    @property
    def key(self) -> str:
        return self.scope
