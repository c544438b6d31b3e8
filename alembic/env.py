"""Where migrations run: DATABASE_URL, or the embedded server under DATA_DIR, started if it does not run."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from alembic import context
from shared.config import load_settings
from shared.db import async_url
from shared.embedded.postgres import EmbeddedPostgres
from shared.models import Base


@contextmanager
def database_url() -> Iterator[str]:
    """The URL handed in by a caller, else the setting, else the embedded server's."""
    given = context.config.attributes.get("url")
    settings = None if given else load_settings()
    url = given or (settings.database_url.get_secret_value() if settings else "")
    if url or settings is None:
        yield url
        return
    with EmbeddedPostgres(settings.data_dir / "postgres") as server:
        yield server.url()


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        # two processes that start at once must not migrate at once
        connection.exec_driver_sql("select pg_advisory_xact_lock(7072)")
        context.run_migrations()


async def online(url: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


with database_url() as url:
    asyncio.run(online(url))
