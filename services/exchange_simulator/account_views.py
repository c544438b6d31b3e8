"""Orders, fills and balances as the private REST calls show them."""

from typing import Any

from services.exchange_simulator.order_entry import describe
from services.exchange_simulator.orders import Fill, Order
from services.exchange_simulator.pairs import Pair, quantity
from services.exchange_simulator.reports import average_price
from services.exchange_simulator.wire import Num


def epoch(microseconds: int) -> Num:
    """Seconds with six decimals."""
    return Num(f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}")


def order_view(order: Order, pair: Pair, with_trades: bool) -> dict[str, Any]:
    price = order.limit or order.trigger
    view: dict[str, Any] = {
        "refid": None,
        "userref": order.userref,
        "status": order.status,
        "opentm": epoch(order.opened),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": pair.altname,
            "type": order.side,
            "ordertype": order.kind,
            "price": pair.price(price) if price else "0",
            "price2": "0",
            "leverage": "none",
            "order": describe(pair, order),
            "close": "",
        },
        "vol": quantity(order.lots),
        "vol_exec": quantity(order.filled),
        "cost": pair.quote.text(order.cost),
        "fee": pair.quote.text(order.fee),
        "price": average_price(order, pair),
        "stopprice": pair.price(order.trigger),
        "limitprice": pair.price(order.limit),
        "misc": "",
        "oflags": "fciq,post" if order.post_only else "fciq",
    }
    if order.cl_ord_id is not None:
        view["cl_ord_id"] = order.cl_ord_id
    if order.closed is not None:
        view |= {"closetm": epoch(order.closed), "reason": order.reason}
    if with_trades:
        view["trades"] = list(order.trades)
    return view


def fill_view(fill: Fill, pair: Pair) -> dict[str, Any]:
    return {
        "ordertxid": fill.txid,
        "postxid": fill.exec_id,
        "pair": pair.id,
        "time": epoch(fill.time),
        "type": fill.side,
        "ordertype": fill.kind,
        "price": pair.price(fill.ticks),
        "cost": pair.quote.text(fill.cost),
        "fee": pair.quote.text(fill.fee),
        "vol": quantity(fill.lots),
        "margin": pair.quote.text(fill.cost * 0),
        "leverage": "0",
        "misc": "",
        "trade_id": fill.event,
        "maker": fill.liquidity == "m",
    } | ({"cl_ord_id": fill.cl_ord_id} if fill.cl_ord_id is not None else {})
