"""What the API reads from: database, Redis, settings."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api_gateway.cache import Cache
from services.api_gateway.views import Candles
from shared.clock import Clock
from shared.config import Settings
from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.overview import Overview, streams_overview

CANDLES_AGE = timedelta(seconds=60)
CANDLES_KEPT = 256
OVERVIEW_AGE = timedelta(seconds=1)
ANSWER_WITHIN = "5s"

Answer = TypeVar("Answer")


class Sources:
    """Everything a route may read."""

    def __init__(self, database: Database, bus: Bus, settings: Settings, clock: Clock) -> None:
        self.database = database
        self.bus = bus
        self.settings = settings
        self.clock = clock
        self.candles: Cache[Candles] = Cache(CANDLES_AGE, CANDLES_KEPT, time.monotonic)
        self._overviews: Cache[Overview] = Cache(OVERVIEW_AGE, 1, time.monotonic)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """One moment of the database for all statements of an answer; nothing can be written through it."""
        async with self.database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            await connection.execute(text(f"SET LOCAL statement_timeout TO '{ANSWER_WITHIN}'"))
            yield connection

    async def ask(self, question: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """One question to the database."""
        async with self.snapshot() as connection:
            return await question(connection)

    async def overview(self) -> Overview:
        """The bus; some 200 commands, so it may be a second old."""
        return await self._overviews.get("bus", lambda: streams_overview(self.bus))


def _sources(request: Request) -> Sources:
    sources: Sources = request.app.state.sources
    return sources


FromSources = Annotated[Sources, Depends(_sources)]
