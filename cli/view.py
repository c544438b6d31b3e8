"""The live terminal view: prices, signals, verdicts and votes, trades with their stops, equity, lag, why no trade."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from sqlalchemy import text

from cli.alerts import newest_alerts
from cli.output import WIDE, console, errors, note
from cli.panels import Picture, draw, headline
from cli.playback import OUTSIDE
from cli.run import Run
from cli.venue import Json
from shared.heartbeat import heartbeats
from shared.redis_streams.overview import streams_overview
from shared.reports import queries
from shared.reports.venue import venue_trouble

REFRESH = 1.0
PRICES = text("""
    SELECT DISTINCT ON (symbol) symbol, close, open_time, volume FROM candles
    WHERE timeframe = :base ORDER BY symbol, open_time DESC
""")


async def look(run: Run, base: str) -> Picture:
    """Read everything the view shows in one go."""
    async with run.database.engine.connect() as connection:
        prices = [(row.symbol, row.close) for row in await connection.execute(PRICES, {"base": base})]
        return Picture(
            await queries.status(connection),
            prices,
            await queries.price_ticks(connection),
            await queries.signals(connection, page=queries.Page(limit=2 * len(prices))),
            await queries.sessions(connection, page=queries.Page(limit=len(prices) + 2)),
            (await streams_overview(run.bus)).streams,
            run.restarts,
            await newest_alerts(run.bus),
            venue_trouble(await heartbeats(run.bus), datetime.now(UTC)),
        )


async def watch(run: Run, until: Callable[[], bool], base: str, title: str, quiet: bool) -> None:
    """Show the desk until it is told to stop; a line a minute where there is no terminal."""
    if quiet or not console.is_terminal:
        await _watch_plainly(run, until, base, quiet)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not until():
            run.raise_failure()
            try:
                live.update(draw(await look(run, base), title, *console.size), refresh=True)
            except OUTSIDE as error:
                live.update(_away(error), refresh=True)
            await _pause(run.stop, REFRESH)


async def _watch_plainly(run: Run, until: Callable[[], bool], base: str, quiet: bool) -> None:
    turn = 0
    while not until():
        run.raise_failure()
        if turn % 10 == 0 and not quiet:
            note(quiet, await _line(run, base))
        turn += 1
        await _pause(run.stop, REFRESH)


async def _line(run: Run, base: str) -> str:
    try:
        picture = await look(run, base)
    except OUTSIDE as error:
        return _away(error)
    said = (headline(picture).fitting(WIDE).plain, picture.venue, picture.status.why_no_trade.sentence)
    return " | ".join(filter(None, said))


def _away(error: Exception) -> str:
    reason = str(error).partition("\n")[0]
    return f"Redis or PostgreSQL does not answer and is started again: {type(error).__name__}: {reason}"


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


@contextmanager
def played(quiet: bool) -> Iterator[Callable[[Json], None]]:
    """A progress bar for lock-step playback; nothing where there is no terminal to draw on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, disable=quiet) as progress:
        task = progress.add_task("playing", total=None)

        def update(step: Json) -> None:
            total = step.get("steps_total")
            progress.update(task, completed=step["step"], total=total, description=step["clock"][:16].replace("T", " "))

        yield update
