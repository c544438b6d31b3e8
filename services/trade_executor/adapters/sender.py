"""The one loop that talks to the venue: sends what the books want, and finds out what became of it.

Claimed durably, then sent, then reported; the books move when the report is handled. A process that dies in between
leaves a claim, and whoever comes next asks the venue about it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.trade_executor.adapters.claims import Claims
from services.trade_executor.adapters.venue import Venue
from shared.broker.base import BrokerError, RateLimited
from shared.models import Order

log = structlog.get_logger()

POLL = 0.5
"""Wall seconds between looks at the books that nobody asked for."""
SEND_WINDOW = timedelta(seconds=5)
"""Venue time in which a request must arrive, by its `deadline`; Kraken takes 60 seconds at most."""
WIDEST_WINDOW = timedelta(seconds=60)
SKEW = timedelta(seconds=2)
"""What clocks may differ by: a request is lost for good only this long after its deadline."""
LOST_AFTER = 2.0
"""Wall seconds after which an answer that we published, and the books do not show, is sought again."""
LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How the venue's clock runs: `speed` venue seconds per wall second, 0 for lock-step."""

    speed: float
    decision_ttl: timedelta

    @property
    def window(self) -> timedelta:
        """A deadline that leaves the request some wall time at any speed."""
        return min(SEND_WINDOW * max(1.0, self.speed), WIDEST_WINDOW)

    def is_lost(self, order: Order, now: datetime) -> bool:
        """Whether a request in flight can be booked no more.

        In lock-step the clock stands still while we wait, so the deadline would never pass; there the venue has
        answered, or dropped, everything it ever got by the time that its connection is gone.
        """
        if self.speed == 0 or order.request == "find" or order.request_deadline is None:
            return True
        return now > order.request_deadline + SKEW * max(1.0, self.speed)


class Sender:
    """`wake` it when the books may want something. Only the leader sends."""

    def __init__(self, claims: Claims, venue: Venue, pace: Pace, is_leader: Callable[[], bool]) -> None:
        self._claims = claims
        self._venue = venue
        self._pace = pace
        self._is_leader = is_leader
        self._woken = asyncio.Event()
        self._failures = 0

    def wake(self) -> None:
        """Look at the books now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is in hand is finished."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self.wake())
        try:
            while not stop.is_set():
                woken = await self._woken_within(POLL)
                if self._is_leader():
                    await self._work(stop, woken)
        finally:
            stopping.cancel()

    async def _work(self, stop: asyncio.Event, woken: bool) -> None:
        if not woken and not await self._claims.waiting():
            await self.resolve()
            return
        try:
            while not stop.is_set() and self._is_leader() and await self.send():
                pass
            await self.resolve()
        except BrokerError as error:
            self._failures += 1
            self._venue.trouble = str(error)
            pause = self._pause()
            log.warning("the venue does not listen", error=str(error), seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            self.wake()

    async def send(self) -> bool:
        """Claim and make the most urgent requests. False where there was none."""
        # In lock-step the venue's time has to be asked for each time, which is dearer than a look at the books.
        if self._pace.speed == 0 and not await self._claims.waiting():
            return False
        now = await self._venue.broker.now()
        claimed = await self._claims.claim(now + self._pace.window)
        refused = False
        for order in claimed:
            if await self._withheld(order, now):
                continue
            refused = not await self._venue.send(order, now + self._pace.window, now) or refused
        if refused:
            raise RateLimited(self._venue.trouble)
        self._failures = 0
        return bool(claimed)

    async def resolve(self) -> None:
        """Ask the venue about every request whose answer is missing and can't come any more."""
        in_flight = await self._claims.in_flight()
        if not in_flight:
            return
        now = await self._venue.broker.now()
        failed: BrokerError | None = None
        for order in in_flight:
            if self._pace.is_lost(order, now) and not self._venue.answered_within(order, LOST_AFTER):
                try:
                    await self._venue.look(order, now)
                except BrokerError as error:
                    failed = error
        if failed is not None:
            raise failed

    async def _withheld(self, order: Order, now: datetime) -> bool:
        """An entry that has grown old in the queue, or that the flags forbid by now, is not sent."""
        if order.request != "place" or order.purpose != "entry":
            return False
        why = ""
        if now > order.created_at + self._pace.decision_ttl:
            why = "expired before it could be sent"
        elif not await self._claims.entries_allowed():
            why = "trading is paused or halted"
        if why:
            await self._venue.say(order, "canceled", now, error=why)
        return bool(why)

    async def _woken_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    def _pause(self) -> float:
        return min(0.1 * 2.0**self._failures, LONGEST_PAUSE)
