"""The private REST calls. Each takes the form's parameters and returns the ``result`` or raises KrakenError."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from services.exchange_simulator.account_views import fill_view, order_view
from services.exchange_simulator.auth import TOKEN_SECONDS, Gatekeeper
from services.exchange_simulator.errors import invalid_argument
from services.exchange_simulator.exchange import Exchange
from services.exchange_simulator.ledger import ZERO
from services.exchange_simulator.order_entry import Entry, Parameters, describe
from services.exchange_simulator.orders import Fill, Order
from services.exchange_simulator.pairs import EXACT, Asset, Pair, quantity
from services.exchange_simulator.wire import SECOND, rfc3339

PAGE = 50
LONGEST_COUNTDOWN = 86_400
Result = Any
T = TypeVar("T", Order, Fill)


class PrivateApi:
    def __init__(self, exchange: Exchange, entry: Entry, gatekeeper: Gatekeeper, clock: Callable[[], int]) -> None:
        self._exchange = exchange
        self._entry = entry
        self._gatekeeper = gatekeeper
        self._clock = clock
        pairs = exchange.pairs.values()
        self._assets: dict[str, Asset] = {a.code: a for pair in pairs for a in (pair.quote, pair.base)}
        self.methods: Mapping[str, Callable[[Parameters], Result]] = {
            "Balance": self.balance,
            "BalanceEx": self.balance_extended,
            "TradeBalance": self.trade_balance,
            "OpenOrders": self.open_orders,
            "ClosedOrders": self.closed_orders,
            "QueryOrders": self.query_orders,
            "TradesHistory": self.trades_history,
            "QueryTrades": self.query_trades,
            "TradeVolume": self.trade_volume,
            "AddOrder": self.add_order,
            "AmendOrder": self.amend_order,
            "EditOrder": self.edit_order,
            "CancelOrder": self.cancel_order,
            "CancelAll": self.cancel_all,
            "CancelAllOrdersAfter": self.cancel_all_after,
            "GetWebSocketsToken": self.websockets_token,
        }

    def balance(self, _: Parameters) -> Result:
        return {asset.kraken: asset.text(self._balance(asset)) for asset in self._owned()}

    def balance_extended(self, _: Parameters) -> Result:
        held = self._exchange.ledger.held
        return {
            asset.kraken: {
                "balance": asset.text(self._balance(asset)),
                "hold_trade": asset.text(held(asset.code)),
            }
            for asset in self._owned()
        }

    def trade_balance(self, _: Parameters) -> Result:
        quote = next(iter(self._exchange.pairs.values())).quote
        cash = self._balance(quote)
        equity = cash + sum((self._worth(pair) for pair in self._exchange.pairs.values()), ZERO)
        nothing = quote.text(ZERO)
        return {
            "eb": quote.text(equity),
            "tb": quote.text(cash),
            "m": nothing,
            "n": nothing,
            "c": nothing,
            "v": nothing,
            "e": quote.text(equity),
            "mf": quote.text(self._exchange.ledger.available(quote.code)),
        }

    def open_orders(self, parameters: Parameters) -> Result:
        orders = sorted(self._exchange.open.values(), key=lambda order: -order.number)
        return {"open": self._views(_chosen(orders, parameters), parameters)}

    def closed_orders(self, parameters: Parameters) -> Result:
        by_opening = parameters.get("closetime") == "open"
        ended = (order for order in reversed(self._exchange.orders.values()) if not order.is_open)
        chosen = [
            order
            for order in _chosen(ended, parameters)
            if _within(order.opened if by_opening else order.closed or 0, parameters)
        ]
        chosen.sort(key=lambda order: (order.closed or 0, order.number), reverse=True)
        return {"closed": self._views(_page(chosen, parameters), parameters), "count": len(chosen)}

    def query_orders(self, parameters: Parameters) -> Result:
        if not {"txid", "cl_ord_id", "userref"} & parameters.keys():
            raise invalid_argument("txid")
        txids = set(parameters["txid"].split(",")) if "txid" in parameters else None
        orders = (o for o in self._exchange.orders.values() if txids is None or o.txid in txids)
        return self._views(_chosen(orders, parameters), parameters)

    def trades_history(self, parameters: Parameters) -> Result:
        chosen = [fill for fill in reversed(self._exchange.fills) if _within(fill.time, parameters)]
        return {"trades": self._fill_views(_page(chosen, parameters)), "count": len(chosen)}

    def query_trades(self, parameters: Parameters) -> Result:
        wanted = set(parameters.get("txid", "").split(","))
        return self._fill_views([fill for fill in self._exchange.fills if fill.exec_id in wanted])

    def trade_volume(self, parameters: Parameters) -> Result:
        names = [name for name in parameters.get("pair", "").split(",") if name]
        pairs = [self._entry.pairs[name] for name in names]
        fees = self._exchange.fees
        return {
            "currency": "ZUSD",
            "volume": "0.0000",
            "fees": {pair.id: _tier(fees.taker) for pair in pairs},
            "fees_maker": {pair.id: _tier(fees.maker) for pair in pairs},
        }

    def add_order(self, parameters: Parameters) -> Result:
        draft, order = self._entry.add(parameters)
        self._exchange.commit()
        descr = {"order": describe(self._exchange.pairs[draft.symbol], draft)}
        return {"descr": descr} if order is None else {"descr": descr, "txid": [order.txid]}

    def amend_order(self, parameters: Parameters) -> Result:
        amend_id, _ = self._entry.amend(parameters)
        self._exchange.commit()
        return {"amend_id": amend_id}

    def edit_order(self, parameters: Parameters) -> Result:
        draft, old, new = self._entry.edit(parameters)
        self._exchange.commit()
        pair = self._exchange.pairs[draft.symbol]
        return {
            "descr": {"order": describe(pair, draft)},
            "originaltxid": old.txid,
            "volume": quantity(draft.lots),
            "price": pair.price(draft.limit or draft.trigger),
            "price2": "0",
            "status": "ok",
            "orders_cancelled": 0 if new is None else 1,
        } | ({} if new is None else {"txid": new.txid})

    def cancel_order(self, parameters: Parameters) -> Result:
        return {"count": len(self.canceled(parameters))}

    def canceled(self, parameters: Parameters) -> list[Order]:
        """Cancels; the WebSocket names each order where REST counts them."""
        orders = self._entry.cancel(parameters)
        self._exchange.commit()
        return orders

    def cancel_all(self, _: Parameters) -> Result:
        count = self._exchange.cancel_all("User requested")
        self._exchange.commit()
        return {"count": count}

    def cancel_all_after(self, parameters: Parameters) -> Result:
        try:
            seconds = int(parameters.get("timeout", ""))
        except ValueError:
            raise invalid_argument("timeout") from None
        if not 0 <= seconds <= LONGEST_COUNTDOWN:
            raise invalid_argument("timeout")
        now = self._clock()
        at = now + seconds * SECOND if seconds else None
        self._exchange.set_dead_man(at)
        return {"currentTime": rfc3339(now), "triggerTime": "0" if at is None else rfc3339(at)}

    def websockets_token(self, _: Parameters) -> Result:
        return {"token": self._gatekeeper.token(), "expires": TOKEN_SECONDS}

    def _owned(self) -> list[Asset]:
        quote = next(iter(self._exchange.pairs.values())).quote
        return [a for a in self._assets.values() if a is quote or self._balance(a)]

    def _balance(self, asset: Asset) -> Decimal:
        return self._exchange.ledger.balances.get(asset.code, ZERO)

    def _worth(self, pair: Pair) -> Decimal:
        price = Decimal(pair.price(self._exchange.tape[pair.symbol].bid))
        return EXACT.multiply(self._balance(pair.base), price).quantize(pair.quote.unit, context=EXACT)

    def _views(self, orders: Iterable[Order], parameters: Parameters) -> dict[str, Any]:
        with_trades = parameters.get("trades", "").lower() == "true"
        return {o.txid: order_view(o, self._exchange.pairs[o.symbol], with_trades) for o in orders}

    def _fill_views(self, fills: Iterable[Fill]) -> dict[str, Any]:
        return {fill.exec_id: fill_view(fill, self._exchange.pairs[fill.symbol]) for fill in fills}


def _chosen(orders: Iterable[Order], parameters: Parameters) -> list[Order]:
    cl_ord_id, userref = parameters.get("cl_ord_id"), parameters.get("userref")
    return [
        order
        for order in orders
        if (cl_ord_id is None or order.cl_ord_id == cl_ord_id) and (userref is None or str(order.userref) == userref)
    ]


def _within(time: int, parameters: Parameters) -> bool:
    start, end = _seconds(parameters, "start"), _seconds(parameters, "end")
    return (start is None or time > start) and (end is None or time <= end)


def _seconds(parameters: Parameters, name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        return int(float(text) * SECOND)
    except (ValueError, OverflowError):
        raise invalid_argument(name) from None


def _page(items: list[T], parameters: Parameters) -> list[T]:
    text = parameters.get("ofs", "0")
    if not text.isascii() or not text.isdigit():
        raise invalid_argument("ofs")
    return items[int(text) : int(text) + PAGE]


def _tier(rate: Decimal) -> dict[str, Any]:
    percent = f"{rate * 100:.4f}"
    return {
        "fee": percent,
        "minfee": percent,
        "maxfee": percent,
        "nextfee": None,
        "tiervolume": "0.0000",
        "nextvolume": None,
    }
