"""A recording as a file: gzip over JSON lines. First the header, then rows, then entries, at last how it ended."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import ConfigError
from shared.recording.entries import Recorded

FORMAT = 1
LEVEL = 6
Json = dict[str, Any]


@dataclass
class Recording:
    """`header` says where and when, `rows` the tables' rows as JSON text when it began, `late` those learnt since.

    `ended` is None for one that was broken off; `torn` says then where. `at_rest`: nothing was under way at the end.
    """

    header: Json
    rows: dict[str, list[str]] = field(default_factory=dict)
    late: dict[str, list[str]] = field(default_factory=dict)
    entries: list[Recorded] = field(default_factory=list)
    ended: Json | None = None
    torn: str = ""

    @property
    def at_rest(self) -> bool:
        return bool(self.ended and self.ended["at_rest"])


class Writer:
    """Writes a recording. What was flushed stays readable, whatever happens to this process."""

    def __init__(self, path: Path) -> None:
        try:
            self._raw = path.open("xb")
        except FileExistsError:
            raise ConfigError(f"--out {path}: the file exists, and is not overwritten; choose another name") from None
        except OSError as error:
            raise ConfigError(f"--out {path}: {error.strerror or error}") from None
        self._zip = gzip.GzipFile(fileobj=self._raw, mode="wb", compresslevel=LEVEL)
        self.entries = 0

    @property
    def bytes_written(self) -> int:
        """Of the file, so far."""
        return self._raw.tell()

    def header(self, header: Mapping[str, object]) -> None:
        """The first line."""
        self._line({"header": {"format": FORMAT, **header}})

    def rows(self, table: str, rows: Sequence[str], *, late: bool = False) -> None:
        """Rows of a table, each as PostgreSQL writes it as JSON: exact to the last digit."""
        if rows:
            self._line({"table": table, "late": late, "rows": list(rows)})

    def entry(self, entry: Recorded) -> None:
        """One stream entry."""
        self._line({"entry": list(entry)})
        self.entries += 1

    def flush(self) -> None:
        """Bring everything so far to the disk's cache, readable up to here."""
        self._zip.flush()
        self._raw.flush()

    def end(self, *, at_rest: bool) -> None:
        """The last line."""
        self._line({"end": {"entries": self.entries, "at_rest": at_rest}})

    def close(self) -> None:
        """Finish the file as well as the disk lets it."""
        try:
            self._zip.close()
        finally:
            self._raw.close()

    def _line(self, what: Mapping[str, object]) -> None:
        self._zip.write(json.dumps(what, separators=(",", ":")).encode() + b"\n")


def write(path: Path, recording: Recording) -> None:
    """A whole recording at once."""
    writer = Writer(path)
    try:
        writer.header(recording.header)
        for late, tables in ((False, recording.rows), (True, recording.late)):
            for table, rows in tables.items():
                writer.rows(table, rows, late=late)
        for entry in recording.entries:
            writer.entry(entry)
        writer.end(at_rest=recording.at_rest)
    finally:
        writer.close()


def read(path: Path) -> Recording:
    """A recording, as far as it is readable. ConfigError where the file is none of ours, or of a later Parley."""
    lines = _Lines(path)
    recording: Recording | None = None
    for line in lines:
        if recording is None:
            recording = Recording(_header(path, line))
        else:
            _add(recording, line)
    if recording is None:
        raise ConfigError(f"{path} is no recording of `parley record`{f' ({lines.torn})' if lines.torn else ''}")
    if recording.ended is None:
        recording.torn = f"{lines.torn or 'its end is missing'} after {len(recording.entries)} entries"
    return recording


class _Lines:
    """The objects of a file's lines up to where it is torn; `torn` says why it ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.torn = ""

    def __iter__(self) -> Iterator[Json]:
        try:
            with gzip.open(self._path, "rb") as file:
                yield from self._objects(file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.torn = f"the file is torn: {error}"
        except OSError as error:
            raise ConfigError(f"{self._path}: {error.strerror or error}") from None

    def _objects(self, lines: Iterable[bytes]) -> Iterator[Json]:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                self.torn = "the file is torn: a line is cut off"
                return


def _header(path: Path, line: Json) -> Json:
    header: Json | None = line.get("header") if isinstance(line, dict) else None
    if not isinstance(header, dict) or "format" not in header:
        raise ConfigError(f"{path} is no recording of `parley record`")
    if header["format"] != FORMAT:
        raise ConfigError(
            f"{path} has format {header['format']}, this Parley reads {FORMAT}: use the one that wrote it"
        )
    return header


def _add(recording: Recording, line: Json) -> None:
    if "entry" in line:
        recording.entries.append(Recorded(*line["entry"]))
    elif "table" in line:
        tables = recording.late if line["late"] else recording.rows
        tables.setdefault(line["table"], []).extend(line["rows"])
    elif "end" in line:
        recording.ended = line["end"]
