"""The live terminal view: prices, signals, verdicts and votes, trades with their stops, equity, lag, why no trade."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import text

from cli.alerts import newest_alerts
from cli.output import console, errors, money, note, short, signed
from cli.playback import OUTSIDE
from cli.run import Run
from cli.venue import Json
from shared.redis_streams.overview import StreamView, streams_overview
from shared.reports import queries
from shared.reports.rows import PositionRow, SessionRow, SignalRow, Status
from shared.schemas.system import AlertRaised

REFRESH = 1.0
PRICES = text("""
    SELECT DISTINCT ON (symbol) symbol, close, open_time, volume FROM candles
    WHERE timeframe = :base ORDER BY symbol, open_time DESC
""")


@dataclass(frozen=True, slots=True)
class Picture:
    """One moment of the desk."""

    status: Status
    prices: list[tuple[str, float]]
    signals: list[SignalRow]
    sessions: list[SessionRow]
    streams: dict[str, StreamView]
    restarts: int
    alerts: list[AlertRaised]


async def look(run: Run, base: str) -> Picture:
    """Read everything the view shows in one go."""
    async with run.database.engine.connect() as connection:
        prices = [(row.symbol, row.close) for row in await connection.execute(PRICES, {"base": base})]
        return Picture(
            await queries.status(connection),
            prices,
            await queries.signals(connection, page=queries.Page(limit=2 * len(prices))),
            await queries.sessions(connection, page=queries.Page(limit=len(prices) + 2)),
            (await streams_overview(run.bus)).streams,
            run.restarts,
            await newest_alerts(run.bus),
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
                live.update(draw(await look(run, base), title), refresh=True)
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
    return f"{_headline(picture).plain} | {picture.status.why_no_trade.sentence}"


def _away(error: Exception) -> str:
    reason = str(error).partition("\n")[0]
    return f"Redis or PostgreSQL does not answer and is started again: {type(error).__name__}: {reason}"


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def draw(picture: Picture, title: str) -> RenderableType:
    """The whole screen."""
    layout = Layout()
    layout.split_column(
        Layout(Panel(_headline(picture), title=title, title_align="left"), size=3),
        Layout(name="middle", ratio=3),
        Layout(Panel(_trades(picture), title="Open trades", title_align="left"), ratio=2),
        Layout(Panel(_why(picture), title="Why no trade, and alerts", title_align="left"), size=7),
    )
    layout["middle"].split_row(
        Layout(Panel(_prices(picture), title="Prices and last signals", title_align="left"), ratio=4),
        Layout(Panel(_council(picture), title="Council", title_align="left"), ratio=5),
        Layout(Panel(_streams(picture), title="Streams", title_align="left"), ratio=3),
    )
    return layout


def _headline(picture: Picture) -> Text:
    status, folio = picture.status, picture.status.portfolio
    mode = "ACTIVE" if status.may_enter else f"NO ENTRIES ({status.system_status})"
    line = Text.assemble((mode, "bold green" if status.may_enter else "bold red"))
    if folio:
        line.append(f"   equity {money(folio.equity, folio.currency)}   cash {money(folio.cash, folio.currency)}")
        line.append(f"   {folio.trades_closed} trades closed, realised ")
        line.append_text(signed(folio.realised_pnl, money(folio.realised_pnl, folio.currency)))
    if status.last_candle_at:
        line.append(f"   market time {status.last_candle_at:%Y-%m-%d %H:%M}", style="dim")
    if picture.restarts:
        line.append(f"   {picture.restarts} restarts", style="yellow")
    return line


def _grid(*justify: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    for side in justify:
        grid.add_column(justify="right" if side == "r" else "left", no_wrap=side != "f", overflow="ellipsis")
    return grid


def _prices(picture: Picture) -> RenderableType:
    newest = {signal.symbol: signal for signal in reversed(picture.signals)}
    grid = _grid("l", "r", "r", "f")
    for symbol, close in picture.prices:
        signal = newest.get(symbol)
        spoken = (
            sorted((c for c in signal.contributions if c["score"]), key=lambda c: -abs(c["share"])) if signal else []
        )
        why = ", ".join(f"{c['strategy']} {c['score']:+.2f}" for c in spoken) or ("nothing to say" if signal else "")
        grid.add_row(
            symbol, f"{close:g}", signed(signal.score, f"{signal.score:+.2f}") if signal else "", Text(why, "dim")
        )
    return grid


def _council(picture: Picture) -> RenderableType:
    colours = {"BUY": "bold green", "SELL": "bold red", "HOLD": "yellow"}
    blocks = []
    for session in picture.sessions:
        head = Text.assemble(
            (f"{session.verdict:<5}", colours[session.verdict]), f"{session.symbol} {session.time:%H:%M}  "
        )
        head.append(session.reason, style="dim")
        votes = "  ".join(
            f"{vote.member} {'abstains' if vote.probability is None else format(vote.probability, '.2f')}"
            + (" VETO" if vote.veto else "")
            for vote in session.votes
        )
        blocks.append(Group(head, Padding(Text(votes), (0, 0, 0, 6))))
    return Group(*blocks) if blocks else Text("no session yet", style="dim")


def _trades(picture: Picture) -> RenderableType:
    folio = picture.status.portfolio
    if not folio or not folio.positions:
        return Text("none", style="dim")
    grid = _grid("l", "l", "r", "r", "r", "r", "r")
    grid.add_row(*(Text(h, "dim") for h in ("symbol", "state", "held", "entry", "stop", "target", "P&L")))
    for position in folio.positions:
        grid.add_row(*_position(position))
    return grid


def _position(position: PositionRow) -> tuple[RenderableType, ...]:
    stop = f"{short(position.stop.price)} {position.stop.kind}" if position.stop else "—"
    return (
        position.symbol,
        position.status,
        short(position.held),
        short(position.entry_price),
        stop,
        short(position.take_profit_price),
        signed(position.pnl),
    )


def _streams(picture: Picture) -> RenderableType:
    grid = _grid("l", "r", "r", "r")
    grid.add_row(*(Text(h, "dim") for h in ("stream", "messages", "lag", "dead")))
    for name, stream in picture.streams.items():
        lag = sum(group.lag + group.pending for group in stream.groups.values())
        dead = Text(str(stream.dead), style="bold red" if stream.dead else "dim")
        grid.add_row(name, str(stream.messages), str(lag), dead)
    return grid


def _why(picture: Picture) -> RenderableType:
    why = picture.status.why_no_trade
    lines = [Text(why.sentence)]
    if why.last_refusal:
        figures = ", ".join(f"{f['name']} {f['value']}" for f in why.last_refusal.figures)
        head = f"last refusal {why.last_refusal.time:%H:%M} {why.last_refusal.symbol} {why.last_refusal.reason}: "
        lines.append(Text(head + figures, style="dim"))
    colours = {"info": "dim", "warning": "yellow", "critical": "bold red"}
    for alert in picture.alerts:
        lines.append(
            Text(f"{alert.severity} {alert.occurred_at:%m-%d %H:%M}: {alert.text}", style=colours[alert.severity])
        )
    return Group(*lines)


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
