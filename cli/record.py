"""`parley record`: the streams of a desk into a file, to be played again."""

import asyncio
import errno
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from redis.exceptions import RedisError
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from cli.access import DeskName, Opened, on_desk
from cli.desks import version
from cli.output import errors, note, say
from shared.errors import ConfigError
from shared.recording.capture import Tail, at_rest, finish, follow, named, require_whole, snapshot
from shared.recording.entries import Recorded
from shared.recording.file import Writer
from shared.recording.settings import deciding
from shared.recording.snapshot import late_rows, rows_of

FLUSH_EVERY = 1.0
REST_WITHIN = 5.0
Take = Callable[[Sequence[Recorded]], None]
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def record(
    out: Annotated[Path, typer.Option("--out", help="the file to write; must not exist yet", show_default=False)],
    streams: Annotated[str, typer.Option(help="names of streams by commas, or all")] = "all",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="stop after so many seconds")] = None,
    from_start: Annotated[bool, typer.Option(help="also all that the desk has published since it began")] = False,
    desk: DeskName = None,
) -> None:
    """Write every stream entry of a desk into a file, until Ctrl-C; `parley replay` plays it again."""
    names = named(streams)
    recorder = Recorder(Writer(out))
    try:
        on_desk(desk, lambda opened: recorder.record(opened, names, from_start, seconds))
    except (RedisError, SQLAlchemyError) as error:
        raise ConfigError(f"the desk's Redis or PostgreSQL does not answer: {error}") from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise ConfigError(f"the disk of {out} is full; {recorder.writer.entries:,} entries are kept in it") from None
    finally:
        with suppress(OSError):
            recorder.writer.close()
        if not recorder.begun:
            out.unlink()
    size = out.stat().st_size / 2**20
    say(f"{out}: {recorder.writer.entries:,} entries, {size:.1f} MB. Play it again with `parley replay {out}`.")


class Recorder:
    """Writes one recording."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.begun = False
        self._flushed = monotonic()

    async def record(self, desk: Opened, streams: Sequence[str], from_start: bool, seconds: float | None) -> None:
        """From a moment of rest, or the very beginning, until told to stop or the desk ends."""
        if desk.stopped and not from_start:
            raise ConfigError("the desk does not run, so nothing is published. Its past: add --from-start.")
        tail = Tail(desk.bus, streams)
        await self._begin(desk, tail, from_start)
        stop = _stop_on_signals()
        end = monotonic() + seconds if seconds else None
        with self._shown() as take:
            if not desk.stopped:
                await self._follow(tail, take, stop, end)
            rest = await self._finish(desk, tail, take)
        self.writer.end(at_rest=rest)
        if not rest:
            note(False, "the desk was not at rest at the end: the last instant is not part of a replay")

    async def _begin(self, desk: Opened, tail: Tail, from_start: bool) -> None:
        settings = desk.settings
        header = {
            "parley": version(),
            "began": datetime.now(UTC).isoformat(),
            "desk": desk.desk.name if desk.desk else "",
            "partitions": desk.bus.partitions,
            "streams": list(tail.streams),
            "from_start": from_start,
            "settings": deciding(settings),
        }
        if from_start:
            await require_whole(desk.bus, tail.streams)
        moment = snapshot(desk.database) if from_start else at_rest(desk.bus, desk.database, tail)
        async with moment as connection:
            self.writer.header(header)
            self.begun = True
            timeframes = (settings.timeframe, settings.base_timeframe)
            async for table, rows in rows_of(connection, *timeframes, from_start=from_start):
                self.writer.rows(table, rows)

    async def _follow(self, tail: Tail, take: Take, stop: asyncio.Event, end: float | None) -> None:
        def until() -> bool:
            return stop.is_set() or (end is not None and monotonic() > end)

        async def pause(wait: float) -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)

        try:
            await follow(tail, take, until, pause)
        except (RedisError, ConnectionError):
            note(False, "the desk has ended")

    async def _finish(self, desk: Opened, tail: Tail, take: Take) -> bool:
        try:
            rest = await finish(tail, take, REST_WITHIN)
            async with desk.database.engine.connect() as connection:
                async for table, rows in late_rows(connection):
                    self.writer.rows(table, rows, late=True)
        except (RedisError, SQLAlchemyError, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            return False
        return rest

    @contextmanager
    def _shown(self) -> Iterator[Take]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=errors) as progress:
            task = progress.add_task("recording")

            def take(entries: Sequence[Recorded]) -> None:
                for entry in entries:
                    self.writer.entry(entry)
                if monotonic() - self._flushed > FLUSH_EVERY:
                    self._flushed = monotonic()
                    self.writer.flush()
                size = self.writer.bytes_written / 2**20
                progress.update(task, description=f"recording: {self.writer.entries:,} entries, {size:.1f} MB")

            yield take


def _stop_on_signals() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
