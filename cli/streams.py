"""`parley streams`: length, lag, pending and dead letters per group, leases; dead letters shown and requeued."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

import typer

from cli.access import DeskName, Opened, opened, settings_of
from cli.output import AsJson, console, table
from shared.redis_streams.overview import StreamOverview, streams_overview

app = typer.Typer(help="Streams: length, lag, pending, dead letters, leases.", invoke_without_command=True)


def _ask(desk: str | None, question: Callable[[Opened], Awaitable[object]]) -> object:
    async def run() -> object:
        async with opened(settings) as desk_opened:
            return await question(desk_opened)

    with settings_of(desk) as (_, settings):
        return asyncio.run(run())
