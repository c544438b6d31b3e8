"""Hears the account's fills, and compares the venue's account with our books when something may have been missed."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from services.trade_executor.adapters.claims import Claims
from services.trade_executor.adapters.venue import Publishes, Venue
from services.trade_executor.core.answers import differs, executed
from shared.broker.base import BrokerError, VenueOrder
from shared.ids import canonical, derived_id
from shared.schemas.system import AlertRaised

log = structlog.get_logger()

LONGEST_PAUSE = 30.0


class AccountListener:
    """Fills as they happen. It only tells; a fill told twice is one message."""

    def __init__(
        self, venue: Venue, source: Publishes, is_leader: Callable[[], bool], lost: Callable[[], None]
    ) -> None:
        self._venue = venue
        self._source = source
        self._is_leader = is_leader
        self._lost = lost
        self.trouble = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: listen, and after each interruption have the books compared."""
        failures = 0
        while not stop.is_set():
            pause = 0.5
            if self._is_leader():
                try:
                    await self._until(stop, self.listen())
                    failures = 0
                except BrokerError as error:
                    failures += 1
                    self.trouble = str(error)
                    pause = min(0.25 * 2.0**failures, LONGEST_PAUSE)
                    log.warning("fills are not heard", error=str(error), seconds=pause)
                self._lost()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def listen(self) -> None:
        """Publish every fill until the connection ends."""
        async for execution in self._venue.broker.executions():
            self.trouble = ""
            await self._source.publish_unseen(executed(execution, None))

    async def _until(self, stop: asyncio.Event, listening: Coroutine[Any, Any, None]) -> None:
        task, stopping = asyncio.ensure_future(listening), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for pending in (task, stopping):
                pending.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Reconciler:
    """Compares open orders and balances. What differs is looked up at the venue and reported like any answer.

    After a start or a lost connection at once; else only what two rounds in a row find different, since a message
    about it may be on its way.
    """

    def __init__(self, claims: Claims, venue: Venue, every: float, is_leader: Callable[[], bool]) -> None:
        self._claims = claims
        self._venue = venue
        self._every = every
        self._is_leader = is_leader
        self._due = asyncio.Event()
        self._doubted: set[str] = set()
        self._balances = ""
        self._said: set[tuple[str, str]] = set()
        self.differences: tuple[str, ...] = ()

    def compare_now(self) -> None:
        """Something may have been missed."""
        self._due.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, at the start and then every so many wall seconds."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._due.set())
        at_once = True
        while not stop.is_set():
            if self._is_leader():
                try:
                    await self.compare(trusting_nothing=at_once)
                except BrokerError as error:
                    log.warning("the account can't be compared", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._every)
            at_once = self._due.is_set()
            self._due.clear()
        stopping.cancel()

    async def compare(self, *, trusting_nothing: bool) -> None:
        """One round. Raises BrokerError's children while the venue does not answer."""
        resting = await self._claims.resting()
        theirs = {order.venue_order_id: order for order in await self._venue.broker.open_orders()}
        now = await self._venue.broker.now()
        doubted = [order for order in resting if differs(order, theirs.get(order.venue_order_id or ""))]
        for order in doubted:
            if trusting_nothing or order.client_order_id in self._doubted:
                await self._venue.look(order, now)
        self._doubted = {order.client_order_id for order in doubted}
        await self._say_foreign(list(theirs.values()), now)
        if not doubted and not await self._claims.in_flight() and not await self._claims.waiting():
            await self._compare_balances(now)

    async def _say_foreign(self, theirs: list[VenueOrder], now: datetime) -> None:
        for order in await self._claims.foreign(theirs):
            text = f"the venue holds an order of {canonical(order.quantity)} {order.symbol} that is not ours"
            await self._alert("foreign_order", f"{text}: {order.venue_order_id}", now, order.venue_order_id)

    async def _compare_balances(self, now: datetime) -> None:
        ours, theirs = await self._claims.holdings(), await self._venue.broker.balances()
        self.differences = tuple(
            f"{asset}: {canonical(amount)} in our books, {canonical(theirs.get(asset, Decimal(0)))} at the venue"
            for asset, amount in ours.items()
            if amount != theirs.get(asset, Decimal(0))
        )
        said, self._balances = self._balances, "; ".join(self.differences)
        if self._balances and self._balances == said:
            await self._alert("ledger_differs", self._balances, now, self._balances)

    async def _alert(self, code: str, text: str, now: datetime, about: str) -> None:
        if (code, about) in self._said:
            return
        self._said.add((code, about))
        alert = AlertRaised(
            message_id=derived_id("AlertRaised", code, about, now),
            occurred_at=now,
            severity="critical",
            code=code,
            text=text,
        )
        await self._venue.raise_alert(alert)
