"""Execution and balance events as WebSocket v2 words them."""

from decimal import Decimal
from typing import Any, Literal

from services.exchange_simulator.orders import Fill, Order
from services.exchange_simulator.pairs import Asset, Pair, amount, quantity
from services.exchange_simulator.wire import Num, rfc3339

ExecType = Literal["pending_new", "new", "trade", "filled", "canceled", "expired", "amended"]


def order_status(order: Order) -> str:
    if order.status == "closed":
        return "filled"
    if order.status != "open":
        return order.status
    return "partially_filled" if order.filled else "new"


def order_report(order: Order, pair: Pair, exec_type: ExecType, time: int) -> dict[str, Any]:
    """An order's state. Kraken leaves most fields out of later events; here each event stands for itself."""
    report: dict[str, Any] = {
        "order_id": order.txid,
        "exec_type": exec_type,
        "order_status": "pending_new" if exec_type == "pending_new" else order_status(order),
        "symbol": order.symbol,
        "side": order.side,
        "order_type": order.kind,
        "order_qty": Num(quantity(order.lots)),
        "cum_qty": Num(quantity(order.filled)),
        "cum_cost": Num(pair.quote.text(order.cost)),
        "avg_price": Num(average_price(order, pair)),
        "fee_usd_equiv": Num(pair.quote.text(order.fee)),
        "time_in_force": order.time_in_force,
        "timestamp": rfc3339(time),
    }
    if order.limit:
        report |= {"limit_price": Num(pair.price(order.limit)), "limit_price_type": "static"}
    if order.trigger:
        trigger = Num(pair.price(order.trigger))
        report |= {
            "stop_price": trigger,
            "triggers": {"reference": "last", "price": trigger, "price_type": "static", "status": "untriggered"},
        }
    if order.reason and not order.is_open:
        report |= {"reason": order.reason, "cancel_reason": order.reason}
    return report | client_reference(order.cl_ord_id, order.userref)


def fill_report(fill: Fill, order: Order, pair: Pair) -> dict[str, Any]:
    """One execution. ``trade_id`` is the venue's event number."""
    return {
        "order_id": fill.txid,
        "exec_id": fill.exec_id,
        "exec_type": "trade",
        "trade_id": fill.event,
        "symbol": fill.symbol,
        "side": fill.side,
        "order_type": fill.kind,
        "order_status": order_status(order),
        "last_qty": Num(quantity(fill.lots)),
        "last_price": Num(pair.price(fill.ticks)),
        "liquidity_ind": fill.liquidity,
        "cost": Num(pair.quote.text(fill.cost)),
        "fees": [{"asset": pair.quote.code, "qty": Num(pair.quote.text(fill.fee))}],
        "fee_usd_equiv": Num(pair.quote.text(fill.fee)),
        "order_qty": Num(quantity(order.lots)),
        "cum_qty": Num(quantity(order.filled)),
        "cum_cost": Num(pair.quote.text(order.cost)),
        "avg_price": Num(average_price(order, pair)),
        "timestamp": rfc3339(fill.time),
    } | client_reference(fill.cl_ord_id, fill.userref)


def balance_snapshot(asset: Asset, balance: Decimal) -> dict[str, Any]:
    text = Num(asset.text(balance))
    wallet = {"type": "spot", "id": "main", "balance": text}
    return {"asset": asset.code, "asset_class": "currency", "balance": text, "wallets": [wallet]}


def balance_change(fill: Fill, pair: Pair, asset: Asset, balance: Decimal) -> dict[str, Any]:
    """What one fill did to one of its two assets, and the balance after the batch it belongs to."""
    bought = fill.side == "buy"
    moved = (1 if bought else -1) * amount(fill.lots) if asset is pair.base else (-fill.cost if bought else fill.cost)
    return {
        "ledger_id": f"L{fill.exec_id[1:]}{'B' if asset is pair.base else 'Q'}",
        "ref_id": fill.exec_id,
        "timestamp": rfc3339(fill.time),
        "type": "trade",
        "subtype": "",
        "asset": asset.code,
        "asset_class": "currency",
        "category": "trade",
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": Num(asset.text(moved)),
        "fee": Num(asset.text(fill.fee if asset is pair.quote else Decimal(0))),
        "balance": Num(asset.text(balance)),
    }


def average_price(order: Order, pair: Pair) -> str:
    """The fills' mean price by quantity, in whole ticks; 0 before the first fill."""
    if not order.filled:
        return pair.price(0)
    return pair.price((2 * order.value + order.filled) // (2 * order.filled))


def client_reference(cl_ord_id: str | None, userref: int | None) -> dict[str, Any]:
    reference: dict[str, Any] = {"order_userref": userref or 0}
    return reference | ({"cl_ord_id": cl_ord_id} if cl_ord_id is not None else {})
