"""Orders as clients ask for them: the parameters of AddOrder, AmendOrder, EditOrder and CancelOrder, checked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from services.exchange_simulator.errors import KrakenError, invalid_argument
from services.exchange_simulator.exchange import Draft, Exchange
from services.exchange_simulator.orders import Order, venue_id
from services.exchange_simulator.pairs import Pair, quantity
from services.exchange_simulator.rate_limit import RateLimits
from services.exchange_simulator.wire import SECOND, parse_rfc3339

Parameters = Mapping[str, str]
LONGEST_DEADLINE = 60 * SECOND
UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
FREE_TEXT_LIMIT = 18
IGNORED_FLAGS = {"fciq", "nompp"}


class PairTable:
    """Pairs by any of Kraken's names for them."""

    def __init__(self, pairs: Mapping[str, Pair]) -> None:
        self._by_name = {
            name: pair for pair in pairs.values() for name in (pair.id, pair.altname, pair.wsname, pair.symbol)
        }

    def __getitem__(self, name: str) -> Pair:
        """Raises KrakenError."""
        try:
            return self._by_name[name]
        except KeyError:
            raise KrakenError("EQuery:Unknown asset pair") from None


@dataclass(frozen=True, slots=True)
class Entry:
    """The order book's front desk. Its methods change the exchange; the caller commits."""

    exchange: Exchange
    pairs: PairTable
    limits: RateLimits
    clock: Callable[[], int]

    def add(self, parameters: Parameters) -> tuple[Draft, Order | None]:
        """The order as understood, and as placed; the latter is None where only validation was asked for."""
        pair = self.pairs[parameters.get("pair", "")]
        self.limits.add_order(pair.symbol)
        draft = draft_order(pair, parameters)
        self._check_deadline(parameters)
        if _flag(parameters, "validate"):
            self.exchange.check(draft)
            return draft, None
        return draft, self.exchange.place(draft)

    def amend(self, parameters: Parameters) -> tuple[str, Order]:
        """Changes an order in place. Returns the amendment's id and the order."""
        order = self.find_open(parameters)
        pair = self.exchange.pairs[order.symbol]
        self.limits.amend_order(order.symbol, self._age(order))
        self._check_deadline(parameters)
        wanted = [name for name in ("order_qty", "limit_price", "trigger_price") if name in parameters]
        if not wanted:
            raise invalid_argument("order_qty")
        if "limit_price" in parameters and order.kind != "limit":
            raise invalid_argument("limit_price")
        if "trigger_price" in parameters and order.kind != "stop-loss":
            raise invalid_argument("trigger_price")
        lots = pair.parse_quantity(parameters["order_qty"], "order_qty") if "order_qty" in parameters else None
        limit = pair.parse_price(parameters["limit_price"], "limit_price") if "limit_price" in parameters else None
        trigger = (
            pair.parse_price(parameters["trigger_price"], "trigger_price") if "trigger_price" in parameters else None
        )
        self.exchange.amend(order, lots, limit, trigger)
        return venue_id("T", f"{order.txid} amended {order.amends}"), order

    def edit(self, parameters: Parameters) -> tuple[Draft, Order, Order | None]:
        """Replaces an order by a new one with other terms. Returns the new terms, the old order and the new one."""
        old = self.find_open(parameters)
        pair = self.exchange.pairs[old.symbol]
        if parameters.get("pair") and self.pairs[parameters["pair"]] is not pair:
            raise invalid_argument("pair")
        self.limits.edit_order(old.symbol, self._age(old))
        self._check_deadline(parameters)
        draft = _replacement(pair, old, parameters)
        if _flag(parameters, "validate"):
            return draft, old, None
        self.exchange.cancel(old, "Order replaced")
        try:
            return draft, old, self.exchange.place(draft)
        except KrakenError:
            # The cancellation stands, as on Kraken, and must reach the disk.
            self.exchange.commit()
            raise

    def cancel(self, parameters: Parameters) -> list[Order]:
        """The orders that were canceled. Raises KrakenError if none fits."""
        orders = self._cancelable(parameters)
        if not orders:
            raise KrakenError("EOrder:Unknown order")
        for order in orders:
            self.limits.cancel_order(order.symbol, self._age(order))
        for order in orders:
            self.exchange.cancel(order, "User requested")
        return orders

    def find_open(self, parameters: Parameters) -> Order:
        found = self._cancelable(parameters)
        if not found:
            raise KrakenError("EOrder:Unknown order")
        return found[0]

    def _cancelable(self, parameters: Parameters) -> list[Order]:
        reference = parameters.get("txid", "")
        cl_ord_id = parameters.get("cl_ord_id")
        if not reference and cl_ord_id is None:
            raise invalid_argument("txid")
        return [
            order
            for order in self.exchange.open.values()
            if order.txid == reference
            or (cl_ord_id is not None and order.cl_ord_id == cl_ord_id)
            or (order.userref is not None and str(order.userref) == reference)
        ]

    def _age(self, order: Order) -> float:
        return (self.clock() - order.touched) / SECOND

    def _check_deadline(self, parameters: Parameters) -> None:
        text = parameters.get("deadline")
        if text is None:
            return
        try:
            deadline = parse_rfc3339(text)
        except ValueError:
            raise invalid_argument("deadline") from None
        if deadline > self.clock() + LONGEST_DEADLINE:
            raise invalid_argument("deadline")
        if deadline < self.clock():
            raise KrakenError("EService:Deadline elapsed")


