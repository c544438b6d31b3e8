"""A council in a process of its own, to be killed and paused: worker.py REDIS DATABASE INSTANCE LEASE_MS."""

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta

import structlog

from shared.db import Database
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.lane import ConsumerOptions
from tests.shared.redis_streams.desk import BookkeepingCouncil, Council

PARTITIONS = 4


async def work(redis_url: str, database_url: str, instance: str, lease_ms: int) -> None:
    """Consume until SIGTERM."""
    bus = await Bus.connect(redis_url, PARTITIONS)
    database = Database(database_url) if database_url else None
    handlers: Council = BookkeepingCouncil() if database else Council()
    options = ConsumerOptions(
        batch_size=20, block=timedelta(milliseconds=50), lease_ttl=timedelta(milliseconds=lease_ms)
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Consumer(bus, "council", instance, handlers, database, options=options).run(stop)
    await bus.close()


def start_worker(
    redis_url: str, database_url: str = "", instance: str = "one", lease_ms: int = 600, crash_at: str = ""
) -> "subprocess.Popen[bytes]":
    """Run one; `crash_at` as PARLEY_CRASH_AT."""
    command = [sys.executable, "-m", "tests.shared.redis_streams.worker"]
    environment = {"PARLEY_CRASH_AT": crash_at} if crash_at else {}
    return subprocess.Popen([*command, redis_url, database_url, instance, str(lease_ms)], env=environment)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asyncio.run(work(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
