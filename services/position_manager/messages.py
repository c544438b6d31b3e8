"""What the position manager says, each with an id derived from its cause."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from services.position_manager.core.guard import STOP_KINDS, HeldTrade
from shared.ids import derived_id
from shared.portfolio.grid import Grid
from shared.risk.stops import StopState
from shared.schemas.base import Message
from shared.schemas.orders import ExitReason, ExitRequested
from shared.schemas.system import AlertRaised, TradingHalted
from shared.schemas.trades import StopMoved


class OfTrade(Protocol):
    """A trade, as far as an exit must name it."""

    @property
    def trade_id(self) -> UUID: ...

    @property
    def symbol(self) -> str: ...


def exit_requested(
    trade: OfTrade, reason: ExitReason, cause: Message, price: Decimal | None, note: str = ""
) -> ExitRequested:
    """Close this trade; at most one for a cause and reason."""
    return ExitRequested(
        message_id=derived_id("ExitRequested", cause.message_id, trade.trade_id, reason),
        causation_id=cause.message_id,
        occurred_at=cause.occurred_at,
        symbol=trade.symbol,
        trade_id=trade.trade_id,
        reason=reason,
        price=price,
        note=note,
    )


def stop_moved(trade: HeldTrade, new: StopState, cause: Message, grid: Grid) -> StopMoved:
    """The stop is `new` from the close of the bar that raised it."""
    version = trade.version + 1
    return StopMoved(
        message_id=derived_id("StopMoved", trade.trade_id, version),
        causation_id=cause.message_id,
        occurred_at=cause.occurred_at,
        symbol=trade.symbol,
        trade_id=trade.trade_id,
        version=version,
        stop_kind=STOP_KINDS[new.kind],
        old_price=grid.from_ticks(trade.stop),
        new_price=grid.from_ticks(new.stop),
        effective_from=cause.occurred_at,
    )


def halted(reason: str, cause: Message) -> Sequence[Message]:
    """Buying is off, and a person must hear of it."""
    return [
        TradingHalted(
            message_id=derived_id("TradingHalted", cause.message_id),
            causation_id=cause.message_id,
            occurred_at=cause.occurred_at,
            reason=reason,
            by="position_manager",
        ),
        AlertRaised(
            message_id=derived_id("AlertRaised", cause.message_id, "drawdown"),
            causation_id=cause.message_id,
            occurred_at=cause.occurred_at,
            severity="critical",
            code="drawdown",
            text=f"Trading is halted and everything is closed: {reason}. Buying stays off until a person enables it.",
        ),
    ]
