"""How far the venue's clock is known to be, symbol by symbol, and which instants have therefore ended."""

from collections.abc import Iterable

from shared.schemas.base import Timeframe
from shared.timeframes import bar_open


class VenueTime:
    """Times that the venue has shown. `grace` is how many wall seconds silent symbols are waited for; None: forever.

    `latest` is the latest time known, `heard` the latest that a socket has shown. Deterministic: the wall's seconds
    are arguments.
    """

    def __init__(self, base: Timeframe, symbols: Iterable[str], grace: float | None) -> None:
        self._base = base
        self._seen = dict.fromkeys(symbols, 0)
        self._grace = grace
        self._passed: list[tuple[int, float]] = []
        self.latest = 0
        self.heard = 0

    def saw(self, symbol: str, time: int, wall: float) -> None:
        """A message of this symbol showed that the venue's clock is `time`."""
        self._seen[symbol] = max(time, self._seen[symbol])
        self.heard = max(time, self.heard)
        self.passed(time, wall)

    def seen(self, symbol: str) -> int:
        """The latest time that a message of this symbol showed; 0 before the first."""
        return self._seen[symbol]

    def forget(self, symbol: str) -> None:
        """Wait for it no more."""
        self._seen.pop(symbol, None)

    def passed(self, time: int, wall: float) -> None:
        """The venue's clock is `time`, whoever said so."""
        if time <= self.latest:
            return
        self.latest = time
        boundary = bar_open(self._base, time)
        if not self._passed or boundary > self._passed[-1][0]:
            self._passed.append((boundary, wall))

    def horizon(self, wall: float) -> int:
        """The last instant that has ended: every symbol has passed it, or the grace for silent ones is over."""
        ended = bar_open(self._base, min(self._seen.values()))
        if self._grace is not None:
            while self._passed and wall - self._passed[0][1] >= self._grace:
                ended = max(ended, self._passed[0][0])
                if len(self._passed) == 1:
                    break
                self._passed.pop(0)
        return ended
