"""`parley data`: history into the desk's candle table (`backfill`), and into the store for backtests (the others)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.access import DeskName, settings_of
from cli.demo import parsed_timeframe
from cli.output import AsCsv, AsJson, Form, console, errors, form, note, number, print_rows, say, short, table
from shared.config import Settings, load_settings
from shared.errors import ConfigError
from shared.schemas.base import NonNegative, Price, Timeframe, Value
from shared.timeframes import duration, from_microseconds, to_microseconds

if TYPE_CHECKING:
    from backtester.data.download import Wanted
    from backtester.data.store import Held

app = typer.Typer(help="Market history.", no_args_is_help=True)
HISTORY = 720
"""Bars that Kraken keeps for each timeframe."""
HEADINGS = ("venue", "symbol", "timeframe", "from", "to", "bars", "gaps", "tick", "size")


class StoredCandles(Value):
    """A market in the store: opens of its first and last bar, stretches without bars, bars they lack, bytes.

    The steps and minimums are the venue's, None where they are not known.
    """

    venue: str
    symbol: str
    timeframe: Timeframe
    first: datetime
    last: datetime
    bars: int
    gaps: int
    missing: int
    size: int
    tick: Price | None
    lot: Price | None
    min_quantity: NonNegative | None
    min_cost: NonNegative | None


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


@app.command()
def download(
    since: Annotated[datetime, typer.Option(help="bars that open from this time on (UTC)")],
    until: Annotated[datetime | None, typer.Option(help="bars that open before this time (UTC); default: now")] = None,
    symbols: Annotated[str | None, typer.Option(help="pairs, separated by commas; default SYMBOLS")] = None,
    timeframe: Annotated[str | None, typer.Option(help="default TIMEFRAME")] = None,
    venue: Annotated[str, typer.Option(help="a venue by its ccxt name")] = "kraken",
    replace: Annotated[bool, typer.Option("--replace", help="fetch stored bars again too and overwrite them")] = False,
) -> None:
    """Store a venue's closed candles for backtests; a second run goes on where the first one ended."""
    from backtester.data.download import Wanted  # ccxt takes seconds to import

    settings = load_settings()
    pairs = [part.strip().upper() for part in symbols.split(",")] if symbols else settings.symbols
    frame = parsed_timeframe(timeframe) or settings.timeframe
    begin, end = _microseconds(since), _microseconds(until) if until else None
    if end is not None and end <= begin:
        raise ConfigError(f"--until {until}: is not after --since {since}.")
    asyncio.run(_download(settings, venue, [Wanted(pair, frame, begin, end, replace) for pair in dict.fromkeys(pairs)]))


@app.command("import")
def import_(
    files: Annotated[list[str], typer.Argument(help="SYMBOL=FILE, or a FILE named after its pair; .csv or .parquet")],
    symbol: Annotated[str | None, typer.Option(help="the pair of bare FILEs")] = None,
    timeframe: Annotated[str | None, typer.Option(help="default: as far apart as most rows are")] = None,
    venue: Annotated[str, typer.Option(help="the name under which they are stored")] = "file",
    replace: Annotated[
        bool, typer.Option("--replace", help="overwrite bars and steps stored with other values")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="store prices ten times off the pair's stored ones too")
    ] = False,
    tick: Annotated[str | None, typer.Option(help="the venue's step of the price, such as 0.1")] = None,
    lot: Annotated[str | None, typer.Option(help="its step of the quantity, such as 0.00001")] = None,
    min_quantity: Annotated[str | None, typer.Option(help="the least quantity that it takes")] = None,
    min_cost: Annotated[str | None, typer.Option(help="the least cost of an order that it takes")] = None,
) -> None:
    """Check the candles of files and store them for backtests; one bad row refuses them all, gaps are reported."""
    from backtester.data.sources import Terms, import_files, source_of
    from backtester.data.steps import steps_of
    from backtester.data.store import CandleStore

    steps = steps_of(tick=tick, lot=lot, min_quantity=min_quantity, min_cost=min_cost)
    terms = Terms(venue, parsed_timeframe(timeframe), replace, force, steps)
    sources = [source_of(argument, symbol) for argument in files]
    store, now = CandleStore(load_settings().data_dir), to_microseconds(datetime.now(UTC))
    for done in import_files(store, sources, terms, now):
        say(str(done))


