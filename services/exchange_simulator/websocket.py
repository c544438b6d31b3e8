"""One WebSocket v2 session: subscribe, unsubscribe, ping, and orders over the socket."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.exchange_simulator.auth import Gatekeeper
from services.exchange_simulator.book import DEPTHS
from services.exchange_simulator.candles import INTERVALS
from services.exchange_simulator.errors import KrakenError, invalid_argument
from services.exchange_simulator.exchange import Exchange
from services.exchange_simulator.feed import Feed
from services.exchange_simulator.hub import BALANCES, EXECUTIONS, Connection, Hub, Key
from services.exchange_simulator.order_entry import PairTable
from services.exchange_simulator.orders import Order
from services.exchange_simulator.reports import balance_snapshot, fill_report, order_report
from services.exchange_simulator.wire import SECOND, rfc3339

SNAPSHOT_FILLS = 50
PUBLIC = ("ticker", "ohlc", "trade", "book")
PRIVATE = {"executions": EXECUTIONS, "balances": BALANCES}
RestMethod = Callable[[Mapping[str, str]], Any]
# WebSocket v2 names on the left, REST's on the right.
ORDER_FIELDS = {
    "order_id": "txid",
    "order_type": "ordertype",
    "side": "type",
    "order_qty": "volume",
    "symbol": "pair",
    "limit_price": "price",
    "time_in_force": "timeinforce",
    "order_userref": "userref",
    "cl_ord_id": "cl_ord_id",
    "deadline": "deadline",
    "validate": "validate",
}
AMEND_FIELDS = ORDER_FIELDS | {"order_qty": "order_qty", "limit_price": "limit_price", "trigger_price": "trigger_price"}
# REST's CancelOrder takes a userref as its txid.
CANCEL_FIELDS = {"order_id": "txid", "cl_ord_id": "cl_ord_id", "order_userref": "txid"}


@dataclass(frozen=True, slots=True)
class Venue:
    """What a session needs of the venue. ``orders`` are the REST methods behind the socket's, ``cancel`` is its own."""

    hub: Hub
    feed: Feed
    exchange: Exchange
    pairs: PairTable
    gatekeeper: Gatekeeper
    orders: Mapping[str, RestMethod]
    cancel: Callable[[Mapping[str, str]], Sequence[Order]]
    clock: Callable[[], int]
    base: int


