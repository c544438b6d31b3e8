"""`parley replay`: a recording through the services again, on servers of its own, and whether they say the same."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.access import DeskName, Opened, on_desk
from cli.desks import version
from cli.output import AsJson, console, errors, note, say, table
from cli.supervisor import Supervisor, service_child
from shared.config import Settings, load_settings
from shared.db import Database
from shared.errors import ConfigError
from shared.recording.answers import RecordedAnswers
from shared.recording.archive import past
from shared.recording.capture import snapshot
from shared.recording.compare import Difference, Split, differences, following, published_by, split
from shared.recording.cut import settled, time_of, up_to
from shared.recording.driven import driven, require_streams
from shared.recording.entries import Recorded, in_order
from shared.recording.file import Recording, Writer, read
from shared.recording.place import Place, furnish, place
from shared.recording.play import Stage
from shared.recording.settings import environment
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.dead import DeadLetter, dead_letters
from shared.telemetry import configure_logs

Moved = Callable[[int, Recorded], Awaitable[bool]]
EXECUTOR = "trade_executor"
SHOWN = 20
LONGEST = 60
"""Characters of a value in the table."""

TIMES = [
    f"%Y-%m-%d{clock}{zone}"
    for clock in ("", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", " %H:%M", " %H:%M:%S")
    for zone in ("", "%z")
]
"""ISO 8601; UTC where no zone is given."""


@dataclass(frozen=True)
class Asked:
    """How to replay. `speed` is recorded seconds per wall second, None as fast as the services go."""

    services: tuple[str, ...]
    speed: float | None
    until: datetime | None
    quiet: bool


@dataclass(frozen=True)
class Outcome:
    """What a replay came to: inputs fed, outputs recorded and published again, and in what they differ."""

    services: tuple[str, ...]
    fed: int
    recorded: list[Recorded]
    replayed: list[Recorded]
    said: list[Recorded]
    differences: list[Difference]
    dead: list[DeadLetter]
    seconds: float


def replay(
    file: Annotated[Path | None, typer.Argument(help="a recording of `parley record`", show_default=False)] = None,
    services: Annotated[str, typer.Option(help="which services to run, by commas, or all")] = "all",
    speed: Annotated[str, typer.Option(help="recorded seconds per second, or max")] = "max",
    until: Annotated[
        datetime | None, typer.Option(help="stop after the bars that close then (UTC)", formats=TIMES, metavar="TIME")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="write what was replayed as a recording of its own")] = None,
    from_archive: Annotated[bool, typer.Option(help="a past stretch of a desk instead of a file")] = False,
    desk: DeskName = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", help="with --from-archive: its beginning (UTC)", formats=TIMES, metavar="TIME"),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", help="with --from-archive: its end (UTC)", formats=TIMES, metavar="TIME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a recording through the services again and compare all they say with what was recorded.

    Exit status 1 where any field of any message differs.
    """
    asked = Asked(driven(services), _speed(speed), _utc(until), as_json)
    recording = _archived(desk, _utc(start), _utc(end)) if from_archive else _read(file, desk, start, end)
    writer = Writer(out) if out else None
    outcome = run(recording, asked)
    if writer:
        _keep(writer, recording, outcome)
    _show(outcome, as_json)
    raise typer.Exit(1 if outcome.differences or outcome.dead else 0)


def _read(file: Path | None, *of_archive: object) -> Recording:
    if file is None:
        raise ConfigError("name a recording of `parley record`, or play a desk's past with --from-archive")
    if any(of_archive):
        raise ConfigError("--desk, --from and --to go with --from-archive; a file is cut with --until")
    recording = read(file)
    if recording.torn:
        note(False, f"{file}: {recording.torn}; it is played up to there")
    return recording


def _archived(desk: str | None, start: datetime | None, end: datetime | None) -> Recording:
    if start is None or end is None:
        raise ConfigError("--from-archive: say which stretch with --from and --to")

    async def asked(opened: Opened) -> Recording:
        async with snapshot(opened.database) as connection:
            return await past(connection, opened.settings, opened.bus.partitions, start, end)

    recording = on_desk(desk, asked)
    note(False, f"the archive is played from {recording.header['began']}, when nothing was held")
    return recording


def run(recording: Recording, asked: Asked) -> Outcome:
    """Replay a recording on servers of its own."""
    header = recording.header
    require_streams(header["streams"], asked.services, published_by(asked.services))
    parts = _part(recording, asked)
    settings = load_settings(**{name.lower(): value for name, value in header["settings"].items()})
    note(asked.quiet, f"replaying {len(parts.inputs):,} messages to {', '.join(asked.services)}: starting servers …")
    with place() as found:
        return uvloop.run(_replay(recording, parts, asked, settings, found))


def _part(recording: Recording, asked: Asked) -> Split:
    """What is fed and what must come of it."""
    inputs, outputs = split(in_order(recording.entries), asked.services)
    if not recording.at_rest:
        inputs = settled(inputs)
    if asked.until:
        inputs = up_to(inputs, asked.until)
    if not inputs:
        raise ConfigError("there is nothing to replay: the recording has no message that these services read")
    return Split(inputs, outputs)


