"""A running API over real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.api_gateway.adapters import Sources
from services.api_gateway.app import create_app
from services.api_gateway.server import Api, listen
from shared.clock import WallClock
from shared.config import Settings
from shared.db import Database
from shared.redis_streams.bus import Bus
from tests.shared.reports import books

Asked = Callable[..., Any]


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    connected = await Bus.connect(redis_url, 2)
    await connected.ensure_groups()
    yield connected
    await connected.close()


@pytest.fixture
async def sources(database: Database, bus: Bus) -> Sources:
    settings = Settings(symbols="BTC/USD,ETH/USD", timeframe="5m", trading_mode="demo")
    return Sources(database, bus, settings, WallClock())


@pytest.fixture
async def client(sources: Sources) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the API over a socket."""
    api, stop = Api(create_app(sources), listen(0)), asyncio.Event()
    serving = asyncio.create_task(api.serve(stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as speaking:
        yield speaking
    stop.set()
    await serving


@pytest.fixture
async def history(database: Database) -> None:
    """A small desk's history in the database."""
    async with database.transaction() as connection:
        await books.write(connection)


def when(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