class Session:
    def __init__(self, venue: Venue, connection: Connection, number: int) -> None:
        self._venue = venue
        self._connection = connection
        status = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": number}
        connection.send({"channel": "status", "type": "update", "data": [status]})
        connection.flush()

    def receive(self, text: str) -> None:
        """Answers one message of the client."""
        try:
            message = json.loads(text, parse_float=str)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._connection.send({"error": "Malformed request", "success": False})
        else:
            self._dispatch(message)
        self._connection.flush()

    def _dispatch(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        parameters = message.get("params", {})
        try:
            if not isinstance(parameters, dict):
                raise KrakenError("Malformed request")
            if method == "ping":
                self._answer(message, {})
            elif method in ("subscribe", "unsubscribe"):
                self._subscribe(message, parameters, joins=method == "subscribe")
            elif method == "cancel_order":
                self._cancel(message, parameters)
            elif method in ("add_order", "amend_order", "cancel_all"):
                self._order(message, str(method), parameters)
            else:
                raise KrakenError("Unsupported method")
        except KrakenError as error:
            self._refuse(message, str(error))

    def _subscribe(self, message: dict[str, Any], parameters: dict[str, Any], joins: bool) -> None:
        channel = parameters.get("channel")
        if channel in PRIVATE:
            self._venue.gatekeeper.check_token(str(parameters.get("token", "")))
            self._one(message, parameters, PRIVATE[channel], joins)
        elif channel in PUBLIC:
            symbols = parameters.get("symbol")
            if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
                raise KrakenError("Pair field must be an array")
            for symbol in symbols:
                self._one_symbol(message, parameters, str(channel), symbol, joins)
        else:
            raise KrakenError("Subscription name invalid")

    def _one_symbol(
        self, message: dict[str, Any], parameters: dict[str, Any], channel: str, symbol: str, joins: bool
    ) -> None:
        try:
            if symbol not in self._venue.exchange.pairs:
                raise KrakenError(f"Currency pair not supported {symbol}")
            self._one(message, parameters, self._key(channel, symbol, parameters), joins)
        except KrakenError as error:
            self._refuse(message, str(error), symbol)

    def _key(self, channel: str, symbol: str, parameters: dict[str, Any]) -> Key:
        if channel == "ohlc":
            interval = parameters.get("interval")
            if interval is None:
                raise KrakenError("Subscription ohlc requires interval")
            if interval not in INTERVALS or interval * 60 * SECOND % self._venue.base:
                raise KrakenError("Subscription ohlc interval not supported")
            return channel, symbol, interval
        if channel == "book":
            depth = parameters.get("depth", DEPTHS[0])
            if depth not in DEPTHS:
                raise KrakenError("Subscription depth not supported")
            return channel, symbol, depth
        return channel, symbol

    def _one(self, message: dict[str, Any], parameters: dict[str, Any], key: Key, joins: bool) -> None:
        if not joins:
            if not self._venue.hub.leave(self._connection, key):
                raise KrakenError("Subscription Not Found")
            self._answer(message, {"result": _described(key)})
            return
        snapshot = parameters.get("snapshot", True)
        # Before joining: a first subscriber's book is drawn anew, a later one's is the one the others hold.
        first = self._venue.feed.snapshot(key) if snapshot and key[0] in PUBLIC else None
        if not self._venue.hub.join(self._connection, key):
            raise KrakenError("Already subscribed")
        self._answer(message, {"result": _described(key) | {"snapshot": bool(snapshot)}})
        if first is not None:
            self._connection.send_text(first)
        if key == EXECUTIONS:
            self._snapshot_executions(parameters)
        if key == BALANCES and snapshot:
            self._snapshot_balances()

    def _snapshot_executions(self, parameters: dict[str, Any]) -> None:
        """Orders and trades in messages of their own: ccxt judges a message by its first entry."""
        exchange = self._venue.exchange
        if parameters.get("snap_orders", True):
            orders = sorted(exchange.open.values(), key=lambda order: order.number)
            data = [order_report(o, exchange.pairs[o.symbol], "new", o.touched) for o in orders]
            self._connection.send_numbered("executions", "snapshot", data)
        if parameters.get("snap_trades", False):
            fills = exchange.fills[-SNAPSHOT_FILLS:]
            data = [fill_report(f, exchange.orders[f.txid], exchange.pairs[f.symbol]) for f in fills]
            self._connection.send_numbered("executions", "snapshot", data)

    def _snapshot_balances(self) -> None:
        exchange = self._venue.exchange
        assets = {a.code: a for pair in exchange.pairs.values() for a in (pair.base, pair.quote)}
        held = exchange.ledger.balances
        data = [balance_snapshot(assets[code], amount) for code, amount in held.items()]
        self._connection.send_numbered("balances", "snapshot", data)

    def _order(self, message: dict[str, Any], method: str, parameters: dict[str, Any]) -> None:
        self._venue.gatekeeper.check_token(str(parameters.get("token", "")))
        fields = AMEND_FIELDS if method == "amend_order" else ORDER_FIELDS
        sent = {fields[name]: _text(value) for name, value in parameters.items() if name in fields}
        triggers = parameters.get("triggers")
        if isinstance(triggers, dict) and "price" in triggers:
            sent["price"] = _text(triggers["price"])
        if parameters.get("post_only"):
            sent["oflags"] = "post"
        rest = {"add_order": "AddOrder", "amend_order": "AmendOrder"}
        result = self._venue.orders[rest.get(method, "CancelAll")](sent)
        self._answer(message, {"result": _order_result(method, sent, result)})

    def _cancel(self, message: dict[str, Any], parameters: dict[str, Any]) -> None:
        """One answer for each canceled order, and one for each id that names none."""
        self._venue.gatekeeper.check_token(str(parameters.get("token", "")))
        name, ids = _listed(parameters)
        for wanted in ids:
            try:
                for order in self._venue.cancel({CANCEL_FIELDS[name]: _text(wanted)}):
                    self._answer(message, {"result": _named(order)})
            except KrakenError as error:
                self._refuse(message, str(error))

    def _answer(self, message: dict[str, Any], body: dict[str, Any]) -> None:
        method = "pong" if message.get("method") == "ping" else message.get("method")
        stamp = {} if method == "pong" and "req_id" not in message else self._times()
        success = {} if method == "pong" else {"success": True}
        self._connection.send({"method": method} | _request_id(message) | body | success | stamp)

    def _refuse(self, message: dict[str, Any], error: str, symbol: str | None = None) -> None:
        about = {} if symbol is None else {"symbol": symbol}
        head = {"error": error, "method": str(message.get("method"))}
        self._connection.send(head | _request_id(message) | about | {"success": False} | self._times())

    def _times(self) -> dict[str, str]:
        now = rfc3339(self._venue.clock())
        return {"time_in": now, "time_out": now}


def _request_id(message: dict[str, Any]) -> dict[str, int]:
    number = message.get("req_id")
    return {"req_id": number} if isinstance(number, int) else {}


def _described(key: Key) -> dict[str, Any]:
    extra = {"ohlc": "interval", "book": "depth"}.get(str(key[0]))
    described: dict[str, Any] = {"channel": key[0]}
    if len(key) > 1:
        described["symbol"] = key[1]
    return described | ({extra: key[2]} if extra else {})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _listed(parameters: dict[str, Any]) -> tuple[str, list[Any]]:
    """The ids of a cancellation and their kind. Raises KrakenError: kinds cannot be mixed, and ids come in a list."""
    given = [name for name in CANCEL_FIELDS if name in parameters]
    ids = parameters[given[0]] if len(given) == 1 else None
    if not isinstance(ids, list) or not ids:
        raise invalid_argument(given[-1] if given else "order_id")
    return given[0], ids


def _named(order: Order) -> dict[str, str]:
    return {"order_id": order.txid} | ({} if order.cl_ord_id is None else {"cl_ord_id": order.cl_ord_id})


def _order_result(method: str, sent: Mapping[str, str], result: dict[str, Any]) -> dict[str, Any]:
    if method == "add_order":
        placed = {"order_id": result["txid"][0]} if "txid" in result else {}
        return placed | ({"cl_ord_id": sent["cl_ord_id"]} if "cl_ord_id" in sent else {})
    if method == "amend_order":
        return result | ({"order_id": sent["txid"]} if "txid" in sent else {})
    return result
