"""What a trade's life looks like to the other services: each message's id is derived from the trade or order."""

from decimal import Decimal

from services.trade_executor.core.records import Stop, Trade
from shared.ids import derived_id
from shared.schemas.base import Message
from shared.schemas.system import AlertRaised
from shared.schemas.trades import TradeClosed, TradeOpened


def opened(trade: Trade, stop: Stop | None, cause: Message) -> TradeOpened:
    """The entry is over, with this much."""
    return TradeOpened.model_validate(
        {
            **_of(trade, "TradeOpened", cause),
            "timeframe": trade.timeframe,
            "decision_id": trade.decision_id,
            "atr": trade.atr,
            "stop_price": None if stop is None else stop.price,
            "take_profit_price": trade.take_profit_price,
        }
    )


def closed(trade: Trade, paid: Decimal, cause: Message) -> TradeClosed:
    """Everything is sold. `paid` is what the entry cost without fees, the base of the fraction won or lost."""
    return TradeClosed.model_validate(
        {
            **_of(trade, "TradeClosed", cause),
            "exit_price": trade.exit_price,
            "exit_time": trade.exit_time,
            "exit_reason": trade.exit_reason,
            "fees": trade.fees,
            "pnl": trade.pnl,
            "pnl_fraction": round(float((trade.pnl or Decimal(0)) / paid), 6) if paid else 0.0,
            "score": trade.score,
            "contributions": trade.contributions,
            "votes": trade.votes,
        }
    )


def alert(severity: str, code: str, text: str, about: object, cause: Message) -> AlertRaised:
    """Something a person must hear about an order or a trade."""
    return AlertRaised.model_validate(
        {
            "message_id": derived_id("AlertRaised", cause.message_id, code, about),
            "causation_id": cause.message_id,
            "occurred_at": cause.occurred_at,
            "severity": severity,
            "code": code,
            "text": text,
        }
    )


def _of(trade: Trade, kind: str, cause: Message) -> dict[str, object]:
    return {
        "message_id": derived_id(kind, trade.id),
        "causation_id": cause.message_id,
        "occurred_at": cause.occurred_at,
        "symbol": trade.symbol,
        "trade_id": trade.id,
        "quantity": trade.quantity,
        "entry_price": trade.entry_price,
        "entry_time": trade.entry_time,
    }
