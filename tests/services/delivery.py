"""Hands messages to a service's handlers as the bus would: each in a real transaction that commits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from shared.db import Database
from shared.redis_streams.transaction import BatchTransaction, Transaction
from shared.schemas.base import Message

Received = TypeVar("Received", bound=Message)
Handler = Callable[[Received, Transaction], Awaitable[Sequence[Message]]]


async def deliver(database: Database, handler: Handler[Received], message: Received) -> Sequence[Message]:
    """The outputs, after the effects are committed. Delivered twice, the handler runs twice."""
    async with BatchTransaction(database, "test", [], durable=False) as batch:
        outputs = await handler(message, Transaction(batch, message))
        await batch.commit()
    return outputs


async def deliver_in_vain(database: Database, handler: Handler[Received], messages: Sequence[Received]) -> None:
    """All in one transaction that is rolled back at the end, as where the last of a batch fails."""
    async with BatchTransaction(database, "test", [], durable=False) as batch:
        for message in messages:
            await handler(message, Transaction(batch, message))


async def used_database(database: Database, handler: Handler[Received], message: Received) -> bool:
    """Whether handling the message began a transaction."""
    async with BatchTransaction(database, "test", [], durable=False) as batch:
        await handler(message, Transaction(batch, message))
        return batch.begun
