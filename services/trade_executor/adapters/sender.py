"""The one loop that talks to the venue: sends what the books want, and finds out what became of it.

Claimed durably, then sent, then reported; the books move when the report is handled. A process that dies in between
leaves a claim, and whoever comes next asks the venue about it.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.trade_executor.adapters.venue import Venue
from services.trade_executor.core.records import Order
from services.trade_executor.ports import Requests
from shared.broker.base import BrokerError, RateLimited

log = structlog.get_logger()

POLL = 0.5
"""Wall seconds between looks at the books that nobody asked for."""
SEND_WINDOW = timedelta(seconds=5)
"""Venue time in which a request must arrive, by its `deadline`; Kraken takes 60 seconds at most."""
WIDEST_WINDOW = timedelta(seconds=60)
NEAREST_DEADLINE = SEND_WINDOW / 2
"""Venue time that a request must have left when it goes out; Kraken wants 2 seconds."""
SKEW = timedelta(seconds=2)
"""What clocks may differ by: a request is lost for good only this long after its deadline."""
LOST_AFTER = 2.0
"""Wall seconds after which an answer that we published, and the books do not show, is sought again."""
LONGEST_PAUSE = 5.0
TIME_KEEPS = 1.0
"""Wall seconds for which lock-step, where each look at the venue's clock is a request, goes by the last look."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the venue's clock runs: `speed` venue seconds per wall second, 0 for lock-step."""

    speed: float
    decision_ttl: timedelta

    @property
    def window(self) -> timedelta:
        """A deadline that leaves the request some wall time: from speed 12 on, 60 / speed seconds."""
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

    def __init__(self, claims: Requests, venue: Venue, pace: Pace, is_leader: Callable[[], bool]) -> None:
        self._claims = claims
        self._venue = venue
        self._pace = pace
        self._is_leader = is_leader
        self._woken = asyncio.Event()
        self._failures = 0
        self._told: tuple[datetime, float] | None = None

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
        try:
            if woken or await self._claims.waiting():
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
        else:
            self._failures = 0
            self._venue.trouble = ""

    async def send(self) -> bool:
        """Claim and make the most urgent requests. False where there was none."""
        # In lock-step the venue's time has to be asked for each time, which is dearer than a look at the books.
        if self._pace.speed == 0 and not await self._claims.waiting():
            return False
        deadline = await self._ask_time() + self._pace.window
        claimed = await self._claims.claim(deadline)
        heard = [await self._request(order, deadline) for order in claimed]
        if not all(heard):
            raise RateLimited(self._venue.trouble)
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

    async def _request(self, order: Order, deadline: datetime) -> bool:
        """Make one claimed request. False where the venue did not listen.

        The deadline is the claim's, which whoever looks for a lost request goes by: where the ones before have used
        it up, the order is claimed anew.
        """
        try:
            now = await self._time()
        except BrokerError as error:
            self._venue.trouble = str(error)
            await self._venue.say(order, "not_sent", deadline - self._pace.window, error=str(error))
            return False
        if await self._withheld(order, now):
            return True
        if now > deadline - NEAREST_DEADLINE:
            await self._venue.say(order, "not_sent", now, error="those before it took up all of its time")
            return True
        return await self._venue.send(order, deadline, now)

    async def _time(self) -> datetime:
        """The venue's."""
        if self._told is None or self._pace.speed > 0 or time.monotonic() - self._told[1] > TIME_KEEPS:
            return await self._ask_time()
        return self._told[0]

    async def _ask_time(self) -> datetime:
        now = await self._venue.broker.now()
        self._told = (now, time.monotonic())
        return now

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
