"""Answers that may be some seconds old."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import timedelta
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Cache(Generic[Answer]):
    """The newest `size` answers, each for `age`. `seconds` is a monotonic clock."""

    def __init__(self, age: timedelta, size: int, seconds: Callable[[], float]) -> None:
        self._age = age.total_seconds()
        self._size = size
        self._seconds = seconds
        self._answers: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to `key`, asked for anew where it is too old. Failures are not kept."""
        found = self._answers.get(key)
        if found is not None and self._seconds() - found[0] < self._age:
            return found[1]
        answer = await ask()
        self._answers[key] = (self._seconds(), answer)
        self._answers.move_to_end(key)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
        return answer
