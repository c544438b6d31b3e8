"""Rows per second that the candle store takes in, as `make bench` reports them.

python -m benchmarks.candles [--rows N] [--batch N]: one JSON object on stdout; every way is timed on fresh rows and on
rows that are there already.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import candles
from shared.candles import Change, Stored
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.migrations import upgrade

START = datetime(2022, 1, 1, tzinfo=UTC)
Upsert = Callable[[AsyncConnection, Sequence[Stored]], Awaitable[object]]


async def _unnest(connection: AsyncConnection, rows: Sequence[Stored]) -> object:
    return await candles._insert(connection, [tuple(row) for row in rows])


async def _copy(connection: AsyncConnection, rows: Sequence[Stored]) -> object:
    return await candles._merge(connection, [tuple(row) for row in rows])


async def _chosen(connection: AsyncConnection, rows: Sequence[Stored]) -> list[Change]:
    return await candles.upsert(connection, rows)


def _rows(count: int) -> list[Stored]:
    minute = timedelta(minutes=1)
    return [
        Stored("BTC/USD", "1m", START + i * minute, 100.5 + i % 50, 160.0, 99.25, 101.5 + i % 50, 1.25)
        for i in range(count)
    ]


async def _rate(database: Database, way: Upsert, rows: Sequence[Stored], batch: int) -> float:
    started = time.perf_counter()
    for first in range(0, len(rows), batch):
        async with database.transaction(durable=False) as connection:
            await way(connection, rows[first : first + batch])
    return len(rows) / (time.perf_counter() - started)


async def _measure(url: str, count: int, batch: int, rounds: int) -> dict[str, float]:
    database = Database(url)
    rows = _rows(count)
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, way in (("unnest", _unnest), ("copy", _copy), ("candle_upserts_per_s", _chosen)):
            async with database.transaction() as connection:
                await connection.execute(text("truncate candles"))
                await connection.execute(text("analyze candles"))
            rates[name].append(await _rate(database, way, rows, batch))
            rates[f"{name}_unchanged"].append(await _rate(database, way, rows, batch))
    await database.close()
    return {name: round(median(found)) for name, found in rates.items()}


def measure(count: int = 200_000, batch: int = 10_000, rounds: int = 3) -> dict[str, float]:
    """Rows/s, medians of some rounds, on an embedded server of its own, with fsync on as in production."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder)) as server,
    ):
        url = server.url()
        upgrade(url)
        return asyncio.run(_measure(url, count, batch, rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="as always; here for symmetry with the other benchmarks")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rows, arguments.batch, arguments.rounds)))


if __name__ == "__main__":
    main()
