import asyncio
import json
import os
import signal as signals
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.config import Settings, load_settings
from shared.errors import ConfigError, InvariantBroken, Retryable
from shared.redis_streams.bus import Bus
from shared.service import Context, Service, main, run
from tests.shared.redis_streams.desk import Council, decision, group_is_done, ids_in, publish, signal, until

Build = Callable[[Context], Awaitable[Service]]


def settings_for(redis_url: str, **more: Any) -> Settings:
    return load_settings(_env_file=None, redis_url=redis_url, instance="one", partitions=4, **more)


@asynccontextmanager
async def service_running(name: str, settings: Settings, build: Build) -> AsyncIterator[Context]:
    """The runner at work; what it raises is raised here."""
    built: list[Context] = []

    async def noting(context: Context) -> Service:
        service = await build(context)
        built.append(context)
        return service

    task = asyncio.create_task(run(name, settings, noting))
    try:
        await until(lambda: task.done() or bool(built))
        if built:
            yield built[0]
    finally:
        if built:
            built[0].stop.set()
        await asyncio.wait_for(task, 20)


async def get(context: Context, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{context.health_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def health(context: Context) -> Mapping[str, Any]:
    status, text = await get(context, "/health")
    report: dict[str, Any] = json.loads(text)
    assert status == (200 if report["status"] == "ok" else 503)
    return report


async def test_a_service_handles_its_messages_and_reports_its_health(redis_url: str) -> None:
    bus = await Bus.connect(redis_url, 4)
    council = Council()

    async def build(_context: Context) -> Service:
        return Service(handlers=council, health=lambda: {"verdicts": len(council.seen)})

    async with service_running("council", settings_for(redis_url), build) as context:
        await until(lambda: len(context.partitions_held()) == 4)
        await publish(bus, signal(1))
        await until(lambda: group_is_done(bus))
        report = await health(context)
        assert (report["status"], report["name"], report["instance"]) == ("ok", "council", "one")
        assert (report["partitions"], report["verdicts"]) == ([0, 1, 2, 3], 1)
        assert report["lag"] == {"pending": 0, "lag": 0}
        assert report["last_message_age"] < 60
        _, metrics = await get(context, "/metrics")
        assert 'parley_messages_total{group="council",kind="SignalGenerated",outcome="handled"}' in metrics
    assert await ids_in(bus, "council:decided") == [decision(signal(1)).message_id]
    await bus.close()


async def test_a_loop_that_loses_the_world_outside_is_started_again(redis_url: str) -> None:
    starts = 0

    async def feed(stop: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise Retryable("venue away") if starts == 1 else ConnectionRefusedError("venue away")
        await stop.wait()

    async def build(_context: Context) -> Service:
        return Service(loops=[feed])

    async with service_running("market_data", settings_for(redis_url), build) as context:
        await until(lambda: "venue away" in str(context.troubles))
        assert (await health(context))["status"] == "degraded"
        await until(lambda: starts == 3 and not context.troubles)
        assert (await health(context))["status"] == "ok"


async def test_a_loop_that_breaks_an_invariant_ends_the_process_and_stops_the_others(redis_url: str) -> None:
    stopped = asyncio.Event()

    async def broken(_stop: asyncio.Event) -> None:
        raise InvariantBroken("two stops of one trade")

    async def other(stop: asyncio.Event) -> None:
        await stop.wait()
        stopped.set()

    async def build(_context: Context) -> Service:
        return Service(loops=[other, broken])

    with pytest.raises(InvariantBroken, match="two stops"):
        await run("market_data", settings_for(redis_url), build)
    assert stopped.is_set()


async def test_a_handler_that_breaks_an_invariant_ends_the_process(redis_url: str) -> None:
    class Broken(Council):
        async def on_signal_generated(self, *_: Any) -> Sequence[Any]:
            raise InvariantBroken("no")

    async def build(_context: Context) -> Service:
        return Service(handlers=Broken())

    bus = await Bus.connect(redis_url, 4)
    await publish(bus, signal(1))
    with pytest.raises(InvariantBroken):
        await run("council", settings_for(redis_url), build)
    await bus.close()


async def test_a_service_without_redis_is_degraded_and_says_why(tmp_path: Path) -> None:
    async def build(_context: Context) -> Service:
        return Service(handlers=Council())

    async with service_running("council", settings_for(f"unix://{tmp_path}/none.sock"), build) as context:
        await until(lambda: context.health_port != 0)
        report = await health(context)
        assert report["status"] == "degraded"
        assert "Error" in report["redis"]


async def test_a_service_says_that_it_needs_a_database(redis_url: str) -> None:
    async def build(context: Context) -> Service:
        context.require_database()
        return Service()

    with pytest.raises(ConfigError, match="DATABASE_URL"):
        await run("council", settings_for(redis_url), build)


async def test_a_service_of_another_number_of_partitions_ends_and_says_which(redis_url: str) -> None:
    async def build(_context: Context) -> Service:
        return Service()

    bus = await Bus.connect(redis_url, 8)
    await bus.ensure_groups()
    with pytest.raises(ConfigError, match=r"PARTITIONS.* 8 .* 4 "):
        await run("market_data", settings_for(redis_url), build)
    await bus.close()


def test_a_wrong_setting_ends_the_process_with_code_2_and_one_plain_text(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def build(_context: Context) -> Service:
        return Service()

    monkeypatch.setenv("PARTITIONS", "0")
    with pytest.raises(SystemExit) as ended:
        main("council", build)
    assert ended.value.code == 2
    assert "PARTITIONS" in capfd.readouterr().err


PROGRAM = """
from shared.service import Context, Service, main
from tests.shared.redis_streams.desk import Council
async def build(context: Context) -> Service:
    return Service(handlers=Council())
main("council", build)
"""


async def test_sigterm_ends_the_process_with_nothing_in_hand_and_its_leases_free(redis_url: str) -> None:
    bus = await Bus.connect(redis_url, 4)
    environment = {**os.environ, "REDIS_URL": redis_url, "PARTITIONS": "4", "INSTANCE": "one", "DATABASE_URL": ""}
    command = [sys.executable, "-c", PROGRAM]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=subprocess.PIPE)
    await publish(bus, *(signal(n) for n in range(50)))
    await until(lambda: some_decided(bus), 30)
    process.send_signal(signals.SIGTERM)
    _, log = await process.communicate()
    assert process.returncode == 0
    owners = [await bus.execute("HGET", f"lease:council:{{{p}}}", "owner") for p in range(4)]
    assert owners == [b""] * 4
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert {line["service"] for line in lines} == {"council"}
    assert lines[-1]["event"] == "stopped"
    await bus.close()


async def some_decided(bus: Bus) -> bool:
    return bool(await ids_in(bus, "council:decided"))
