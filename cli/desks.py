"""`parley logs | reset | seed | db upgrade`: a desk's files and schema."""

import asyncio
import sys
from collections import deque
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from cli.access import DeskName, opened, settings_of
from cli.desk import current_desk, migrate, wipe
from cli.output import say
from cli.supervisor import SERVICES
from shared.errors import ConfigError
from shared.seed import seed as seed_tables

db = typer.Typer(help="The database's schema.", no_args_is_help=True)


def version() -> str:
    """The installed version; from a checkout that was not installed, 'development'."""
    try:
        return installed_version("parley")
    except PackageNotFoundError:
        return "development"


def logs(
    service: Annotated[str, typer.Argument(help=f"one of {', '.join(SERVICES)}, venue")],
    lines: Annotated[int, typer.Option("-n", min=1, help="lines from the end")] = 50,
    desk: DeskName = None,
) -> None:
    """The last lines of a service's logs."""
    folder = current_desk(desk).logs
    files = sorted(folder.glob(f"{service}*.log"))
    if not files:
        known = ", ".join(sorted({path.stem.rsplit("-", 1)[0] for path in folder.glob("*.log")})) or "none yet"
        raise ConfigError(f"no log of '{service}' in {folder}; there are: {known}")
    for path in files:
        with path.open(errors="replace") as file:
            for line in deque(file, lines):
                sys.stdout.write(line)


def reset(desk: DeskName = None, yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False) -> None:
    """Forget a desk: its trades, candles, streams and logs."""
    chosen = current_desk(desk)
    with chosen.locked():
        if not yes and not typer.confirm(f"Delete everything in {chosen.root}?"):
            raise typer.Exit(1)
        wipe(chosen)
    say(f"Desk '{chosen.name}' is empty again.")


def seed(desk: DeskName = None) -> None:
    """Add the default assets, strategies and weights where they are missing."""

    async def run() -> None:
        async with opened(settings) as desk_opened, desk_opened.database.transaction() as connection:
            await seed_tables(connection)

    with settings_of(desk) as (_, settings):
        asyncio.run(run())
    say("Assets, strategies and weights are there.")


@db.command()
def upgrade(revision: Annotated[str, typer.Argument()] = "head", desk: DeskName = None) -> None:
    """Bring the schema to a revision (default: the newest)."""
    with settings_of(desk) as (_, settings):
        migrate(settings.database_url.get_secret_value(), revision)
    say(f"The schema is at {revision}.")


@db.callback()
def _db() -> None:
    pass
