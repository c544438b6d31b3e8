"""Takes what is due to each target, and goes on with the others while one is slow or fails."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.alerts.adapters.targets import PATIENCE, Answer, Target
from services.alerts.core.pace import pause_after
from services.alerts.core.quiet import QuietHours
from services.alerts.core.words import Desk, Due, words
from shared.clock import Clock

log = structlog.get_logger()

SENT = Counter("parley_alert_messages_total", "messages to people, by target and outcome", ["target", "outcome"])

TAKEN_FOR = 2 * PATIENCE
"""Time after which another process may send what a dead one had begun to send."""

LAST_WAIT = 5.0
"""Seconds that messages under way get when the service stops."""


class Deliveries(Protocol):
    """What waits for each target, and what became of it."""

    async def take(self, target: str, now: datetime, retake: datetime, *, quiet: bool) -> Sequence[Due]:
        """What is due, marked as being sent until `retake`; only what is critical where `quiet`."""
        ...

    async def sent(self, target: str, ids: Sequence[UUID], now: datetime) -> None:
        """It arrived."""
        ...

    async def failed(self, target: str, ids: Sequence[UUID], due_at: datetime, why: str, *, uncertain: bool) -> None:
        """It did not arrive: due again then, unless it was tried often enough."""
        ...

    async def give_up(self, targets: Sequence[str], now: datetime) -> None:
        """What waits for none of these targets, and what no process lived to send, is not delivered."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """`gap` lies between two messages to a target: what comes meanwhile goes into the second. `poll` is in seconds."""

    gap: timedelta = timedelta(seconds=5)
    poll: float = 1.0


@dataclass
class _Round:
    """A target, the message on its way to it, and when the next one may follow."""

    target: Target
    due: Sequence[Due] = ()
    task: "asyncio.Task[Answer] | None" = None
    not_before: datetime | None = None
    trouble: str = field(default="")


class Postman:
    """`is_leader` tells whether this process is the one that sends. `poke` wakes it up."""

    def __init__(
        self,
        targets: Sequence[Target],
        deliveries: Deliveries,
        desk: Desk,
        quiet: QuietHours | None,
        clock: Clock,
        is_leader: Callable[[], bool],
        pace: Pace = Pace(),
    ) -> None:
        self._rounds = [_Round(target) for target in targets]
        self._deliveries = deliveries
        self._desk = desk
        self._quiet = quiet
        self._clock = clock
        self._is_leader = is_leader
        self._pace = pace
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """There may be something to send."""
        self._poked.set()

    def health(self) -> dict[str, object]:
        """What each target said to the last message."""
        return {"targets": {each.target.name: each.trouble or "ok" for each in self._rounds}}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. A lost database ends it, to be started again: what is under way is settled then."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await self._deliveries.give_up([each.target.name for each in self._rounds], self._clock.now())
            while not stop.is_set():
                self._poked.clear()
                for each in self._rounds:
                    await self._settle(each)
                    if self._is_leader():
                        await self._begin(each)
                await self._rest(stopping)
            await self._end()
        finally:
            stopping.cancel()

    async def _begin(self, each: _Round) -> None:
        now = self._clock.now()
        if each.task is not None or (each.not_before is not None and now < each.not_before):
            return
        quiet = self._quiet is not None and self._quiet.until(now) is not None
        each.due = await self._deliveries.take(each.target.name, now, now + TAKEN_FOR, quiet=quiet)
        if each.due:
            each.not_before = now + self._pace.gap
            each.task = asyncio.create_task(each.target.send(words(each.due, self._desk)))

    async def _settle(self, each: _Round) -> None:
        if each.task is None or not each.task.done():
            return
        answer, now = each.task.result(), self._clock.now()
        name, ids = each.target.name, [due.alert_id for due in each.due]
        if answer.arrived:
            await self._deliveries.sent(name, ids, now)
        else:
            attempts = max(due.attempts for due in each.due)
            due_at = now + pause_after(attempts)
            await self._deliveries.failed(name, ids, due_at, answer.why, uncertain=answer.uncertain)
            log.warning("alerts did not arrive", target=name, alerts=len(ids), attempts=attempts, error=answer.why)
        SENT.labels(name, "arrived" if answer.arrived else "failed").inc()
        each.task, each.trouble = None, answer.why

    async def _rest(self, stopping: "asyncio.Task[object]") -> None:
        """Until a message was answered, somebody pokes or stops, or it is time to look again."""
        poked = asyncio.create_task(self._poked.wait())
        under_way = [each.task for each in self._rounds if each.task is not None]
        await asyncio.wait([poked, stopping, *under_way], timeout=self._pace.poll, return_when=asyncio.FIRST_COMPLETED)
        poked.cancel()

    async def _end(self) -> None:
        if under_way := [each.task for each in self._rounds if each.task is not None]:
            await asyncio.wait(under_way, timeout=LAST_WAIT)
        for each in self._rounds:
            await self._settle(each)
