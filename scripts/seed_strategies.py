"""Seed assets, strategies, weights and switches into the migrated database; safe to run again."""

import asyncio

from shared.config import Settings, load_settings
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.seed import seed


async def _seed(url: str) -> int:
    database = Database(url)
    try:
        async with database.transaction() as connection:
            return await seed(connection)
    finally:
        await database.close()


def main(settings: Settings) -> None:
    if url := settings.database_url.get_secret_value():
        print(f"{asyncio.run(_seed(url))} rows added")
        return
    with EmbeddedPostgres(settings.data_dir / "postgres") as server:
        print(f"{asyncio.run(_seed(server.url()))} rows added")


if __name__ == "__main__":
    main(load_settings())
