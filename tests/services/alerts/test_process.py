"""The service as a process of its own, killed at the worst moments."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.alerts.core.words import UNCERTAIN
from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source
from shared.schemas.system import AlertRaised
from tests.services.alerts.alarms import SECRET, Mailbox, Webhook, alert, rows, serving, states, until
from tests.services.process import start

PATIENCE = 40


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    connected = await Bus.connect(redis_url, 2)
    await connected.ensure_groups()
    yield connected
    await connected.close()


async def publish(bus: Bus, *said: AlertRaised) -> None:
    for message in said:
        await Source(bus, "trade_executor").publish_unseen(message)


class Desk:
    """Starts the service, time and again."""

    def __init__(self, redis_url: str, database_url: str, urls: str) -> None:
        self.urls = (redis_url, database_url)
        self.alert_urls = urls
        self.processes: list[Process] = []

    async def start(self, **more: str) -> Process:
        settings = {"ALERT_URLS": self.alert_urls, "LEASE_TTL": "PT1S"} | more
        self.processes.append(await start("alerts", *self.urls, **settings))
        return self.processes[-1]

    def kill(self) -> None:
        self.processes[-1].kill()

    async def end(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@asynccontextmanager
async def desk_on(redis_url: str, database_url: str, urls: str) -> AsyncIterator[Desk]:
    desk = Desk(redis_url, database_url, urls)
    try:
        yield desk
    finally:
        await desk.end()


async def all_sent(database: Database, count: int) -> bool:
    return (await states(database)).get("json-1") == ["sent"] * count


async def test_killed_between_delivery_and_commit_it_sends_that_once_more_with_a_word_of_doubt(
    bus: Bus, database: Database, redis_url: str, database_url: str
) -> None:
    hook = Webhook()
    async with serving(hook), desk_on(redis_url, database_url, hook.url()) as desk:
        await desk.start()
        await publish(bus, alert(1, "first"))
        await until(lambda: all_sent(database, 1), PATIENCE)
        hook.on_post = desk.kill
        await publish(bus, alert(2, "second"))
        assert await asyncio.wait_for(desk.processes[0].wait(), PATIENCE) == -9
        hook.on_post = lambda: None
        assert await states(database) == {"json-1": ["sent", "sending"]}
        await rows(database, "update alert_deliveries set due_at = now() - interval '1 s' where state = 'sending'")
        await desk.start()
        await until(lambda: all_sent(database, 2), PATIENCE)
        await publish(bus, alert(3, "third"))
        await until(lambda: all_sent(database, 3), PATIENCE)
    told = [[code for code in ("first", "second", "third") if code in body] for body in hook.bodies]
    assert told == [["first"], ["second"], ["second"], ["third"]]
    assert [UNCERTAIN in message for message in hook.messages] == [False, False, True, False]


@pytest.mark.parametrize("point", ["before_database", "before_redis", "after_redis"])
async def test_killed_while_it_takes_an_alert_in_it_sends_it_once(
    point: str, bus: Bus, database: Database, redis_url: str, database_url: str
) -> None:
    hook = Webhook()
    async with serving(hook), desk_on(redis_url, database_url, hook.url()) as desk:
        await publish(bus, alert(1, "first"), alert(2, "first"), alert(3, "second"))
        killed = await desk.start(PARLEY_CRASH_AT=f"alerts:{point}:1")
        assert await asyncio.wait_for(killed.wait(), PATIENCE) == -9
        await rows(database, "update alert_deliveries set due_at = now() where state = 'sending'")
        await desk.start()
        await until(lambda: all_sent(database, 2), PATIENCE)
        await publish(bus, alert(4, "last"))
        await until(lambda: all_sent(database, 3), PATIENCE)
    assert sum("first" in body for body in hook.bodies) == 1
    assert sum("second" in body for body in hook.bodies) == 1
    kept = await rows(database, "select code, repeats from alerts where repeat_of is null order by time")
    assert [tuple(row) for row in kept] == [("first", 1), ("second", 0), ("last", 0)]


async def test_a_webhook_and_a_letter_and_no_secret_in_the_log(
    bus: Bus, database: Database, redis_url: str, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    hook, bad, box = Webhook(), Webhook([500]), Mailbox()
    async with serving(hook, bad), box.serving():
        letter = f"mailto://me:{SECRET}@127.0.0.1:{box.port}?from=a@b.de&to=c@d.de&mode=insecure"
        async with desk_on(redis_url, database_url, f"{hook.url()}, {letter}, {bad.url('xml')}") as desk:
            await desk.start(LOG_LEVEL="DEBUG")
            await publish(bus, alert(1, "drawdown", "critical"))
            await until(lambda: bool(box.letters and hook.bodies), PATIENCE)
            await until(lambda: rows(database, "select 1 from alert_deliveries where error like '%500%'"))
    logged = "".join(capfd.readouterr())
    assert "alerts did not arrive" in logged
    assert SECRET not in logged
    assert box.letters[0]["Subject"] == "Parley, desk desk: critical, drawdown"
    assert await rows(database, "select 1 from alert_deliveries where error like :it", it=f"%{SECRET}%") == []


@pytest.mark.parametrize("settings", [{"ALERT_URLS": ""}, {"PLAYBACK_SPEED": "0"}])
async def test_without_targets_and_in_a_playback_it_keeps_and_sends_nothing(
    settings: dict[str, str], bus: Bus, database: Database, redis_url: str, database_url: str
) -> None:
    hook = Webhook()
    async with serving(hook), desk_on(redis_url, database_url, hook.url()) as desk:
        await desk.start(**settings)
        await publish(bus, alert(1))
        await until(lambda: rows(database, "select 1 from alerts"), PATIENCE)
        await asyncio.sleep(0.5)
    assert (hook.bodies, await states(database)) == ([], {})


async def test_a_wrong_address_ends_it_with_the_place_and_no_secret(
    redis_url: str, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with desk_on(redis_url, database_url, f"json://a.de, nonsense://{SECRET}") as desk:
        process = await desk.start()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 2
    said = "".join(capfd.readouterr())
    assert "alerts: ALERT_URLS: address 2 of 2 (nonsense://…)" in said
    assert SECRET not in said
