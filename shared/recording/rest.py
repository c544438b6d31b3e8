"""Whether the driven services have handled everything: the bus's own look, at their groups only."""

import asyncio
from collections.abc import Collection
from time import monotonic

from shared.errors import ParleyError
from shared.redis_streams.bus import Bus
from shared.redis_streams.keys import retry_stream, trimmed_key
from shared.redis_streams.lookups import WAITING_IN
from shared.redis_streams.scripts import Script
from shared.topology import STREAMS

PATIENCE = 60.0
"""Wall seconds for one instant, the services' start included."""

POLL = 0.002
HEAD_START = 0.5
"""Part of the usual time to rest in which the services are left alone: asking costs both them and Redis time."""

REMEMBERED = 0.8


class ReplayStalled(ParleyError):
    """The services did not come to rest; the text says what is waiting."""


class Rest:
    """Waits for groups of one Redis."""

    def __init__(self, bus: Bus, groups: Collection[str]) -> None:
        self._bus = bus
        self._look = _script(groups)
        self._partitions = range(bus.partitions)
        self._usual: dict[object, float] = {}

    async def reached(self, after: object = None) -> None:
        """Return when nothing of theirs is unread or pending. ReplayStalled after PATIENCE seconds.

        `after`: what they have been given, in so far as it tells how long they will take.
        """
        began, usual = monotonic(), self._usual.get(after, 0.0)
        await asyncio.sleep(HEAD_START * usual)
        while waiting := await self._waiting():
            if monotonic() - began > PATIENCE:
                raise ReplayStalled(f"the services did not come to rest within {PATIENCE:.0f} s: waiting {waiting}")
            await asyncio.sleep(POLL)
        self._usual[after] = REMEMBERED * usual + (1 - REMEMBERED) * (monotonic() - began)

    async def _waiting(self) -> str:
        _, rows = await self._bus.call(self._look, [trimmed_key(0)], 1, *self._partitions)
        return ", ".join(f"{group.decode()} for {key.decode()}" for key, group, _, _ in rows)


def _script(groups: Collection[str]) -> Script:
    readers = [(stream.name, [group for group in stream.groups if group in groups]) for stream in STREAMS]
    readers += [(retry_stream(group), [group]) for group in sorted(groups)]
    rows = (f"{{'{name}', {{{', '.join(map(repr, names))}}}}}" for name, names in readers if names)
    return Script(f"local readers = {{{', '.join(rows)}}}\n{WAITING_IN}")
