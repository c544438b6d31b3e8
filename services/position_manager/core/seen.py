"""Which bars were seen, to tell one that is late from one that is handled again."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

REMEMBERED = 5_000
"""As many messages as the largest batch: a rolled back batch is handled again from its beginning."""


@dataclass(slots=True)
class _Seen:
    newest: datetime
    ids: deque[UUID] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class SeenBars:
    """Of each symbol the newest bar. Empty after a start; then the stop's own row holds back older bars."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def is_late(self, symbol: str, close_time: datetime, message_id: UUID) -> bool:
        """Whether a newer bar came before this one, which comes for the first time. Remembers it."""
        seen = self._seen.setdefault(symbol, _Seen(close_time))
        late = close_time < seen.newest and message_id not in seen.ids
        seen.newest = max(seen.newest, close_time)
        seen.ids.append(message_id)
        return late
