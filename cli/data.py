"""`parley data backfill`: history from the venue into the candle table."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import Progress

from cli.access import DeskName, settings_of
from cli.demo import parsed_timeframe
from cli.output import errors, say
from shared.timeframes import duration

app = typer.Typer(help="Market history.", no_args_is_help=True)
HISTORY = 720
"""Bars that Kraken keeps for each timeframe."""


@app.callback()
def _data() -> None:
    pass


@app.command()
def backfill(
    symbols: Annotated[str | None, typer.Option(help="pairs, separated by commas; default SYMBOLS")] = None,
    timeframe: Annotated[str | None, typer.Option(help="default TIMEFRAME")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="from this day on (UTC); default: the venue's last 720 bars")
    ] = None,
    desk: DeskName = None,
) -> None:
    """Fetch closed candles from the venue and store them; what is there already is not doubled."""
    from services.market_data.backfill import backfill as fetch  # ccxt takes a second to import

    with settings_of(desk) as (_, settings):
        chosen = tuple(symbols.split(",")) if symbols else settings.symbols
        frame = parsed_timeframe(timeframe) or settings.timeframe
        start = since.replace(tzinfo=UTC) if since else datetime.now(UTC) - HISTORY * duration(frame)
        with Progress(console=errors) as progress:
            task = progress.add_task("fetching", total=None)
            report = asyncio.run(
                fetch(settings, chosen, frame, start, lambda text: progress.update(task, description=text))
            )
    say(report)
