"""A file of candles: columns of float64 and UTC microseconds, replaced as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray
from pydantic import ValidationError

from backtester.data.rows import VALUES
from backtester.data.steps import UNKNOWN, Steps
from shared.errors import ConfigError
from shared.strategies.market import Market

pa: Any = pyarrow  # has types, but exports none of them
TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema([("open_time", TIME), *((name, pa.float64()) for name in VALUES)])
ENCODING = {"open_time": "DELTA_BINARY_PACKED"} | dict.fromkeys(VALUES, "BYTE_STREAM_SPLIT")
"""A quarter smaller and twice as fast to write and to read as Parquet's plain columns."""
STEPS = b"parley.steps"
"""Under which the pair's steps stand in the file's metadata, as JSON; files of older versions have none."""
ROW_GROUP = 2**17
"""Rows that are read or skipped together: 91 days of 1m."""


def read(path: Path, start: int | None = None, end: int | None = None) -> Market:
    """Bars that open from `start` (included) to `end` (excluded, microseconds); of a long file only what is needed.

    Raises ConfigError for a file that is none of ours, OSError.
    """
    with _opened(path) as file:
        groups = _groups(file, start, end)
        time = _times(file.read_row_groups(groups, columns=["open_time"]))
        part = slice(
            0 if start is None else int(np.searchsorted(time, start)),
            len(time) if end is None else int(np.searchsorted(time, end)),
        )
        return Market(time[part], *(_column(file, groups, name)[part] for name in VALUES))


def read_times(path: Path) -> NDArray[np.int64]:
    """The open times alone, microseconds, at least one. Raises ConfigError for a file that is none of ours, OSError."""
    with _opened(path) as file:
        if not file.metadata.num_rows:
            raise ConfigError(f"{path} holds no bars; delete it")
        return _times(file.read(columns=["open_time"]))


def read_steps(path: Path) -> Steps:
    """The pair's steps, as far as they are known. Raises ConfigError for a file that is none of ours, OSError."""
    with _opened(path) as file:
        held = (file.schema_arrow.metadata or {}).get(STEPS)
    if held is None:
        return UNKNOWN
    try:
        return Steps.model_validate_json(held)
    except ValidationError:
        raise ConfigError(f"{path} holds steps of another version; import or download it again") from None


def write(path: Path, market: Market, steps: Steps = UNKNOWN) -> None:
    """Replace the file. Whatever ends this early leaves the old one whole. Raises OSError."""
    time = pa.array(market.open_time).cast(TIME)
    schema = SCHEMA.with_metadata({STEPS: steps.model_dump_json()} if steps else None)
    table = pa.table([time, *(getattr(market, name) for name in VALUES)], schema=schema)
    with replacing(path) as file:
        pa.parquet.write_table(
            table,
            file,
            compression="zstd",
            row_group_size=ROW_GROUP,
            use_dictionary=False,
            column_encoding=ENCODING,
            write_page_checksum=True,
        )


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` once it is written and on the disk; one writer at a time."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with pa.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise ConfigError(f"{path} is no file of candles; move it out of the folder")
            yield file
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ConfigError(f"{path} is damaged ({error}); delete it and import or download it again") from None


def _groups(file: Any, start: int | None, end: int | None) -> list[int]:
    bounds = [file.metadata.row_group(index).column(0).statistics for index in range(file.num_row_groups)]
    return [
        index
        for index, held in enumerate(bounds)
        if (start is None or _microseconds(held.max) >= start) and (end is None or _microseconds(held.min) < end)
    ]


def _microseconds(moment: Any) -> int:
    return int(pa.scalar(moment, TIME).value)


def _column(file: Any, groups: list[int], name: str) -> NDArray[np.float64]:
    """One at a time: what it is decoded from would otherwise be in memory for all of them together."""
    values: NDArray[np.float64] = file.read_row_groups(groups, columns=[name]).column(name).to_numpy()
    return values


def _times(table: Any) -> NDArray[np.int64]:
    times: NDArray[np.int64] = table.column("open_time").cast(pa.int64()).to_numpy()
    return times