def draft_order(pair: Pair, parameters: Parameters) -> Draft:
    """Raises KrakenError for what the venue does not take."""
    side, kind = parameters.get("type"), parameters.get("ordertype")
    if side not in ("buy", "sell"):
        raise invalid_argument("type")
    if kind not in ("market", "limit", "stop-loss"):
        raise invalid_argument("ordertype")
    flags = {flag.strip() for flag in parameters.get("oflags", "").split(",")} - {""}
    if flags - IGNORED_FLAGS - {"post"}:
        raise invalid_argument("oflags")
    if parameters.get("leverage", "none") != "none":
        raise invalid_argument("leverage")
    time_in_force = parameters.get("timeinforce", "GTC").upper()
    if time_in_force not in ("GTC", "IOC"):
        raise invalid_argument("timeinforce")
    price = pair.parse_price(parameters.get("price", "")) if kind != "market" else 0
    return Draft(
        symbol=pair.symbol,
        side="buy" if side == "buy" else "sell",
        kind="limit" if kind == "limit" else "stop-loss" if kind == "stop-loss" else "market",
        lots=pair.parse_quantity(parameters.get("volume", "")),
        limit=price if kind == "limit" else 0,
        trigger=price if kind == "stop-loss" else 0,
        cl_ord_id=_client_order_id(parameters),
        userref=_userref(parameters),
        time_in_force=time_in_force,
        post_only="post" in flags,
    )


def _replacement(pair: Pair, old: Order, parameters: Parameters) -> Draft:
    """What an edit puts in the old order's place. Its volume counts what the old order has executed; the draft's not.

    Source: Kraken, "Edit Order": an executed volume above the new one is refused, executions stay with the old order.
    """
    terms = {
        "ordertype": old.kind,
        "type": old.side,
        "volume": parameters.get("volume", quantity(old.lots)),
        "price": parameters.get("price", pair.price(old.limit or old.trigger)),
    }
    if "userref" in parameters:
        terms["userref"] = parameters["userref"]
    whole = draft_order(pair, terms)
    if whole.lots <= old.filled:
        raise invalid_argument("volume")
    return replace(whole, lots=whole.lots - old.filled)


def describe(pair: Pair, draft: Draft | Order) -> str:
    """``sell 0.10000000 XBTUSD @ stop loss 41000.0``."""
    terms = {
        "market": "market",
        "limit": f"limit {pair.price(draft.limit)}",
        "stop-loss": f"stop loss {pair.price(draft.trigger)}",
    }[draft.kind]
    return f"{draft.side} {quantity(draft.lots)} {pair.altname} @ {terms}"


def _client_order_id(parameters: Parameters) -> str | None:
    """A UUID, or up to 18 printable characters; never together with a userref."""
    text = parameters.get("cl_ord_id")
    if text is None:
        return None
    short = 0 < len(text) <= FREE_TEXT_LIMIT and text.isascii() and text.isprintable()
    if not (short or UUID.fullmatch(text)) or "userref" in parameters:
        raise invalid_argument("cl_ord_id")
    return text


def _userref(parameters: Parameters) -> int | None:
    text = parameters.get("userref")
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        raise invalid_argument("userref") from None
    if not -(2**31) <= value < 2**31:
        raise invalid_argument("userref")
    return value


def _flag(parameters: Parameters, name: str) -> bool:
    return parameters.get(name, "").lower() in ("true", "1")
