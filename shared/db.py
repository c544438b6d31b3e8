"""The database: one engine a process, explicit transactions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

SESSION = {
    "timezone": "UTC",
    "application_name": "parley",
    "idle_in_transaction_session_timeout": "15000",
}
"""In ms: a process that froze within a transaction must not hold its locks against its successor."""


def async_url(url: str) -> str:
    """The asyncpg form of a PostgreSQL URL; `?host=/dir` names a Unix socket's folder."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


class Database:
    """A pool of connections. Times are UTC; every transaction is explicit."""

    def __init__(self, url: str, pool_size: int = 5) -> None:
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=5,
            pool_pre_ping=False,
            connect_args={"timeout": 10, "server_settings": SESSION},
        )
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> AsyncIterator[AsyncConnection]:
        """Commit at the end, roll back on an exception. Not durable: a crash of PostgreSQL may forget it."""
        async with self.engine.begin() as connection:
            if not durable:
                await connection.execute(text("SET LOCAL synchronous_commit TO OFF"))
            yield connection

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        """For one statement, which commits itself: BEGIN and COMMIT around it would be two more round trips."""
        async with self._single.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Return every connection."""
        await self.engine.dispose()
