"""market_data as a process on the simulated venue, bar by bar: every candle once, whatever happens."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from services.market_data.announcing import instant
from services.market_data.backfill import backfill
from services.market_data.core.instants import Ended
from shared import candles
from shared.candles import Stored
from shared.config import load_settings
from shared.db import Database
from shared.errors import ConfigError
from shared.ids import derived_id
from shared.models import Trade
from shared.timeframes import to_microseconds
from tests.services.market_data.desk import Desk, running_desk, until, wave, write_candles

START = datetime(2022, 1, 1, tzinfo=UTC)
BTC = ("BTC/USD",)
BOTH = ("BTC/USD", "ETH/USD")


def recorded(folder: Path, **files: Path) -> list[str]:
    """Arguments of a venue that plays these files in lock-step; BTC=path is BTC/USD."""
    data = [argument for base, path in files.items() for argument in ("--data", f"{base}/USD={path}")]
    return [*data, "--speed", "max"]


async def stored(database: Database, symbol: str, timeframe: Any = "1m") -> list[Stored]:
    async with database.transaction() as connection:
        return await candles.between(connection, symbol, timeframe, START, START + timedelta(days=9))


def opens(count: int, minutes: int = 1, skip: tuple[int, ...] = ()) -> list[str]:
    times = [START + i * timedelta(minutes=minutes) for i in range(count) if i not in skip]
    return [time.isoformat().replace("+00:00", "Z") for time in times]


async def published(desk: Desk, symbol: str, timeframe: str) -> list[str]:
    return [opened for found, opened in await desk.candles(symbol) if found == timeframe]


async def instants(desk: Desk, timeframe: str) -> list[tuple[str, list[str]]]:
    found = await desk.messages("market:candles", "instants")
    return [(body["occurred_at"], body["symbols"]) for body in found if body["timeframe"] == timeframe]


async def test_every_bar_is_stored_and_published_once_with_its_own_values(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    rows = wave(31)
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", rows))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        await desk.start()
        await desk.subscribed()
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(31)
        assert await published(desk, "BTC/USD", "5m") == opens(6, 5)
        assert await published(desk, "BTC/USD", "15m") == opens(2, 15)
        assert [row[3:] for row in await stored(database, "BTC/USD")] == rows
        assert len(await instants(desk, "1m")) == 31
        assert await instants(desk, "15m") == [(time, ["BTC/USD"]) for time in opens(3, 15)[1:]]
        body = (await desk.messages("market:candles", "BTC/USD"))[5]
        assert (body["timeframe"], body["open"], body["close"]) == ("5m", str(int(rows[0][0])), f"{rows[4][3]:g}")
        tickers = await desk.messages("market:tickers", "BTC/USD")
        assert [ticker["occurred_at"] for ticker in tickers] == opens(32)


async def test_a_symbol_without_a_bar_is_not_listed_and_a_gap_of_all_costs_no_candle(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    everyone, only_eth = tuple(range(8, 12)), (3,)
    data = recorded(
        tmp_path,
        BTC=write_candles(tmp_path / "btc.csv", wave(20), skip=everyone + only_eth),
        ETH=write_candles(tmp_path / "eth.csv", wave(20, 50), skip=everyone),
    )
    async with running_desk(tmp_path, redis_url, database_url, BOTH, data) as desk:
        await desk.start()
        await desk.subscribed()
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(20, skip=everyone + only_eth)
        assert await published(desk, "ETH/USD", "1m") == opens(20, skip=everyone)
        listed = dict(await instants(desk, "1m"))
        assert listed[opens(5)[4]] == ["ETH/USD"]
        assert listed[opens(13)[12]] == []
        assert opens(11)[10] not in listed
        assert await published(desk, "ETH/USD", "5m") == opens(4, 5)


async def test_two_runs_publish_the_same_bytes(tmp_path: Path, redis_url: str, database_url: str) -> None:
    data = recorded(
        tmp_path,
        BTC=write_candles(tmp_path / "btc.csv", wave(12), skip=(4,)),
        ETH=write_candles(tmp_path / "eth.csv", wave(12, 50)),
    )
    runs = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with running_desk(folder, redis_url, database_url, BOTH, data) as desk:
            await desk.start()
            await desk.subscribed()
            await desk.play()
            runs.append([await desk.messages("market:candles", key) for key in (*BOTH, "instants")])
            runs[-1] += [await desk.messages("market:tickers", key) for key in BOTH]
            await desk.bus.execute("FLUSHALL")
    assert runs[0] == runs[1]


async def test_no_candle_is_lost_or_doubled_over_kill_9(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(24)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        service = await desk.start_process()
        await desk.subscribed()
        await desk.play(9)
        await desk.step(wait=False)
        await service.kill()
        for _ in range(4):
            await desk.step(wait=False)
        await desk.start_process()
        await desk.subscribed()
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(24)
        assert await published(desk, "BTC/USD", "5m") == opens(4, 5)
        assert [row[3:] for row in await stored(database, "BTC/USD")] == wave(24)


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_redis_forgot_is_published_again_from_the_store(
    restarted: bool, tmp_path: Path, redis_url: str, database_url: str
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(12)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        service = await desk.start()
        await desk.subscribed()
        await desk.play(9)
        before = await desk.messages("market:candles", "BTC/USD")
        if restarted:
            await service.stop()
        await desk.bus.execute("FLUSHALL")
        await _restore_cursor(desk, opens(5)[4])
        if restarted:
            await desk.start()
            await desk.subscribed()
        await desk.ended("1m", opens(9)[8])
        assert await desk.messages("market:candles", "BTC/USD") == before[4:]
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(12)[4:]


async def _restore_cursor(desk: Desk, time: str) -> None:
    """Redis as it was when the instant `time` was the last one published."""
    ended = Ended(to_microseconds(datetime.fromisoformat(time)), ("1m",), ())
    await desk.source.publish_newer_many(instant(ended, {}, tick=True))


async def test_two_instances_publish_every_candle_once_and_one_may_die(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(20)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        first = await desk.start_process()
        await desk.start()
        await desk.subscribed(instances=2)
        await desk.play(10)
        await first.kill()
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(20)
        assert len(await instants(desk, "1m")) == 20


async def test_a_dropped_socket_is_taken_up_again_without_a_gap(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(20)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        await desk.start()
        await desk.subscribed()
        await desk.play(6)
        await desk.sim("faults", kind="drop_socket")
        for _ in range(3):
            await desk.step(wait=False)
        await desk.subscribed()
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(20)


async def test_a_candle_that_differs_from_the_venues_is_revised_on_the_quarter_hour(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(40)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        await desk.start()
        await desk.subscribed()
        await desk.play(13)
        async with database.transaction() as connection:
            wrong = Stored("BTC/USD", "1m", START + timedelta(minutes=7), 1.0, 2.0, 1.0, 2.0, 1.0)
            await candles.upsert(connection, [wrong])
            late = "delete from candles where open_time = $1 and timeframe = '1m'"
            await connection.exec_driver_sql(late, (START + timedelta(minutes=4),))
        await desk.play(20)

        async def revised() -> bool:
            return len(await desk.candles("BTC/USD", "CandleRevised")) >= 2

        await until(revised)
        assert await desk.candles("BTC/USD", "CandleRevised") == [("1m", opens(5)[4]), ("1m", opens(8)[7])]
        assert [row[3:] for row in (await stored(database, "BTC/USD"))[:13]] == wave(13)


async def test_an_unknown_symbol_ends_the_service_with_its_name(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(3)))
    async with running_desk(tmp_path, redis_url, database_url, ("BTC/USD", "ZZZ/USD"), data) as desk:
        service = await desk.start()
        with pytest.raises(ConfigError, match="ZZZ/USD not traded at kraken"):
            await asyncio.wait_for(asyncio.gather(*service.loops), 30)
        service.loops.clear()


async def test_backfill_stores_history_says_what_is_missing_and_resumes(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(60), skip=(20, 21)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, [*data, "--history", "50"]) as desk:
        settings = load_settings(
            database_url=database_url, venue_url=f"http://127.0.0.1:{desk.port}", symbols=BTC, playback_speed=0
        )
        said: list[str] = []
        first = await backfill(settings, BTC, "1m", START + timedelta(minutes=10), said.append)
        again = await backfill(settings, BTC, "1m", START + timedelta(minutes=10), said.append)
    assert said
    assert "missing 2022-01-01 00:20 to 2022-01-01 00:22" in first
    assert " 0 new or changed" in again
    assert "missing 2022-01-01 00:20" in again
    bars = await stored(database, "BTC/USD")
    assert [row[3:] for row in bars] == [row for i, row in enumerate(wave(60)) if i >= 10][:10] + wave(60)[
        22 : len(bars) + 12
    ]


async def hold(database: Database, symbol: str, status: str) -> None:
    """A trade of the desk, from an earlier run with other SYMBOLS."""
    row = {
        "id": derived_id("Trade", symbol),
        "account": load_settings().desk,
        "symbol": symbol,
        "timeframe": "5m",
        "decision_id": derived_id("CouncilDecided", symbol),
        "status": status,
        "order_id": symbol,
        "decided_at": START,
        "score": 0.5,
        "contributions": [],
        "votes": [],
    }
    async with database.transaction() as connection:
        await connection.execute(insert(Trade).values(**row))


async def test_a_symbol_taken_out_with_a_trade_open_is_watched_but_waits_for_no_verdict(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    files = {name: write_candles(tmp_path / f"{name}.csv", wave(6)) for name in ("BTC", "ETH", "SOL")}
    await hold(database, "ETH/USD", "open")
    await hold(database, "SOL/USD", "closed")
    async with running_desk(tmp_path, redis_url, database_url, BTC, recorded(tmp_path, **files)) as desk:
        await desk.start()

        async def both_heard() -> bool:
            return bool((await desk.sim("state", "GET"))["subscribers"].get("ticker", 0) >= 2)

        await until(both_heard)
        await desk.play()
        assert await published(desk, "ETH/USD", "1m") == opens(6)
        assert await published(desk, "SOL/USD", "1m") == []
        ended = await desk.messages("market:candles", "instants")
        assert {tuple(body["symbols"]) for body in ended} == {("BTC/USD",)}
        assert {mark["symbol"] for body in ended for mark in body["marks"]} == {"BTC/USD", "ETH/USD"}


async def test_a_trade_open_in_what_the_venue_does_not_trade_is_said_and_stops_nobody(
    tmp_path: Path, redis_url: str, database_url: str, database: Database
) -> None:
    await hold(database, "GONE/USD", "open")
    data = recorded(tmp_path, BTC=write_candles(tmp_path / "btc.csv", wave(6)))
    async with running_desk(tmp_path, redis_url, database_url, BTC, data) as desk:
        await desk.start()
        await desk.subscribed()
        await desk.play()
        assert await published(desk, "BTC/USD", "1m") == opens(6)
        alerts = await desk.messages("system:alerts", "system")
        assert [(alert["severity"], alert["code"]) for alert in alerts] == [("critical", "trade_without_market")]
