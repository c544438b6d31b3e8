"""Lock-step playback: move the venue only when the desk has nothing left to do.

Quiet means four things at once: the candles of the instant that the venue ended are on the stream, every fill the
venue booked is in our books, no stream entry is unread or unacknowledged, and no order waits to be sent or answered.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy import text

from cli.venue import Json, Venue
from shared.db import Database
from shared.errors import ParleyError
from shared.models.busy import BUSY_ORDERS
from shared.redis_streams.bus import Bus
from shared.redis_streams.quiet import is_quiet
from shared.redis_streams.source import Source
from shared.schemas.base import Timeframe
from shared.timeframes import bar_open, to_microseconds

POLL = 0.001
DRAIN = 0.5  # what a websocket may still carry when the venue's clock has stopped
FILLS = text("SELECT count(*) FROM fills WHERE execution_id = ANY(:ids)")
UNPUBLISHED = text("SELECT count(*) FROM outbox WHERE published_at IS NULL")


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

    async def play(self, until: Callable[[], bool], progress: Callable[[Json], None], steps: int | None = None) -> None:
        """Advance until the data ends, `steps` bars were played, or `until()` says stop. Ends quiet."""
        first: int | None = None
        while not until():
            step = await self.venue.advance()
            await self.settle(step)
            progress(step)
            first = step["step"] if first is None else first
            if step.get("done") or (steps is not None and step["step"] - first >= steps):
                return

    async def finish(self) -> None:
        """Stop a venue that runs by the clock, and wait until the desk has caught up with it."""
        await self.venue.pause()
        await asyncio.sleep(DRAIN)
        await self.settle({})

    async def settle(self, step: Json) -> None:
        """Wait until everything that follows from `step` has been done."""
        started = monotonic()
        ended, executions = _ended(step), [e["exec_id"] for e in step.get("executions", ())]
        waiting: object = "the candles"
        while monotonic() - started < self.patience:
            if ended and not await self._announced(ended):
                waiting = f"BarsClosed of {ended}"
            elif executions and not await self._booked(executions):
                waiting = f"fills {executions}"
            elif (waiting := await self._at_rest()) is None:
                return
            await asyncio.sleep(POLL if monotonic() - started < 1 else 0.05)
        raise PlaybackStalled(f"no quiet within {self.patience:.0f} s at {step.get('clock')}: waiting for {waiting}")

    async def _announced(self, ended: datetime) -> bool:
        """Whether market_data has published that the bars closing at `ended` are complete."""
        due = [self.desk.base]
        if _closes(self.desk.decision, ended):
            due.append(self.desk.decision)
        for timeframe in due:
            cursor = await self.desk.market_data.cursor(f"BarsClosed:{timeframe}", "instants")
            if cursor is None or cursor < to_microseconds(ended):
                return False
        return True

    async def _booked(self, executions: Sequence[str]) -> bool:
        async with self.desk.database.engine.connect() as connection:
            found = await connection.scalar(FILLS, {"ids": list(executions)})
        return bool(found == len(set(executions)))

    async def _at_rest(self) -> object | None:
        """None when at rest, else what is waiting. Asked twice around the books: a message may be born in between."""
        before = await is_quiet(self.desk.bus)
        if not before.quiet:
            return before.waiting
        async with self.desk.database.engine.connect() as connection:
            busy = await connection.scalar(BUSY_ORDERS)
            unpublished = await connection.scalar(UNPUBLISHED)
        if busy or unpublished:
            return {"orders": busy, "outbox": unpublished}
        after = await is_quiet(self.desk.bus)
        return None if after.quiet and after.fingerprint == before.fingerprint else after.waiting or "new messages"


def _ended(step: Json) -> datetime | None:
    """The instant at which bars ended with this step, None where none did."""
    if not step.get("closed"):
        return None
    return datetime.fromisoformat(step["clock"])


def _closes(timeframe: Timeframe, at: datetime) -> bool:
    return bar_open(timeframe, to_microseconds(at)) == to_microseconds(at)
