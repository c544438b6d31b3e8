"""Point 3: one database transaction a batch, and the outputs of every message that took part in it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, Result
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.errors import ConfigError, Retryable
from shared.models import Outbox
from shared.redis_streams.codec import Outgoing
from shared.redis_streams.failures import LeaseLost
from shared.schemas.base import Message

# in the driver's own words: built by the toolkit they cost twice as much, at every hop
_STORED = "SELECT message_id, outputs FROM handled WHERE group_name = $1 AND message_id = ANY($2::uuid[])"
_HANDLED = """
    INSERT INTO handled (group_name, message_id, outputs) SELECT $1, * FROM unnest($2::uuid[], $3::jsonb[])
    RETURNING handled_at
"""


class AlreadyHandled(BaseException):
    """The message's effects are in the database; `outputs` are what it led to then. No handler may catch this."""

    def __init__(self, outputs: Any) -> None:
        self.outputs = outputs


class BatchTransaction:
    """The transaction that the messages of one batch share. Begins when the first of them uses it.

    `ids` are those of all of them, looked at then and not before.
    """

    def __init__(self, database: Database | None, group: str, ids: Iterable[UUID], *, durable: bool) -> None:
        self._database = database
        self._group = group
        self._ids = ids
        self._durable = durable
        self._scope: AbstractAsyncContextManager[AsyncConnection] | None = None
        self._connection: AsyncConnection | None = None
        self.stored: dict[UUID, Any] = {}
        self._new: list[tuple[UUID, str]] = []

    @property
    def begun(self) -> bool:
        """Whether any message has used it."""
        return self._connection is not None

    async def connection(self) -> AsyncConnection:
        """Begin if need be, and learn which messages of the batch were handled before."""
        if self._connection is None:
            if self._database is None:
                raise ConfigError(f"{self._group} has a handler that needs DATABASE_URL")
            scope = self._database.transaction(durable=self._durable)
            try:
                self._connection = await scope.__aenter__()
            except OSError as error:
                raise Retryable(f"the database is not there: {error}") from None
            self._scope = scope
            rows = await self._connection.exec_driver_sql(_STORED, (self._group, list(self._ids)))
            self.stored = {row.message_id: row.outputs for row in rows}
        return self._connection

    def remember(self, message_id: UUID, outputs: Any) -> None:
        """Keep what a message led to; written with the effects."""
        self.stored[message_id] = outputs
        self._new.append((message_id, json.dumps(outputs)))

    async def write_outbox(self, outputs: Sequence[Outgoing]) -> None:
        """Leave messages that the commit script can't reach to the relay."""
        if outputs:
            rows = [{"message_id": o.message_id, "kind": o.kind, "body": o.body.decode()} for o in outputs]
            connection = await self.connection()
            await connection.execute(postgres_insert(Outbox).on_conflict_do_nothing(), rows)

    async def write_handled(self) -> datetime | None:
        """When the database says this batch was handled; LeaseLost where another instance was faster."""
        if not self._new or self._connection is None:
            return None
        try:
            written = await self._connection.exec_driver_sql(_HANDLED, (self._group, *zip(*self._new, strict=True)))
        except IntegrityError as error:
            raise LeaseLost(f"another instance of {self._group} handled this batch") from error
        handled_at: datetime = written.scalars().all()[0]
        return handled_at

    async def commit(self) -> None:
        """Make the effects permanent."""
        await self._end(None)

    async def __aenter__(self) -> "BatchTransaction":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._end(error or LeaseLost("left without a commit"))

    async def _end(self, error: BaseException | None) -> None:
        scope, self._scope, self._connection = self._scope, None, None
        if scope is not None:
            try:
                await scope.__aexit__(type(error) if error else None, error, None)
            except OSError as lost:
                raise Retryable(f"the database went away: {lost}") from None


class Transaction:
    """What a handler gets: the batch's transaction, seen from one message. A handler that never uses it costs none."""

    __slots__ = ("_batch", "_message", "used")

    def __init__(self, batch: BatchTransaction, message: Message) -> None:
        self._batch = batch
        self._message = message
        self.used = False

    async def connection(self) -> AsyncConnection:
        """The open transaction's connection."""
        connection = await self._batch.connection()
        if not self.used and self._message.message_id in self._batch.stored:
            raise AlreadyHandled(self._batch.stored[self._message.message_id])
        self.used = True
        return connection

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Result[Any]:
        """One statement within the transaction."""
        return await (await self.connection()).execute(statement, parameters)
