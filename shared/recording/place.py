"""A Redis and a PostgreSQL for one replay, in a folder that is gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.redis import EmbeddedRedis
from shared.migrations import upgrade
from shared.recording.file import Recording
from shared.recording.play import announced
from shared.recording.snapshot import restore, without_candles

RELAXED = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
FORGETFUL = {"appendonly": "no"}
# what a replay writes is thrown away: no disk needs to have it


class Place(NamedTuple):
    """Where a replay runs."""

    folder: Path
    database_url: str
    redis_url: str

    @property
    def urls(self) -> dict[str, str]:
        """As the services' environment has them."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextmanager
def place() -> Iterator[Place]:
    """Servers with an empty schema, on sockets of their own."""
    with TemporaryDirectory(prefix="parley-replay-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (
            EmbeddedPostgres(folder / "postgres", RELAXED) as postgres,
            EmbeddedRedis(folder / "redis", options=FORGETFUL) as redis,
        ):
            url = postgres.url("replay")
            upgrade(url)
            yield Place(folder, url, redis.url)


async def furnish(database: Database, recording: Recording) -> None:
    """The rows that the recorded desk had, without the candles that are still to be announced."""
    rows = dict(recording.rows)
    rows["candles"] = without_candles(rows.get("candles", ()), announced(recording.entries))
    async with database.transaction(durable=False) as connection:
        await restore(connection, rows, recording.late)
