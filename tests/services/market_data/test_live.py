"""market_data on a venue that runs by its own clock: history first, silence and absence survived."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from services.market_data.main import grace
from shared import candles
from shared.config import load_settings
from shared.db import Database
from shared.models import Asset
from tests.services.market_data.desk import running_desk, until

BOTH = ("BTC/USD", "ETH/USD")
SEEDED = ["--market", "seeded", "--symbols", "BTC/USD,ETH/USD", "--seed", "7"]


async def test_history_is_stored_but_only_what_closes_from_now_on_is_published(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    venue = [*SEEDED, "--speed", "120"]
    async with running_desk(tmp_path, redis_url, database_url, BOTH, venue, speed="120") as desk:
        service = await desk.start()

        async def two_instants() -> bool:
            return len([b for b in await desk.messages("market:candles", "instants") if b["timeframe"] == "1m"]) >= 3

        await until(two_instants)
        instants = [b for b in await desk.messages("market:candles", "instants") if b["timeframe"] == "1m"]
        published = [b for b in await desk.messages("market:candles", "BTC/USD") if b["timeframe"] == "1m"]
        first = datetime.fromisoformat(published[0]["open_time"])
        async with database.transaction() as connection:
            history = await candles.between(connection, "BTC/USD", "1m", first - timedelta(days=9), first)
            decisions = await candles.between(connection, "BTC/USD", "5m", first - timedelta(days=9), first)
            gaps = await candles.gaps(connection, "BTC/USD", "1m", history[0].open_time, first)
            assets = (await connection.execute(select(Asset.symbol, Asset.price_tick, Asset.min_cost))).all()
        assert 700 <= len(history) <= 720
        assert 700 <= len(decisions) <= 721
        assert gaps == []
        assert all(set(body["symbols"]) == set(BOTH) for body in instants)
        assert [body["open_time"] for body in published] == sorted({body["open_time"] for body in published})
        assert {row.symbol for row in assets} == set(BOTH)
        assert all(row.price_tick > 0 and row.min_cost > 0 for row in assets)
        sockets: Any = service.health()["sockets"]
        assert {channel: socket["state"] for channel, socket in sockets["BTC/USD"].items()} == {
            "candles": "open",
            "ticker": "open",
            "book": "open",
        }
        assert await desk.messages("market:books", "BTC/USD")
        assert await desk.messages("market:tickers", "ETH/USD")


async def test_published_candles_are_the_venues_to_the_last_digit(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    venue = [*SEEDED, "--speed", "120"]
    async with running_desk(tmp_path, redis_url, database_url, BOTH, venue, speed="120") as desk:
        await desk.start()

        async def some() -> bool:
            return len([b for b in await desk.messages("market:candles", "ETH/USD") if b["timeframe"] == "1m"]) >= 4

        await until(some)
        ours = [b for b in await desk.messages("market:candles", "ETH/USD") if b["timeframe"] == "1m"]
        url = f"http://127.0.0.1:{desk.port}/0/public/OHLC?pair=ETHUSD&interval=1"
        async with desk.http.get(url) as reply:
            result = (await reply.json())["result"]
    theirs = {row[0]: row for name, rows in result.items() if name != "last" for row in rows}
    for body in ours:
        row = theirs[int(datetime.fromisoformat(body["open_time"]).timestamp())]
        assert [float(body[name]) for name in ("open", "high", "low", "close", "volume")] == [
            float(row[i]) for i in (1, 2, 3, 4, 6)
        ]


async def test_a_venue_that_is_not_there_yet_is_waited_for_and_said(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    venue = [*SEEDED, "--speed", "120"]
    async with running_desk(tmp_path, redis_url, database_url, BOTH, venue, speed="120") as desk:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            absent = nobody.getsockname()[1]
        desk.environment["VENUE_URL"] = f"http://127.0.0.1:{absent}"
        service = await desk.start()

        async def said() -> bool:
            return "venue" in str(service.health()["troubles"])

        await until(said)
        health: Any = service.health()
        assert health["status"] == "degraded"
        assert f"kraken at http://127.0.0.1:{absent} can't be reached since " in health["troubles"]["venue"]
        assert "ExchangeNotAvailable: kraken GET" in health["troubles"]["venue"]
        command = ["--port", str(absent), "--state", str(tmp_path / "late.db"), *venue]
        late = await desk.another_venue(command)
        assert json.loads(late)["port"] == absent

        async def published() -> bool:
            return bool(await desk.messages("market:candles", "BTC/USD"))

        await until(published)
        assert service.health().get("status") != "degraded"
        assert service.health()["troubles"] == {}


def test_silent_symbols_are_waited_for_two_seconds_at_most() -> None:
    assert grace(load_settings(playback_speed=1)) == 2.0
    assert grace(load_settings(playback_speed=60)) == 0.25
    assert grace(load_settings(playback_speed=0)) is None
    assert datetime.now(UTC)
