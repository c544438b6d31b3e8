"""Kraken's JSON to our types. Numbers are read from their text: REST quotes them, the socket's are short floats."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from shared.broker.base import BrokerError, Execution, Instrument, VenueOrder
from shared.schemas.orders import OrderType

EXACT_BELOW = 10_000_000
"""With Kraken's 8 decimals, numbers below this have at most 15 digits, which survive a float64 whatever they are.

Only amounts of BTC or ETH as money have 10 decimals, and those stay below 100,000.
"""

STATUS: Mapping[str, Literal["open", "closed", "canceled"]] = {
    "pending": "open",
    "open": "open",
    "closed": "closed",
    "canceled": "canceled",
    "expired": "canceled",
}
ORDER_TYPES: Mapping[str, OrderType] = {"market": "market", "limit": "limit", "stop-loss": "stop-loss"}


class NotExact(BrokerError):
    """A number of the socket that a float64 may have changed."""


def instrument(market: Mapping[str, Any]) -> Instrument:
    """The grid of one of ccxt's markets."""
    info = market["info"]
    tick = Decimal(info.get("tick_size") or Decimal(1).scaleb(-int(info["pair_decimals"])))
    return Instrument(
        symbol=market["symbol"],
        tick=tick.normalize(),
        lot=Decimal(1).scaleb(-int(info["lot_decimals"])),
        min_quantity=Decimal(info["ordermin"]),
        min_cost=Decimal(info.get("costmin") or 0),
    )


def venue_order(txid: str, info: Mapping[str, Any], symbol: str) -> VenueOrder:
    """An entry of OpenOrders, ClosedOrders or QueryOrders; of type "other" where we place none such."""
    terms = info["descr"]
    kind: OrderType | Literal["other"] = ORDER_TYPES.get(terms["ordertype"], "other")
    return VenueOrder(
        client_order_id=info.get("cl_ord_id") or None,
        venue_order_id=txid,
        symbol=symbol,
        side=terms["type"],
        order_type=kind,
        status=STATUS[info["status"]],
        quantity=Decimal(info["vol"]),
        filled=Decimal(info["vol_exec"]),
        trigger_price=Decimal(terms["price"]) if kind == "stop-loss" else None,
        reason=info.get("reason") or "",
    )


def booked_execution(exec_id: str, info: Mapping[str, Any], symbol: str, client_order_id: str | None) -> Execution:
    """An entry of QueryTrades or TradesHistory."""
    return Execution(
        execution_id=exec_id,
        client_order_id=client_order_id,
        venue_order_id=info["ordertxid"],
        symbol=symbol,
        side=info["type"],
        quantity=Decimal(info["vol"]),
        price=Decimal(info["price"]),
        cost=Decimal(info["cost"]),
        fee=Decimal(info["fee"]),
        liquidity="maker" if info.get("maker") else "taker",
        time=_epoch(info["time"]),
    )


def streamed_execution(info: Mapping[str, Any]) -> Execution:
    """A `trade` event of the executions channel. NotExact where a float64 may have lost a digit."""
    quote = info["symbol"].split("/")[1]
    return Execution(
        execution_id=info["exec_id"],
        client_order_id=info.get("cl_ord_id") or None,
        venue_order_id=info["order_id"],
        symbol=info["symbol"],
        side=info["side"],
        quantity=_exact(info["last_qty"]),
        price=_exact(info["last_price"]),
        cost=_exact(info["cost"]),
        fee=sum((_exact(fee["qty"]) for fee in info.get("fees", ()) if fee["asset"] == quote), Decimal(0)),
        liquidity="taker" if info["liquidity_ind"] == "t" else "maker",
        time=datetime.fromisoformat(info["timestamp"]).astimezone(UTC),
    )


def _exact(number: float | int) -> Decimal:
    if isinstance(number, float) and abs(number) >= EXACT_BELOW:
        raise NotExact(f"{number!r} may have had more digits than a float64 keeps")
    return Decimal(repr(number))


def _epoch(seconds: object) -> datetime:
    microseconds = int((Decimal(str(seconds)) * 1_000_000).to_integral_value())
    whole, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest)