@app.command("list")
def list_(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """What is stored for backtests; times are the opens of the first and the last bar."""
    from backtester.data.store import CandleStore

    held = CandleStore(load_settings().data_dir).listing()
    if (shape := form(as_json, as_csv)) is Form.TABLE:
        console.print(table("Candles", HEADINGS, map(_cells, held)))
    else:
        print_rows("Candles", [StoredCandles(**_fields(one)) for one in held], {}, shape)


@app.command()
def remove(
    symbol: Annotated[str, typer.Argument(help="a stored pair, such as BTC/USD")],
    timeframe: Annotated[str | None, typer.Option(help="only these bars; default: all")] = None,
    venue: Annotated[str | None, typer.Option(help="only those from this venue; default: all")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Delete stored candles of a pair; kept backtests stay."""
    from backtester.data.store import CandleStore

    store, frame = CandleStore(load_settings().data_dir), parsed_timeframe(timeframe)
    found = [
        key for key in store.found(symbol.upper()) if venue in (None, key.venue) and frame in (None, key.timeframe)
    ]
    if not found:
        raise ConfigError(f"{symbol}: nothing like it is stored; `parley data list` shows what is")
    names = [f"{key.symbol} {key.timeframe} from {key.venue}" for key in found]
    if not yes and not typer.confirm(f"Delete {', '.join(names)}?", err=True):
        raise typer.Exit(1)
    for key, name in zip(found, names, strict=True):
        store.remove(*key)
        say(f"{name} removed")


async def _download(settings: Settings, name: str, wanted: "Sequence[Wanted]") -> None:
    from backtester.data.download import download as fetch
    from backtester.data.store import CandleStore
    from backtester.data.venue import open_venue

    url = settings.venue_url if name == settings.venue else ""
    note(not url, f"{name} is asked at {url} (VENUE_URL)")
    store, reports = CandleStore(settings.data_dir), []
    try:
        async with open_venue(name, url, rate_limit=settings.playback_speed == 1) as venue:
            await venue.require([one.symbol for one in wanted], wanted[0].timeframe)
            for one in wanted:
                with store.writing(name, one.symbol, one.timeframe) as series, _shown(one) as progress:
                    reports.append(str(await fetch(venue, series, one, progress)))
    except asyncio.CancelledError:
        note(False, "stopped; what came is stored, and the same command goes on from there")
        raise
    finally:
        say("\n".join(reports))


@contextmanager
def _shown(wanted: "Wanted") -> Iterator[Callable[[int], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    end = _microseconds(datetime.now(UTC)) if wanted.until is None else wanted.until
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(f"{wanted.symbol} {wanted.timeframe}", total=end - wanted.since)
        yield lambda time: progress.update(
            task,
            completed=time - wanted.since,
            description=f"{wanted.symbol} {wanted.timeframe} up to {from_microseconds(time):%Y-%m-%d %H:%M}",
        )
        progress.update(task, completed=end - wanted.since)


def _microseconds(moment: datetime) -> int:
    return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _fields(held: "Held") -> dict[str, object]:
    times = {"first": from_microseconds(held.first), "last": from_microseconds(held.last)}
    fields = held._asdict() | times | dict(held.steps)
    del fields["steps"]
    return fields


def _cells(held: "Held") -> tuple[object, ...]:
    first, last = (f"{from_microseconds(time):%Y-%m-%d %H:%M}" for time in (held.first, held.last))
    size, tick = f"{held.size / 1e6:.1f} MB", number(short(held.steps.tick))
    return held.venue, held.symbol, held.timeframe, first, last, held.bars, held.gaps, tick, size
