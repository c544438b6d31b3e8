"""Feeds recorded inputs to services that run, an instant at a time, and collects what they publish."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import text

from shared import candles
from shared.db import Database
from shared.recording.capture import Tail
from shared.recording.compare import is_output, published_by
from shared.recording.entries import PRICES, Recorded, in_order, instants
from shared.recording.rest import Rest
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import decode
from shared.schemas.market import CandleClosed, CandleRevised
from shared.schemas.system import TradingPaused, TradingResumed
from shared.topology import STREAMS, stream_key

COLLECT_EVERY = 100
"""Instants between two looks; a stream keeps 2,000 entries a partition before any is trimmed."""

_KINDS: dict[str, type[CandleClosed] | type[CandleRevised]] = {
    kind.__name__: kind for kind in (CandleClosed, CandleRevised)
}
_BY_HAND = {TradingPaused.__name__: "PAUSED", TradingResumed.__name__: "ACTIVE"}
_SET_STATUS = text("""
    update system_config set system_status = :status,
        reason = case when is_trading_active then :reason else reason end
""")


class Answers(Protocol):
    """Who stands for the venue's side of the desk."""

    async def claim(self) -> None:
        """Have the orders that the books want sent stand as sent, where the recording has an answer for them."""
        ...

    def answered(self, entry: Recorded) -> None:
        """This input has been fed."""
        ...


@dataclass
class Stage:
    """Where a replay plays: a Redis and a database of its own, and the services that run on them.

    `said` is all that stood in the streams so far, inputs too.
    """

    bus: Bus
    database: Database
    services: Sequence[str]
    answers: Answers
    said: list[Recorded] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._tail = Tail(self.bus, [stream.name for stream in STREAMS])

    async def play(self, inputs: Sequence[Recorded], moved: Callable[[int, Recorded], Awaitable[bool]]) -> int:
        """Feed the inputs in their order, each instant after the one before has been settled, and count them.

        `moved` is asked before each instant whether to go on. Ends at rest. Raises ReplayStalled.
        """
        rest = Rest(self.bus, self.services)
        await rest.reached()
        await self.answers.claim()
        done = 0
        for number, group in enumerate(instants(inputs)):
            if number % COLLECT_EVERY == 0:
                await self._collect()
            if not await moved(done, group[0]):
                break
            await self._prepare(group)
            for entry in group:
                self.answers.answered(entry)
                await self._feed(entry)
            await rest.reached(after=group[-1].kind)
            await self.answers.claim()
            done += len(group)
        await self._collect()
        self.said = in_order(self.said)
        return done

    def published(self) -> list[Recorded]:
        """What the services' handlers have sent."""
        streams = published_by(self.services)
        return [entry for entry in self.said if is_output(entry, streams)]

    async def _collect(self) -> None:
        """Before anything is trimmed."""
        while entries := await self._tail.read():
            self.said += entries

    async def _feed(self, entry: Recorded) -> None:
        key = stream_key(entry.stream, entry.partition)
        await self.bus.execute("XADD", key, "*", "k", entry.kind, "b", entry.body)

    async def _prepare(self, group: Sequence[Recorded]) -> None:
        """The rows that those who published these messages had written before."""
        bars = [decode(_KINDS[entry.kind], entry.body.encode()) for entry in group if _is_candle(entry)]
        commands = [entry for entry in group if entry.kind in _BY_HAND]
        if not bars and not commands:
            return
        async with self.database.transaction(durable=False) as connection:
            await candles.upsert(connection, bars)  # type: ignore[arg-type]  # both kinds are candles
            for entry in commands:
                said = {"status": _BY_HAND[entry.kind], "reason": entry.message.get("reason", "")}
                await connection.execute(_SET_STATUS, said)


def _is_candle(entry: Recorded) -> bool:
    return entry.stream == PRICES and entry.kind in _KINDS


def announced(entries: Sequence[Recorded]) -> set[tuple[str, str, str]]:
    """The candles, (symbol, timeframe, open time), that these entries say are stored."""
    found = set()
    for entry in entries:
        if entry.kind == CandleClosed.__name__:
            body = json.loads(entry.body)
            found.add((body["symbol"], body["timeframe"], body["open_time"]))
    return found