async def _replay(recording: Recording, parts: Split, asked: Asked, settings: Settings, found: Place) -> Outcome:
    began = monotonic()
    async with AsyncExitStack() as stack:
        database = Database(found.database_url)
        stack.push_async_callback(database.close)
        await furnish(database, recording)
        bus = await Bus.connect(found.redis_url, recording.header["partitions"])
        stack.push_async_callback(bus.close)
        await bus.ensure_groups()
        answers = RecordedAnswers(database, parts.inputs)
        supervisor = _processes(asked.services, recording.header, found)
        if EXECUTOR in asked.services:
            await stack.enter_async_context(_executor(bus, database, settings, answers))
        supervisor.start()
        stack.push_async_callback(supervisor.stop)
        stage = Stage(bus, database, asked.services, answers)
        with _shown(asked, len(parts.inputs), supervisor) as moved:
            fed = await stage.play(parts.inputs, moved)
        expected, replayed = following(parts.inputs[:fed], parts.outputs), stage.published()
        return Outcome(
            asked.services,
            fed,
            expected,
            replayed,
            stage.said,
            differences(expected, replayed),
            await dead_letters(bus),
            monotonic() - began,
        )


def _processes(services: Sequence[str], header: Mapping[str, object], found: Place) -> Supervisor:
    given = environment(header["settings"], os.environ)  # type: ignore[arg-type]  # read from JSON
    named = {
        **given,
        **found.urls,
        "DATA_DIR": str(found.folder),
        "PYTHONUNBUFFERED": "1",
        "PARTITIONS": str(header["partitions"]),
    }
    own = [service for service in services if service != EXECUTOR]
    return Supervisor([service_child(service, 0, named, found.folder / "logs") for service in own])


@asynccontextmanager
async def _executor(bus: Bus, database: Database, settings: Settings, answers: RecordedAnswers) -> AsyncIterator[None]:
    """The executor's own handlers on its books, in this process and without the loops that talk to the venue."""
    from services.trade_executor.adapters.books import Books  # with these ccxt is imported, which takes a second
    from services.trade_executor.adapters.instants import Instants
    from services.trade_executor.handlers import Handlers
    from services.trade_executor.main import rules_of

    books, instants = Books(settings.desk), Instants(settings.desk, settings.timeframe)
    async with database.transaction() as connection:
        await instants.open_books(connection, settings.currency, settings.initial_balance)
        now = await instants.newest_close(connection, settings.base_timeframe)
    handlers = Handlers(books, instants, rules_of(settings), now)

    def committed() -> None:
        answers.changed = answers.changed or handlers.changed
        handlers.committed()

    consumer = Consumer(bus, EXECUTOR, "replay", handlers, database, on_commit=committed)
    configure_logs(EXECUTOR, "replay", "WARNING")
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@contextmanager
def _shown(asked: Asked, total: int, supervisor: Supervisor) -> Iterator[Moved]:
    stop = _stop_on_signals()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=asked.quiet) as progress:
        task = progress.add_task("starting the services", total=total)
        pace = Pace(asked.speed)

        async def moved(done: int, entry: Recorded) -> bool:
            if supervisor.failed:
                raise supervisor.failed
            time = time_of(entry)
            if time is not None:
                progress.update(task, completed=done, description=f"{time:%Y-%m-%d %H:%M}")
                await pace.wait(time, stop)
            return not stop.is_set()

        yield moved
        progress.update(task, completed=total)


class Pace:
    """Lets recorded time pass at `speed` recorded seconds per wall second; None: not at all."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._began: tuple[datetime, float] | None = None

    async def wait(self, time: datetime, stop: asyncio.Event) -> None:
        """Until it is that time, or `stop`."""
        if self._speed is None:
            return
        first, began = self._began = self._began or (time, monotonic())
        left = began + (time - first).total_seconds() / self._speed - monotonic()
        if left > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), left)


def _keep(writer: Writer, recording: Recording, outcome: Outcome) -> None:
    """The replay as a recording: the same beginning and inputs, with what the services said this time."""
    try:
        writer.header({**recording.header, "parley": version(), "replayed": datetime.now(UTC).isoformat()})
        for late, tables in ((False, recording.rows), (True, recording.late)):
            for name, rows in tables.items():
                writer.rows(name, rows, late=late)
        for entry in outcome.said:
            writer.entry(entry)
        writer.end(at_rest=True)
    finally:
        writer.close()


def _show(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(_summary(outcome), indent=2) + "\n")
        return
    for letter in outcome.dead:
        errors.print(f"{letter.group} could not handle {letter.kind} of {letter.stream}: {letter.error}", markup=False)
    if outcome.differences:
        console.print(_differences(outcome.differences))
    what = f"{outcome.fed:,} messages fed, {len(outcome.recorded):,} recorded answers compared"
    found = f"{len(outcome.differences):,} differences" if outcome.differences else "no difference"
    say(f"{what}: {found} ({', '.join(outcome.services)}; {outcome.seconds:.0f} s).")


def _summary(outcome: Outcome) -> dict[str, object]:
    return {
        "services": outcome.services,
        "fed": outcome.fed,
        "recorded": len(outcome.recorded),
        "replayed": len(outcome.replayed),
        "differences": [difference._asdict() for difference in outcome.differences],
        "dead_letters": [
            {"group": x.group, "stream": x.stream, "kind": x.kind, "error": x.error} for x in outcome.dead
        ],
        "seconds": round(outcome.seconds, 1),
    }


def _differences(found: Sequence[Difference]) -> object:
    rows = [
        (x.stream, x.kind, x.message_id, x.field or "(whole message)", _cut(x.recorded), _cut(x.replayed))
        for x in found
    ]
    headings = ("stream", "message", "id", "field", "recorded", "replayed")
    more = f", the first {SHOWN}" if len(rows) > SHOWN else ""
    return table(f"{len(rows):,} differences{more}", headings, rows[:SHOWN])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ConfigError(f"--speed {text}: give recorded seconds per second (60), or max")
    return value


def _utc(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def _stop_on_signals() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
