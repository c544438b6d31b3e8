"""`parley data backfill`: history from the venue into the candle table."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.progress import Progress

from cli.access import DeskName, settings_of
from cli.output import console, errors
from services.market_data.backfill import backfill as fetch
from shared.errors import ConfigError
from shared.timeframes import DURATIONS

app = typer.Typer(help="Market history.", no_args_is_help=True)


@app.callback()
def _data() -> None:
    pass


@app.command()
def backfill(
    symbols: Annotated[str | None, typer.Option(help="pairs, separated by commas; default SYMBOLS")] = None,
    timeframe: Annotated[str | None, typer.Option(help="default TIMEFRAME")] = None,
    since: Annotated[datetime | None, typer.Option(help="from this day on (UTC); default: the venue's last 720 bars")] = None,
    desk: DeskName = None,
) -> None:
    """Fetch closed candles from the venue and store them; what is there already is not doubled."""
    with settings_of(desk) as (_, settings):
        chosen = tuple(symbols.split(",")) if symbols else settings.symbols
        frame = timeframe or settings.timeframe
        if frame not in DURATIONS:
            raise ConfigError(f"--timeframe {frame}: choose one of {', '.join(DURATIONS)}.")
        start = since.replace(tzinfo=UTC) if since else datetime.now(UTC) - timedelta(seconds=720 * DURATIONS[frame].total_seconds())
        with Progress(console=errors) as progress:
            task = progress.add_task("fetching", total=None)
            report = asyncio.run(
                fetch(settings, chosen, frame, start, lambda text: progress.update(task, description=text))
            )
    console.print(report)
