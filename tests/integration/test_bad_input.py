"""Bad entries on every stream of the real services: buried by whoever reads them, the next good one is handled."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import insert, select, update

from cli.supervisor import service_child
from services.alerts.handlers import Handlers as Alerts
from services.council.handlers import Handlers as Council
from services.learning_engine.handlers import Handlers as LearningEngine
from services.position_manager.handlers import Handlers as PositionManager
from services.signal_generator.handlers import Handlers as SignalGenerator
from services.trade_executor.handlers import PaperHandlers as TradeExecutor
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.redis import EmbeddedRedis
from shared.ids import derived_id
from shared.models import Asset, CouncilSession, Trade
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.dead import DeadLetter, dead_letters
from shared.redis_streams.handlers import handlers_of
from shared.redis_streams.keys import retry_key
from shared.redis_streams.overview import streams_overview
from shared.redis_streams.quiet import is_quiet
from shared.schemas.base import Message
from shared.schemas.market import CandleClosed
from shared.seed import seed
from shared.topology import MESSAGES, STREAMS, Stream, stream_key
from tests.builders import BTC, GOOD, NINE, TRADE, at, candle, exit_requested
from tests.conftest import TEMPLATE
from tests.integration.bad import entries
from tests.integration.processes import ROOT, environment, parley

PARTITIONS = 2
PATIENCE = 60.0
HANDLERS: Mapping[str, object] = {
    "signal_generator": SignalGenerator,
    "council": Council,
    "trade_executor": TradeExecutor,
    "position_manager": PositionManager,
    "learning_engine": LearningEngine,
    "alerts": Alerts,
}
ARCHIVER = "archiver"
"""Reads every message of its streams, and handles none."""
WANTED = {group: handlers_of(group, handlers).keys() for group, handlers in HANDLERS.items()} | {
    ARCHIVER: dict.fromkeys(MESSAGES.values()).keys()
}
READ = [(stream, kind) for stream in STREAMS if stream.groups for kind in stream.messages]
_minutes = count(0, 5)


@dataclass(frozen=True)
class Desk:
    """Addresses of a desk whose services run, each a process of its own."""

    redis_url: str
    database_url: str

    @property
    def settings(self) -> dict[str, str]:
        return {
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
            "PARTITIONS": str(PARTITIONS),
            "SYMBOLS": BTC,
            "TIMEFRAME": "5m",
            "VENUE_URL": "http://127.0.0.1:9",
        }


@pytest.fixture(scope="module")
def desk(
    redis_server: EmbeddedRedis, postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """Every service that reads a stream, on a paper broker that needs no venue, as nothing is bought."""
    folder = tmp_path_factory.mktemp("bad-input")
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    postgres_server.query('create database "bad_input" template :"template"', template=TEMPLATE)
    running = Desk(redis_server.url, postgres_server.url("bad_input"))
    asyncio.run(_prepare(running))
    processes = [_started(service, running, folder) for service in (*HANDLERS, ARCHIVER)]
    yield running
    for process in processes:
        process.terminate()
    endings = [process.wait(20) for process in processes]
    postgres_server.query('drop database "bad_input" with (force)')
    assert endings == [0] * len(processes), "a service did not survive its bad input"


async def _prepare(running: Desk) -> None:
    database = Database(running.database_url)
    steps = {"price_tick": "0.1", "lot_step": "0.00000001", "min_quantity": "0.0001", "min_cost": "1"}
    async with database.transaction() as connection:
        await seed(connection)
        await connection.execute(update(Asset).where(Asset.symbol == BTC).values(steps))
        await connection.execute(insert(Trade).values(_closed_trade()))
    await database.close()
    bus = await Bus.connect(running.redis_url, PARTITIONS)
    await bus.ensure_groups()
    await bus.close()


def _closed_trade(trade_id: object = TRADE) -> dict[str, object]:
    """A trade that is over, so that messages about it change nothing."""
    names = {"account": "desk", "symbol": BTC, "timeframe": "5m", "order_id": f"entry-{trade_id}"}
    reasons: dict[str, object] = {"score": 0.5, "contributions": [], "votes": []}
    decision = {"decision_id": derived_id("CouncilDecided", trade_id), "decided_at": NINE}
    return {"id": trade_id, "status": "closed", **names, **decision, **reasons}


def _started(service: str, running: Desk, folder: Path) -> "subprocess.Popen[bytes]":
    child = service_child(service, 0, environment(DATA_DIR=str(folder), **running.settings), folder)
    with child.log.open("wb") as log:
        return subprocess.Popen(child.command, cwd=ROOT, env=child.environment, stdout=log, stderr=log)


@pytest.fixture
async def bus(desk: Desk) -> AsyncIterator[Bus]:
    connected = await Bus.connect(desk.redis_url, PARTITIONS)
    yield connected
    await connected.close()


async def settled(bus: Bus) -> None:
    """Until nothing is pending or unread in any group."""
    async with asyncio.timeout(PATIENCE):
        while not (await is_quiet(bus)).quiet:  # noqa: ASYNC110 - Redis sets no event
            await asyncio.sleep(0.01)


async def send(bus: Bus, message: Message) -> tuple[str, str]:
    """As its publisher would; stream key and entry id."""
    stream = next(stream for stream in STREAMS if type(message) in stream.messages)
    outgoing = encode(message, sorted(stream.publishers)[0], PARTITIONS)
    return outgoing.stream_key, await put(bus, outgoing.stream_key, {"k": outgoing.kind, "b": outgoing.body})


async def put(bus: Bus, key: str, fields: Mapping[str | bytes, str | bytes]) -> str:
    entry: bytes = await bus.execute("XADD", key, "*", *(part for pair in fields.items() for part in pair))
    return entry.decode()


async def all_letters(bus: Bus) -> list[DeadLetter]:
    return await dead_letters(bus, at_most=100_000)


@pytest.mark.parametrize(
    ("stream", "kind"), READ, ids=lambda value: value.name if isinstance(value, Stream) else value.__name__
)
async def test_bad_entries_are_buried_by_every_reader_and_the_next_good_one_is_handled(
    bus: Bus, stream: Stream, kind: type[Message]
) -> None:
    good = GOOD[kind](next(_minutes))
    key = encode(good, sorted(stream.publishers)[0], PARTITIONS).stream_key
    before = {letter.id for letter in await all_letters(bus)}
    bad = {await put(bus, key, entry.fields): entry for entry in entries(stream, kind)}
    sent = await send(bus, good)
    await settled(bus)

    buried = [letter for letter in await all_letters(bus) if letter.id not in before]
    expected = {
        (bad[entry].what, group)
        for entry in bad
        for group in stream.groups
        if bad[entry].anyhow or kind in WANTED[group]
    }
    assert {(bad[letter.entry].what, letter.group) for letter in buried} == expected
    assert max(Counter((letter.entry, letter.group) for letter in buried).values(), default=1) == 1
    assert {letter.stream for letter in buried} == {stream.name}
    mute = [(bad[x.entry].what, x.error) for x in buried if bad[x.entry].said not in x.error or x.attempts != 1]
    assert mute == []
    assert sent[1] not in bad


async def test_after_all_that_a_good_candle_still_becomes_a_decision(bus: Bus, desk: Desk) -> None:
    minute = 5 + next(_minutes)
    for _ in range(3):
        await put(bus, stream_key("market:candles", 0), {"k": "CandleClosed", "b": "{"})
        await put(bus, stream_key("market:candles", 1), {"k": "CandleClosed", "b": "{"})
    await send(bus, candle(minute=minute))
    await settled(bus)
    assert at(minute) in await _decided(desk)


async def test_a_candle_from_the_future_does_not_spoil_the_next_good_one(bus: Bus, desk: Desk) -> None:
    """market_data drops such candles; should one reach the stream, it is decided on, and nothing else suffers."""
    minute = 5 + next(_minutes)
    await send(bus, candle("400", minute=5_000_000))
    await send(bus, candle(minute=minute))
    await settled(bus)
    assert at(minute) in await _decided(desk)


async def _decided(desk: Desk) -> set[datetime]:
    database = Database(desk.database_url)
    async with database.engine.connect() as connection:
        found = set((await connection.execute(select(CouncilSession.time))).scalars())
    await database.close()
    return found


async def test_what_a_handler_refuses_is_handled_once_it_is_mended_and_given_back(bus: Bus, desk: Desk) -> None:
    minute = next(_minutes)
    missing = derived_id("Trade", "missing", at(minute))
    _, entry = await send(bus, exit_requested(minute, missing))
    await settled(bus)
    (letter,) = [letter for letter in await all_letters(bus) if letter.entry == entry]
    assert "which is not in the books" in letter.error

    database = Database(desk.database_url)
    async with database.transaction() as connection:
        await connection.execute(insert(Trade).values(_closed_trade(missing)))
    await database.close()
    done = parley("streams", "requeue", letter.id, settings=desk.settings)
    assert (done.returncode, done.stderr) == (0, "")
    await settled(bus)
    assert letter.entry not in {found.entry for found in await all_letters(bus) if found.group == "trade_executor"}
    assert letter.body not in {found.body for found in await all_letters(bus)}


async def test_the_command_line_shows_dead_letters_and_gives_one_back_to_its_group_only(bus: Bus, desk: Desk) -> None:
    key = stream_key("market:candles", 1)
    body = f"not JSON {next(_minutes)}"
    await put(bus, key, {"k": CandleClosed.__name__, "b": body})
    await settled(bus)

    shown = json.loads(parley("streams", "dead", "--json", settings=desk.settings).stdout)
    mine = {letter["group"]: letter for letter in shown if letter["body"] == body}
    assert set(mine) == {"signal_generator", "position_manager", "trade_executor", ARCHIVER}
    assert all("malformed CandleClosed" in letter["error"] for letter in mine.values())
    assert body in parley("streams", "dead", "--group", "signal_generator", settings=desk.settings).stdout

    retried = {group: await bus.execute("XLEN", retry_key(group, 1)) for group in mine}
    done = parley("streams", "requeue", mine["signal_generator"]["id"], settings=desk.settings)
    assert done.returncode == 0
    await settled(bus)
    after = {letter.group: letter for letter in await all_letters(bus) if letter.body == body}
    assert set(after) == set(mine)
    assert after["signal_generator"].id != mine["signal_generator"]["id"]
    for group in ("position_manager", "trade_executor"):
        assert after[group].id == mine[group]["id"]
        assert await bus.execute("XLEN", retry_key(group, 1)) == retried[group]


async def test_an_id_that_is_none_is_refused_in_words(desk: Desk) -> None:
    for letter in ("nonsense", "signal_generator:1:1-1"):
        done = parley("streams", "requeue", letter, settings=desk.settings)
        assert done.returncode == 2
        assert "dead letter" in done.stderr
        assert "Traceback" not in done.stderr


async def test_the_overview_counts_every_dead_letter_and_nothing_is_left_waiting(bus: Bus, desk: Desk) -> None:
    await settled(bus)
    letters = Counter(letter.stream for letter in await all_letters(bus))
    overview = json.loads(parley("streams", "--json", settings=desk.settings).stdout)["streams"]
    assert {name: stream["dead"] for name, stream in overview.items() if stream["dead"]} == dict(letters)
    waiting = [g for s in overview.values() for g in s["groups"].values() if g["pending"] or g["lag"]]
    assert waiting == []
    assert (await streams_overview(bus)).streams.keys() == overview.keys()
