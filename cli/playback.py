"""Lock-step playback: move the venue only when the desk has nothing left to do.

Quiet means four things at once: the instant that the venue has opened is announced as ended on the stream, every
fill the venue booked is in our books, no stream entry is unread or unacknowledged, and no order waits to be sent or
answered.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cli.venue import Json, Venue
from shared.db import Database
from shared.errors import ParleyError, Retryable
from shared.models.busy import BUSY_ORDERS
from shared.redis_streams.bus import Bus
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.source import Source
from shared.schemas.base import Timeframe
from shared.timeframes import bar_open, to_microseconds

POLL = 0.001
HEAD_START = 0.5
"""Part of the usual time to quiet in which the desk is left alone: asking costs both it and Redis time."""
LONGEST_HEAD_START = 0.02
REMEMBERED = 0.9
SLOW_POLL = 0.05
DRAIN = 0.5
"""Wall seconds in which a websocket may still carry something after the venue's clock has stopped."""
OPEN_PHASES = ("opened", "done")
BOOKS = text(f"""
    SELECT (SELECT count(*) FROM fills) AS booked, ({BUSY_ORDERS.text}) AS busy,
           (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS unpublished
""")
OUTSIDE = (Retryable, RedisError, SQLAlchemyError, OSError)


class PlaybackStalled(ParleyError):
    """The desk did not come to rest; the text says what is waiting."""


@dataclass(slots=True)
class Watched:
    """What the conductor watches while it waits for quiet."""

    bus: Bus
    database: Database
    market_data: Source
    base: Timeframe
    decision: Timeframe


@dataclass(slots=True)
class Conductor:
    """Plays a venue in lock-step with the desk. `patience` bounds one wait for quiet, restarts included."""

    venue: Venue
    desk: Watched
    patience: float = 120.0
    _usual: dict[bool, float] = field(default_factory=dict)

    async def play(
        self, until: Callable[[], bool], moved: Callable[[Json], Awaitable[None]], steps: int | None = None
    ) -> None:
        """Advance until the data ends, `steps` bars have closed, or `until()` says stop. Ends quiet.

        The bar after the last of `steps` has opened by then: only the next open ends a bar.
        """
        first = closed_bars(await self.venue.state())
        while not until():
            step = await self._advance()
            await moved(step)
            await self.settle(step)
            if step["done"] or (steps is not None and closed_bars(step) - first >= steps):
                return

    async def finish(self) -> None:
        """Stop a venue that runs by the clock, and wait until the desk has caught up with it."""
        await self.venue.pause()
        await asyncio.sleep(DRAIN)
        await self.settle(await self.venue.state(), announced=False)

    async def settle(self, step: Json, *, announced: bool = True) -> None:
        """Wait until everything that follows from the venue's state `step` has been done."""
        started = monotonic()
        opened = _clock(step) if announced and _ended_bars(step) else None
        decides = bar_open(self.desk.decision, _clock(step)) == _clock(step)
        usual = self._usual.get(decides, 0.0)
        waiting: object = None
        await asyncio.sleep(min(HEAD_START * usual, LONGEST_HEAD_START))
        while (waited := monotonic() - started) < self.patience:
            try:
                waiting = await self._waiting(opened, step["event"])
            except OUTSIDE as error:
                waiting = error
            if waiting is None:
                self._usual[decides] = REMEMBERED * usual + (1 - REMEMBERED) * waited
                return
            await asyncio.sleep(POLL if waited < 1 else SLOW_POLL)
        raise PlaybackStalled(f"no quiet within {self.patience:.0f} s at {step['clock']}: waiting for {waiting}")

    async def _advance(self) -> Json:
        """The venue's next step; a venue that dies meanwhile is asked how far it came once it is back."""
        try:
            return await self.venue.advance()
        except Retryable:
            deadline = monotonic() + self.patience
        while monotonic() < deadline:
            await asyncio.sleep(SLOW_POLL)
            try:
                return await self.venue.state()
            except Retryable as error:
                waiting = error
        raise PlaybackStalled(f"the venue did not come back within {self.patience:.0f} s: {waiting}")

    async def _waiting(self, opened: int | None, fills: int) -> object | None:
        """What is not done yet, None at rest.

        The streams are asked twice, around the books: a message may be born in between.
        """
        if opened and not await self._announced(opened):
            return "BarsClosed"
        before = await is_quiet(self.desk.bus, enough=1)
        if not before.quiet:
            return before.waiting
        async with self.desk.database.single() as connection:
            booked, busy, unpublished = (await connection.execute(BOOKS)).one()
        if booked != fills or busy or unpublished:
            return f"{booked} of {fills} fills booked, {busy} orders in flight, {unpublished} messages in the outbox"
        after = await is_quiet(self.desk.bus, enough=1)
        return None if after.quiet and after.fingerprint == before.fingerprint else after.waiting or "new messages"

    async def _announced(self, opened: int) -> bool:
        """Whether the bars that closed by then are on the stream: one script carries an instant's messages."""
        cursor = await self.desk.market_data.cursor(f"BarsClosed:{self.desk.base}", "instants")
        return cursor is not None and cursor >= opened


def closed_bars(state: Json) -> int:
    """How many instants the venue has walked and closed; the one it opened last is still under way."""
    step: int = state["step"]
    return step if state["done"] else max(step - 1, 0)


def _clock(step: Json) -> int:
    return to_microseconds(datetime.fromisoformat(step["clock"]))


def _ended_bars(step: Json) -> bool:
    """Whether bars ended with this step. A venue that came back from a crash tells only its phase."""
    if "closed" in step:
        return bool(step["closed"])
    return step["phase"] in OPEN_PHASES and step["step"] > 1
