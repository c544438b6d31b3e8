"""The venue's clock is asked for rarely and never runs ahead of it."""

from datetime import UTC, datetime, timedelta

from shared.broker.venue_clock import RESYNC_AFTER, VenueClock

START = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A wall, and a venue whose time runs `speed` times as fast; each question takes a second."""

    def __init__(self, speed: float) -> None:
        self.wall = 0.0
        self.speed = speed
        self.asked = 0

    def venue(self) -> datetime:
        return START + timedelta(seconds=self.wall * self.speed)

    async def ask(self) -> datetime:
        self.asked += 1
        answer = self.venue()
        self.wall += 1
        return answer

    def clock(self) -> VenueClock:
        return VenueClock(self.ask, self.speed, lambda: self.wall)


async def test_between_two_answers_time_runs_at_the_venues_speed() -> None:
    world = World(60.0)
    clock = world.clock()
    first = await clock.now()
    world.wall += 2
    assert await clock.now() - first == timedelta(seconds=120)
    assert world.asked == 1


async def test_it_is_never_ahead_of_the_venue() -> None:
    world = World(60.0)
    clock = world.clock()
    for _ in range(5):
        assert await clock.now() <= world.venue()
        world.wall += 7


async def test_an_old_answer_is_asked_for_again() -> None:
    world = World(1.0)
    clock = world.clock()
    await clock.now()
    world.wall += RESYNC_AFTER + 1
    await clock.now()
    assert world.asked == 2


async def test_in_lock_step_it_asks_every_time() -> None:
    world = World(0.0)
    clock = world.clock()
    assert await clock.now() == await clock.now() == START
    assert world.asked == 2
