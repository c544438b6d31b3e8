"""The venue's clock, asked rarely and extrapolated in between."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

RESYNC_AFTER = 30.0
"""Wall seconds for which an answer of the venue is trusted."""


class VenueClock:
    """`ask` fetches the venue's time; `speed` is venue seconds per wall second, 0: ask every time."""

    def __init__(
        self, ask: Callable[[], Awaitable[datetime]], speed: float, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._speed = speed
        self._wall = wall
        self._anchor: tuple[datetime, float] | None = None

    async def now(self) -> datetime:
        """The venue's time, never later than it is there: deadlines err on the short side."""
        if self._anchor is None or self._speed == 0 or self._wall() - self._anchor[1] > RESYNC_AFTER:
            self._anchor = (await self._ask(), self._wall())
        time, read_at = self._anchor
        return time + timedelta(seconds=(self._wall() - read_at) * self._speed)
