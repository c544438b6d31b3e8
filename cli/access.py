"""Reach a desk that runs, or look into one that is stopped."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

import typer
from pydantic import SecretStr

from cli.desk import KIND, Desk, current_desk, running_desks, servers
from cli.output import note
from shared.config import Settings, load_settings
from shared.db import Database
from shared.errors import ConfigError
from shared.redis_streams.bus import Bus

Answer = TypeVar("Answer")
DeskName = Annotated[
    str | None, typer.Option("--desk", help="which desk (demo, up, playback); default: the one running")
]


@contextmanager
def settings_of(name: str | None) -> Iterator[tuple[Desk | None, Settings]]:
    """The settings a desk was started with and the addresses of its servers.

    A stopped desk's embedded servers are started for the time of the question.
    """
    configured = load_settings()
    if not name and _has_addresses(configured) and not running_desks():
        yield None, configured
        return
    desk = current_desk(name)
    remembered = desk.remembered()
    if not remembered:
        raise ConfigError(f"the desk '{desk.name}' was never started: `parley demo` and `parley up` start one.")
    started = load_settings(**{key.lower(): value for key, value in remembered.items()})
    if desk.running_pid:
        yield desk, started
        return
    note(False, f"desk '{desk.name}' is stopped; opening its books …")
    given = (configured.database_url, configured.redis_url) if remembered.get(KIND) == "up" else ()
    with desk.locked(), servers(desk, *(url.get_secret_value() for url in given)) as found:
        yield desk, started.model_copy(update={key.lower(): SecretStr(url) for key, url in found.urls.items()})


def _has_addresses(settings: Settings) -> bool:
    return bool(settings.database_url.get_secret_value() and settings.redis_url.get_secret_value())


@dataclass(frozen=True, slots=True)
class Opened:
    """Connections to one desk; `desk` is None where only the addresses of its servers are known."""

    settings: Settings
    database: Database
    bus: Bus
    desk: Desk | None = None

    @property
    def stopped(self) -> bool:
        """Whether no service of the desk runs. Its lock is ours while we look into a stopped one."""
        return self.desk is not None and self.desk.running_pid in (None, os.getpid())


@asynccontextmanager
async def opened(settings: Settings, desk: Desk | None = None) -> AsyncIterator[Opened]:
    """Connect to the desk's database and bus."""
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    bus = await Bus.connect(settings.redis_url.get_secret_value(), settings.partitions)
    try:
        yield Opened(settings, database, bus, desk)
    finally:
        await bus.close()
        await database.close()


def on_desk(name: str | None, action: Callable[[Opened], Awaitable[Answer]]) -> Answer:
    """Open a desk, do one thing to it or ask it one, and close it again."""

    async def run() -> Answer:
        async with opened(settings, found) as desk:
            return await action(desk)

    with settings_of(name) as (found, settings):
        return asyncio.run(run())
