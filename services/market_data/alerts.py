"""What people must hear about the feed, once for each episode."""

from typing import Literal

import structlog
from prometheus_client import Counter

from services.market_data import announcing
from services.market_data.core.checks import BadData
from shared.redis_streams.source import Source

log = structlog.get_logger()

BAD_DATA = Counter("parley_bad_data_total", "what the venue sent and was dropped", ["symbol", "reason"])
QUIET_FOR = 60_000_000
"""Microseconds of venue time in which the same complaint is not repeated."""


class Alerts:
    """Publishes AlertRaised. `raise_soon` may be called from where nothing can be awaited."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._said: dict[tuple[str, str], int] = {}
        self._waiting: list[tuple[Literal["info", "warning", "critical"], str, int, str]] = []

    def dropped(self, symbol: str, error: BadData, time: int) -> None:
        """Count what was dropped, and say it, unless that was said a minute ago."""
        BAD_DATA.labels(symbol, error.code).inc()
        if time - self._said.get((error.code, symbol), -QUIET_FOR) >= QUIET_FOR:
            self._said[error.code, symbol] = time
            self.say("warning", error.code, time, f"{symbol}: dropped, {error}")

    def say(self, severity: Literal["info", "warning", "critical"], code: str, time: int, text: str) -> None:
        """Publish it, and thereby log it, with the next `flush`."""
        self._waiting.append((severity, code, time, text))

    async def flush(self) -> None:
        """Publish what is waiting."""
        while self._waiting:
            await self.source.publish_unseen(announcing.alert(*self._waiting[0]))
            self._waiting.pop(0)
