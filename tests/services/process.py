"""A service as a process of its own, on real servers."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


async def start(service: str, redis_url: str, database_url: str, **settings: str) -> Process:
    """`python -m services.<service>.main` with these settings and nothing of the caller's own."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment |= {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "PARTITIONS": "2", "INSTANCE": "one"}
    command = (sys.executable, "-m", f"services.{service}.main")
    output = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment | settings, stdout=output)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask twenty times a second, for a minute at most."""
    for _ in range(1200):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError
