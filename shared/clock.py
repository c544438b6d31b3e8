"""The wall's clock, for what may not take its time from a message: logs, health, timeouts of sockets."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells a UTC instant."""

    def now(self) -> datetime: ...


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, UTC."""
        return datetime.now(UTC)
