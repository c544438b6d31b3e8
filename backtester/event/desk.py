"""The services' handlers on one queue: every message goes to those that read its stream live, one after the other."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from backtester.event.account import Account
from backtester.event.broker import LockstepBroker
from backtester.event.executor_books import MemoryRequests
from services.trade_executor.adapters.sender import Pace, Sender
from services.trade_executor.adapters.venue import Venue
from services.trade_executor.core.answers import executed
from services.trade_executor.handlers import Handlers as Executor
from shared.broker.base import Execution
from shared.config import Settings
from shared.redis_streams.handlers import Handler, handlers_of
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message

NO_TRANSACTION: Any = None
"""Handlers pass it on to their books, which need none here."""


class Desk:
    """`services` by name: their handlers. Messages are handled in the order in which they were said."""

    def __init__(
        self,
        services: Mapping[str, object],
        executor: Executor,
        account: Account,
        broker: LockstepBroker,
        settings: Settings,
    ) -> None:
        self._executor = executor
        self._queue: deque[Message] = deque()
        self._readers: dict[type[Message], list[Handler]] = {}
        for name, handlers in services.items():
            for message, handler in handlers_of(name, handlers).items():
                self._readers.setdefault(message, []).append(handler)
        self._requests = MemoryRequests(account)
        self._sender = Sender(self._requests, Venue(broker, self), Pace(0.0, settings.decision_ttl), lambda: True)

    async def hear(self, messages: Iterable[Message]) -> None:
        """An instant of the market, and what everybody makes of it; nothing is sent yet."""
        self._queue.extend(messages)
        await self._drain()

    def tell(self, executions: Iterable[Execution]) -> None:
        """The broker's fills."""
        self._queue.extend(executed(execution, None) for execution in executions)

    async def publish_unseen(self, message: Message) -> bool:
        """An answer of the broker; the books know fills that are told twice."""
        self._queue.append(message)
        return True

    async def settle(self) -> None:
        """Until nobody has anything to say, and nothing is to be sent any more."""
        while True:
            await self._drain()
            if await self._requests.waiting():
                await self._sender.send()
            elif await self._requests.in_flight():
                await self._sender.resolve()
            if not self._queue:
                return

    async def _drain(self) -> None:
        tx: Transaction = NO_TRANSACTION
        while self._queue:
            message = self._queue.popleft()
            for handler in self._readers.get(type(message), ()):
                self._queue.extend(await handler(message, tx))
        self._executor.committed()
