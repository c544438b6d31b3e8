"""`parley up` and `parley run`: real prices with the paper broker, all services or one."""

import importlib
import os
import time
from collections.abc import Mapping
from typing import Annotated

import typer
import uvloop

from cli.demo import REMEMBERED, parsed_scale
from cli.desk import Servers, desk_named, migrate, servers
from cli.output import note
from cli.plan import require_port
from cli.run import running
from cli.supervisor import SERVICES
from cli.view import watch
from shared.config import Settings, load_settings
from shared.errors import ConfigError

TITLE = "Parley — paper money on real prices — Ctrl-C stops"


def up(
    scale: Annotated[list[str] | None, typer.Option(help="SERVICE=N or all=N instances")] = None,
    for_seconds: Annotated[float | None, typer.Option("--for", min=1, help="stop after so many seconds")] = None,
) -> None:
    """Trade paper money on real prices, configured by .env (see `parley config`)."""
    settings = load_settings()
    _refuse_live(settings)
    desk = desk_named("up", settings)
    counts = parsed_scale(scale or [])
    with desk.locked():
        desk.require_kind("up")
        require_port(settings.api_port, "the API", "API_PORT")
        note(False, f"desk in {desk.root}: starting Redis and PostgreSQL …")
        with servers(desk, settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()) as found:
            migrate(found.database_url)
            environment = _environment(settings, found.urls, str(desk.root))
            desk.remember("up", {name: environment[name] for name in REMEMBERED})
            uvloop.run(_up(settings, found, environment, counts, for_seconds))


def _refuse_live(settings: Settings) -> None:
    """ConfigError before anything starts; the executor, the last to start, would say the same."""
    if settings.trading_mode == "live":
        from shared.broker.factory import LIVE_IS_REFUSED  # ccxt takes a second to import

        raise ConfigError(LIVE_IS_REFUSED)


def _environment(settings: Settings, urls: Mapping[str, str], root: str) -> dict[str, str]:
    named = {
        "SYMBOLS": ",".join(settings.symbols),
        "TIMEFRAME": settings.timeframe,
        "BASE_TIMEFRAME": settings.base_timeframe,
        "INITIAL_BALANCE": str(settings.initial_balance),
        "TRADING_MODE": settings.trading_mode,
        "VENUE_URL": settings.venue_url,
        "PLAYBACK_SPEED": str(settings.playback_speed),
        "API_PORT": str(settings.api_port),
        "DATA_DIR": root,
    }
    return {**os.environ, **named, **urls, "PYTHONUNBUFFERED": "1"}


async def _up(
    settings: Settings,
    found: Servers,
    environment: Mapping[str, str],
    scale: Mapping[str, int],
    seconds: float | None,
) -> None:
    async with running(desk_named("up", settings), found, environment, scale, None) as run:
        end = time.monotonic() + seconds if seconds else None
        await watch(
            run,
            lambda: run.stop.is_set() or bool(end and time.monotonic() > end),
            settings.base_timeframe,
            TITLE,
            quiet=False,
        )
        run.raise_failure()


def run(service: Annotated[str, typer.Argument(help=f"one of {', '.join(SERVICES)}")]) -> None:
    """Run one service in the foreground, with DATABASE_URL and REDIS_URL from the environment or .env."""
    if service not in SERVICES:
        raise ConfigError(f"there is no service '{service}'; there are {', '.join(SERVICES)}.")
    settings = load_settings()
    if not settings.database_url.get_secret_value() or not settings.redis_url.get_secret_value():
        raise ConfigError("a single service needs DATABASE_URL and REDIS_URL: set them, or use `parley up`.")
    importlib.import_module(f"services.{service}.main").main()
