"""Candles from somebody's Parquet file: times as timestamps, dates, epochs or text, prices as any number or text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute
import pyarrow.parquet

from backtester.data.fields import column_names, rows_of
from backtester.data.rows import Rows, joined
from shared.errors import ConfigError

pa: Any = pyarrow  # has types, but exports none of them
AT_ONCE = 50_000
"""Rows that are text in memory at one time."""


def read_parquet(path: Path) -> Rows:
    """All rows, unchecked, numbered from 1. Raises ConfigError for what is no Parquet of candles."""
    try:
        with path.open("rb") as content, pa.parquet.ParquetFile(content) as file:
            names = file.schema_arrow.names
            columns = {field: names[index] for field, index in column_names(str(path), names).items()}
            batches = file.iter_batches(AT_ONCE, columns=list(columns.values()))
            parts = _parts(str(path), batches, columns)
    except (pa.ArrowException, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read as Parquet ({reason}); check the file") from None
    if not parts:
        raise ConfigError(f"{path}, row 1: the file has no candles; add rows")
    return joined(parts)


def _parts(source: str, batches: Any, columns: dict[str, str]) -> list[Rows]:
    parts: list[Rows] = []
    number = 1
    for batch in batches:
        texts = {field: _texts(batch.column(name)) for field, name in columns.items()}
        parts.append(rows_of(source, "row", range(number, number + len(batch)), texts))
        number += len(batch)
    return parts


def _texts(column: Any) -> Sequence[str | float]:
    if pa.types.is_floating(column.type):
        return pa.compute.fill_null(column, float("nan")).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    return pa.compute.fill_null(column.cast(pa.string()), "").to_pylist()  # type: ignore[no-any-return]
