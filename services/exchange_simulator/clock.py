"""The venue's clock. It never goes back."""

from collections.abc import Callable


class FrozenClock:
    """Stands still until told; the clock of lock-step playback."""

    def __init__(self, now: int) -> None:
        self._now = now

    def __call__(self) -> int:
        return self._now

    def advance(self, to: int) -> None:
        self._now = max(self._now, to)


class RunningClock:
    """Runs ``speed`` times as fast as ``wall`` (seconds), and never past ``horizon``, the time of the next price."""

    def __init__(self, now: int, speed: float, wall: Callable[[], float]) -> None:
        self._speed = speed
        self._wall = wall
        self._anchor = (now, wall())
        self._now = now
        self.horizon = now
        self.paused = False

    def __call__(self) -> int:
        if not self.paused:
            venue, wall = self._anchor
            reached = venue + int((self._wall() - wall) * self._speed * 1_000_000)
            self._now = max(self._now, min(reached, self.horizon - 1))
        return self._now

    def wait(self, until: int) -> float:
        """Wall seconds until the clock reads ``until``."""
        venue, wall = self._anchor
        return (until - venue) / 1_000_000 / self._speed - (self._wall() - wall)

    def reach(self, time: int) -> None:
        """A price of ``time`` is printed now."""
        self._now = max(self._now, time)
        if self.wait(time) < -0.5:
            self._anchor = (self._now, self._wall())

    def pause(self) -> None:
        self()
        self.paused = True

    def resume(self) -> None:
        self._anchor = (self._now, self._wall())
        self.paused = False
