"""Candles from CSV, split by comma, semicolon or tab: any order of columns, blank lines left out."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO

from backtester.data.fields import column_names, rows_of
from backtester.data.rows import Finding, Rows, joined, place
from shared.errors import ConfigError

AT_ONCE = 50_000
"""Lines that are text in memory at one time."""

JSON = (
    "is JSON; give CSV or Parquet. freqtrade converts its own: "
    "`freqtrade convert-data --format-from json --format-to parquet`"
)
Line = tuple[int, list[str]]


def read_csv(path: Path) -> Rows:
    """All rows, unchecked. Raises ConfigError for what is no CSV of candles."""
    lines = _lines(path)
    header = next(lines, None)
    if header is None:
        raise ConfigError(f"{path}, line 1: the file is empty; give it a header row and candles")
    if header[1][0].lstrip().startswith(("[", "{")):
        raise ConfigError(f"{path}: {JSON}")
    columns, width = column_names(f"{path}, line {header[0]}", header[1]), len(header[1])
    parts = [_rows(str(path), part, columns, width) for part in _parts(lines)]
    if not parts:
        raise ConfigError(f"{path}, line 2: no candles follow the header; add rows")
    return joined(parts)


def _lines(path: Path) -> Iterator[Line]:
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=_delimiter(file))
            for row in reader:
                line = reader.line_num
                if row:
                    yield line, row
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}, after line {line}: not UTF-8; save the file as UTF-8") from None
    except csv.Error as error:
        raise ConfigError(f"{path}, line {line + 1}: not CSV ({error}); fix the row") from None


def _parts(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while part := list(islice(lines, AT_ONCE)):
        yield part


def _delimiter(file: IO[str]) -> str:
    header = next((line for line in file if line.strip()), "")
    file.seek(0)
    return next((mark for mark in ",;\t" if mark in header), ",")


def _rows(source: str, part: Sequence[Line], columns: Mapping[str, int], width: int) -> Rows:
    least = max(columns.values())
    whole = [(number, row) for number, row in part if least < len(row) <= width]
    texts = {name: [row[index] for _, row in whole] for name, index in columns.items()}
    rows = rows_of(source, "line", [number for number, _ in whole], texts)
    if len(whole) == len(part):
        return rows
    short = (_short(source, number, row, columns) for number, row in part if len(row) <= least)
    long = (_long(source, number, row, width) for number, row in part if len(row) > width)
    return replace(rows, unreadable=tuple(sorted((*rows.unreadable, *short, *long))))


def _long(source: str, number: int, row: Sequence[str], width: int) -> Finding:
    where = place(source, "line", number)
    return Finding(number, f"{where}, field {width + 1}: {row[width]!r} has no column in the header; correct the row")


def _short(source: str, number: int, row: Sequence[str], columns: Mapping[str, int]) -> Finding:
    missing = next(name for name, index in columns.items() if index >= len(row))
    return Finding(number, f"{place(source, 'line', number)}, field {missing}: missing; complete the row")
