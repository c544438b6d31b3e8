"""Answers that may be some seconds old."""

from datetime import timedelta

import pytest

from services.api_gateway.cache import Cache
from shared.errors import Retryable


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        return self.asked


async def test_answer_is_kept_for_its_age() -> None:
    clock, source = Clock(), Source()
    cache = Cache[int](timedelta(seconds=60), 2, clock)
    assert await cache.get("a", source) == 1
    clock.seconds = 59.9
    assert await cache.get("a", source) == 1
    clock.seconds = 60
    assert await cache.get("a", source) == 2


async def test_oldest_answer_makes_room() -> None:
    source = Source()
    cache = Cache[int](timedelta(seconds=60), 2, Clock())
    for key in ("a", "b", "c", "b", "c"):
        await cache.get(key, source)
    assert source.asked == 3
    assert await cache.get("a", source) == 4


async def test_failure_is_not_kept() -> None:
    source = Source()
    cache = Cache[int](timedelta(seconds=60), 2, Clock())

    async def fails() -> int:
        raise Retryable

    with pytest.raises(Retryable):
        await cache.get("a", fails)
    assert await cache.get("a", source) == 1
