"""Alerts, targets on loopback that keep what they get, and looks into the books."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any, Literal

from aiohttp import web
from sqlalchemy import text

from services.alerts.core.words import Due
from shared.db import Database
from shared.ids import derived_id
from shared.schemas.system import AlertRaised

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "sekret-t0ken"


def alert(
    number: int = 1,
    code: str = "feed_stale",
    severity: Literal["info", "warning", "critical"] = "warning",
    words: str = "BTC/USD: no message for 40 s",
) -> AlertRaised:
    """The alert of one minute after noon."""
    return AlertRaised(
        message_id=derived_id("AlertRaised", code, severity, number),
        occurred_at=NOON + timedelta(minutes=number),
        severity=severity,
        code=code,
        text=words,
    )


def due(
    number: int = 1,
    code: str = "feed_stale",
    severity: Literal["info", "warning", "critical"] = "warning",
    times: int = 1,
    earlier: int = 0,
    attempts: int = 1,
    uncertain: bool = False,
) -> Due:
    """The same, due to be sent."""
    said = alert(number, code, severity)
    return Due(
        said.message_id,
        said.occurred_at,
        said.occurred_at,
        said.severity,
        said.code,
        said.text,
        times,
        earlier,
        attempts,
        uncertain,
    )


@dataclass
class Webhook:
    """A real HTTP server. `statuses` are given in turn, the last for good; it hangs while `hanging` is set."""

    statuses: list[int] = field(default_factory=lambda: [200])
    bodies: list[str] = field(default_factory=list)
    hanging: bool = False
    on_post: Callable[[], None] = lambda: None
    port: int = 0

    def url(self, scheme: str = "json") -> str:
        """Its address, with a secret in it."""
        return f"{scheme}://127.0.0.1:{self.port}/{SECRET}"

    @property
    def messages(self) -> list[str]:
        """What apprise's json:// target was told."""
        return [json.loads(body)["message"] for body in self.bodies]

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.text())
        self.on_post()
        while self.hanging:  # noqa: ASYNC110 - set by the test
            await asyncio.sleep(0.01)
        status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
        return web.Response(status=status)


@asynccontextmanager
async def serving(*hooks: Webhook) -> AsyncIterator[None]:
    """The webhooks, each on a port of its own."""
    runners = []
    for hook in hooks:
        app = web.Application()
        app.router.add_post("/{path:.*}", hook.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", hook.port).start()
        hook.port = runner.addresses[0][1]
        runners.append(runner)
    yield
    for hook, runner in zip(hooks, runners, strict=True):
        hook.hanging = False
        await runner.cleanup()


@dataclass
class Mailbox:
    """A real SMTP server that refuses to log anybody in where `refusing` is set."""

    refusing: bool = False
    letters: list[Any] = field(default_factory=list)
    port: int = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).strip().upper():
            match line[:4]:
                case b"EHLO":
                    writer.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
                case b"AUTH" if self.refusing:
                    writer.write(b"535 Authentication failed\r\n")
                case b"AUTH":
                    writer.write(b"235 welcome\r\n")
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    letter = await reader.readuntil(b"\r\n.\r\n")
                    self.letters.append(message_from_bytes(letter[:-3], policy=policy.default))
                    writer.write(b"250 taken\r\n")
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()


async def until(holds: Callable[[], Awaitable[Any] | Any], seconds: float = 15) -> Any:
    """Ask fifty times a second."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)


async def rows(database: Database, query: str, **values: object) -> list[Any]:
    async with database.single() as connection:
        found = await connection.execute(text(query), values)
        return list(found.all()) if found.returns_rows else []


async def states(database: Database) -> dict[str, list[str]]:
    """What became of the alerts at each target, the oldest first."""
    found: dict[str, list[str]] = {}
    query = "select target, state from alert_deliveries join alerts on id = alert_id order by target, received_at, id"
    for row in await rows(database, query):
        found.setdefault(row.target, []).append(row.state)
    return found
