"""Kraken through ccxt: its signing, sockets and market tables, its implicit methods for everything that books.

The unified methods are left out where they parse prices through floats, ask for markets on every call, or hide which
request they make. Every request goes out once: ccxt's own retries are off, and only a refused nonce is tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from ccxt.base.errors import InvalidNonce

from shared.broker import kraken_views as views
from shared.broker.base import (
    BrokerError,
    BrokerUnavailable,
    Execution,
    Instrument,
    OrderRefused,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    VenueOrder,
)
from shared.broker.ccxt_errors import reading, reply_was_lost, writing
from shared.broker.kraken_client import VenueAccess, kraken_client
from shared.broker.rate_limit import AMEND_COST, CANCEL_COST, PLACE_COST, RateLimiter
from shared.broker.venue_clock import VenueClock

NONCE_LEAPS = (0, 0, 1_000_000, 60_000_000, 3_600_000_000)
"""How far, in microseconds, each try's nonce leaves its clock behind."""
TRADES_A_QUERY = 20
"""Most ids that QueryTrades takes."""


class CcxtBroker:
    """One Kraken account. One instance per API key: nonces must rise."""

    def __init__(self, access: VenueAccess) -> None:
        self._access = access
        self._client: Any = kraken_client(access)
        self._limiter = RateLimiter(access.speed)
        self._clock = VenueClock(self._venue_time, access.speed)
        self._pair_of: dict[str, str] = {}
        self._symbol_of: dict[str, str] = {}

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]:
        """The grid of each symbol. BrokerError for a pair that the venue does not list."""
        await self._load()
        missing = [symbol for symbol in symbols if symbol not in self._pair_of]
        if missing:
            raise BrokerError(f"the venue does not list {', '.join(missing)}")
        return {symbol: views.instrument(self._client.markets[symbol]) for symbol in symbols}

    async def now(self) -> datetime:
        """The venue's clock."""
        return await self._clock.now()

    async def place(self, order: OrderRequest, deadline: datetime) -> str:
        """Send the order; DeadlineElapsed where it comes too late. Returns the venue's order id."""
        await self._load()
        await self._limiter.order(order.symbol, PLACE_COST, is_entry=order.side == "buy")
        request = {
            "pair": self._pair(order.symbol),
            "type": order.side,
            "ordertype": order.order_type,
            "volume": format(order.quantity, "f"),
            "cl_ord_id": order.client_order_id,
            "deadline": _rfc3339(deadline),
        }
        price = order.trigger_price if order.order_type == "stop-loss" else order.limit_price
        if price is not None:
            request["price"] = format(price, "f")
        if self._access.validate_only:
            request["validate"] = "true"
        result = await self._change("AddOrder", order.symbol, request)
        if self._access.validate_only:
            raise OrderRefused("ORDER_VALIDATE_ONLY: the venue found the order valid and booked nothing")
        return str(_expected(result, "txid", 0))

    async def amend(self, venue_order_id: str, symbol: str, quantity: Decimal, trigger_price: Decimal) -> None:
        """Change a resting stop's quantity and trigger; it keeps its id."""
        await self._limiter.order(symbol, AMEND_COST)
        request = {
            "txid": venue_order_id,
            "order_qty": format(quantity, "f"),
            "trigger_price": format(trigger_price, "f"),
        }
        await self._change("AmendOrder", symbol, request)

    async def cancel(self, venue_order_id: str, symbol: str) -> None:
        """Cancel; OrderRefused where it is not open any more."""
        await self._limiter.order(symbol, CANCEL_COST)
        result = await self._change("CancelOrder", symbol, {"txid": venue_order_id})
        if _expected(result, "count") == 0:
            raise OrderRefused(f"order {venue_order_id} is not open")

    async def find(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        """The latest order with this client id, among open and then closed ones; None where there is none."""
        await self._load()
        named = {"cl_ord_id": client_order_id}
        found = (await self._read("OpenOrders", named))["open"] or (await self._read("ClosedOrders", named))["closed"]
        if not found:
            return None
        txid = max(found, key=lambda txid: Decimal(found[txid]["opentm"]))
        order = self._order(txid, found[txid])
        if order.order_type == "other":
            kind = found[txid]["descr"]["ordertype"]
            raise BrokerError(f"order {txid} is of type {kind}, which this desk does not place")
        return order

    async def open_orders(self) -> list[VenueOrder]:
        """Every open order of the account, oldest first."""
        await self._load()
        found = (await self._read("OpenOrders", {}))["open"]
        return [self._order(txid, found[txid]) for txid in sorted(found, key=lambda t: Decimal(found[t]["opentm"]))]

    async def executions_of(self, venue_order_id: str, symbol: str) -> list[Execution]:
        """All fills of one order, oldest first."""
        orders = await self._read("QueryOrders", {"txid": venue_order_id, "trades": "true"})
        order = orders.get(venue_order_id)
        return [] if order is None else await self._trades(order.get("trades") or [], symbol, order.get("cl_ord_id"))

    async def balances(self) -> dict[str, Decimal]:
        """Total of each asset, by its common code (BTC, USD)."""
        await self._load()
        held = await self._read("Balance", {})
        # Names with a suffix (XBT.F, ETH.S) are staked or earning: not ours to trade with.
        return {self._client.safe_currency_code(name): Decimal(held[name]) for name in held if "." not in name}

    async def executions(self) -> AsyncIterator[Execution]:
        """The account's fills as they happen, after the last fifty.

        Raises BrokerUnavailable when the socket is lost: reconcile, then call again.
        """
        await self._load()
        heard = self._client.hear()
        # Without orders in the snapshot: ccxt files a mixed message under its first entry's type.
        watching = asyncio.ensure_future(self._client.watch_my_trades(params={"snap_orders": False}))
        watching.add_done_callback(partial(_pass_failure, heard))
        try:
            while True:
                event = await heard.get()
                with reading():
                    if isinstance(event, Exception):
                        raise event
                yield await self._streamed(event)
        finally:
            watching.cancel()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _streamed(self, info: Mapping[str, Any]) -> Execution:
        try:
            return views.streamed_execution(info)
        except views.NotExact:
            return (await self._trades([info["exec_id"]], info["symbol"], info.get("cl_ord_id")))[0]

    async def _trades(self, ids: list[str], symbol: str, client_order_id: str | None) -> list[Execution]:
        booked: dict[str, Any] = {}
        for start in range(0, len(ids), TRADES_A_QUERY):
            booked |= await self._read("QueryTrades", {"txid": ",".join(ids[start : start + TRADES_A_QUERY])})
        if missing := [exec_id for exec_id in ids if exec_id not in booked]:
            raise BrokerUnavailable(f"the venue does not show its fills {', '.join(missing)} yet")
        found = [views.booked_execution(exec_id, booked[exec_id], symbol, client_order_id) for exec_id in ids]
        return sorted(found, key=lambda execution: execution.time)

    async def _load(self) -> None:
        if self._pair_of:
            return
        with reading():
            markets = await self._client.load_markets()
        for symbol, market in markets.items():
            self._symbol_of |= {market["id"]: symbol, market["altname"]: symbol}
            self._pair_of[symbol] = market["id"]

    async def _venue_time(self) -> datetime:
        with reading():
            # SystemStatus tells the venue's time as Time does, and not only in whole seconds.
            answer = await self._client.request("SystemStatus", "public", "GET", {})
        return datetime.fromisoformat(answer["result"]["timestamp"]).astimezone(UTC)

    async def _read(self, method: str, request: dict[str, str]) -> Any:
        await self._limiter.read()
        try:
            return await self._private(method, request, reading())
        except BrokerUnavailable as error:
            # A kept-alive connection that the venue had closed meanwhile: a read may simply be asked again.
            if error.__cause__ is None or not reply_was_lost(error.__cause__):
                raise
        return await self._private(method, request, reading())

    async def _change(self, method: str, symbol: str, request: dict[str, str]) -> Any:
        try:
            return await self._private(method, request, writing())
        except RateLimited:
            self._limiter.refused(symbol)
            raise

    async def _private(self, method: str, request: dict[str, str], failing: AbstractContextManager[None]) -> Any:
        with failing:
            for leap in NONCE_LEAPS:
                self._client.last_nonce += leap
                with suppress(InvalidNonce):
                    # Refused: two requests overtook each other, or a clock went back. The venue read only the nonce.
                    return _expected(await self._client.request(method, "private", "POST", request), "result")
            raise InvalidNonce(f"Invalid nonce: {self._client.last_nonce} is behind what the venue has seen")

    def _pair(self, symbol: str) -> str:
        try:
            return self._pair_of[symbol]
        except KeyError:
            raise OrderRefused(f"the venue does not list {symbol}") from None

    def _order(self, txid: str, info: Mapping[str, Any]) -> VenueOrder:
        pair = info["descr"]["pair"]
        return views.venue_order(txid, info, self._symbol_of.get(pair, pair))


def _expected(answer: Any, *path: str | int) -> Any:
    try:
        for step in path:
            answer = answer[step]
    except (KeyError, IndexError, TypeError):
        raise OutcomeUnknown(f"the venue answered in an unknown form: {str(answer)[:200]}") from None
    return answer


def _pass_failure(heard: "asyncio.Queue[Any]", watching: "asyncio.Future[Any]") -> None:
    if not watching.cancelled() and (error := watching.exception()) is not None:
        heard.put_nowait(error)


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
