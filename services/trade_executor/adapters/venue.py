"""Asks the venue and says what it answered: every answer becomes a message, nothing is written here."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count
from typing import Protocol

import structlog

from services.trade_executor.core.answers import executed, facts_of, granted, report, status_of
from services.trade_executor.core.orders import wanted_quantity, wanted_trigger
from services.trade_executor.core.records import Order
from shared.broker.base import (
    Broker,
    BrokerUnavailable,
    DeadlineElapsed,
    OrderRefused,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
)
from shared.schemas.base import Message
from shared.schemas.system import AlertRaised

log = structlog.get_logger()

ANSWER_WITHIN = 15.0
"""Wall seconds after which a request without an answer counts as unknown, whatever the client still hopes for."""


class Publishes(Protocol):
    """A source of messages."""

    async def publish_unseen(self, message: Message) -> bool:
        """False where this id was published before."""
        ...


class Venue:
    """One account's requests. `trouble` says since when and why the venue does not listen, for health."""

    def __init__(self, broker: Broker, source: Publishes) -> None:
        self.broker = broker
        self._source = source
        self._answered: dict[tuple[str, str | None], float] = {}
        self.trouble = ""

    def answered_within(self, order: Order, seconds: float) -> bool:
        """Whether an answer about the order has just been published and is on its way to the books."""
        answered_at = self._answered.get((order.client_order_id, order.request))
        return answered_at is not None and time.monotonic() - answered_at < seconds

    async def send(self, order: Order, deadline: datetime, now: datetime) -> bool:
        """Make the claimed request. False where the venue did not listen: wait before asking again.

        An answer that does not come leaves the request in flight, for the resolver.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await REQUESTS[str(order.request)](self, order, deadline, now)
        except (RateLimited, BrokerUnavailable, DeadlineElapsed) as error:
            self.trouble = str(error)
            await self.say(order, "not_sent", now, error=str(error))
            return False
        except (OutcomeUnknown, TimeoutError) as error:
            log.warning("no answer", request=order.request, order=order.client_order_id, error=str(error))
            if order.request == "place":
                await self.say(order, "unknown", now, error=str(error) or "no answer")
                self._answered.pop((order.client_order_id, order.request), None)
            return True
        self.trouble = ""
        return True

    async def look(self, order: Order, now: datetime, *, refused: str = "") -> None:
        """Report what the venue shows of the order, its fills first; `refused`: it had said no to the request.

        Raises BrokerError's children where it shows nothing right now.
        """
        found = await self.broker.find(order.client_order_id, order.symbol)
        if found is not None and found.filled > order.filled:
            for execution in await self.broker.executions_of(found.venue_order_id, order.symbol):
                await self._source.publish_unseen(executed(execution, order.client_order_id))
        facts, status = facts_of(found), status_of(order, found, bool(refused))
        if status in ("rejected", "amend_failed"):
            facts["error"] = refused or facts["error"]
        await self.say(order, status, now, **facts)

    async def say(self, order: Order, status: str, now: datetime, **facts: object) -> None:
        """Publish a report. An answer equal to an earlier one is an answer all the same."""
        for repeat in count():
            if await self._source.publish_unseen(report(order, status, now, repeat, **facts)):
                break
        self._answered[order.client_order_id, order.request] = time.monotonic()

    async def raise_alert(self, alert: AlertRaised) -> None:
        """Tell a person, once for each id."""
        if await self._source.publish_unseen(alert):
            log.warning(alert.text, code=alert.code)

    async def _place(self, order: Order, deadline: datetime, now: datetime) -> None:
        request = OrderRequest(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,  # type: ignore[arg-type]
            order_type=order.order_type,  # type: ignore[arg-type]
            quantity=order.quantity,
            trigger_price=order.trigger_price,
        )
        try:
            venue_order_id = await self.broker.place(request, deadline)
        except DeadlineElapsed:
            # It may have the order all the same: from a send that we took for lost.
            if not await self._has(order):
                raise
            await self._look_after(order, now, "")
            return
        except OrderRefused as refusal:
            # It may refuse because it has the order already: a send that we took for lost.
            await self._look_after(order, now, str(refusal))
            return
        await self.say(order, "accepted", now, venue_order_id=venue_order_id)

    async def _cancel(self, order: Order, _deadline: datetime, now: datetime) -> None:
        try:
            await self.broker.cancel(str(order.venue_order_id), order.symbol)
        except OrderRefused as refusal:
            await self._look_after(order, now, str(refusal))
            return
        await self._look_after(order, now, "")

    async def _amend(self, order: Order, _deadline: datetime, now: datetime) -> None:
        trigger = wanted_trigger(order)
        if trigger is None:
            raise ValueError(f"order {order.client_order_id} has no trigger to amend")
        try:
            await self.broker.amend(str(order.venue_order_id), order.symbol, wanted_quantity(order), trigger)
        except OrderRefused as refusal:
            await self._look_after(order, now, str(refusal))
            return
        await self.say(order, "amended", now, **granted(order))

    async def _has(self, order: Order) -> bool:
        try:
            return await self.broker.find(order.client_order_id, order.symbol) is not None
        except (RateLimited, BrokerUnavailable) as error:
            raise OutcomeUnknown(str(error)) from error

    async def _look_after(self, order: Order, now: datetime, refused: str) -> None:
        """After a request that was made, a look that fails must not count as "not sent"."""
        try:
            await self.look(order, now, refused=refused)
        except (RateLimited, BrokerUnavailable) as error:
            raise OutcomeUnknown(str(error)) from error


Request = Callable[[Venue, Order, datetime, datetime], Awaitable[None]]
REQUESTS: dict[str, Request] = {"place": Venue._place, "cancel": Venue._cancel, "amend": Venue._amend}
