"""Somebody's Parquet file, in whatever types its writer chose."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pyarrow.parquet
import pytest

from backtester.data import parquet
from backtester.data.checks import checked, findings
from backtester.data.parquet_file import AT_ONCE, read_parquet
from shared.errors import ConfigError
from tests.backtester.data.candles import NOW, START, market, same

pa: Any = pyarrow
MOMENT = datetime(2022, 1, 1, tzinfo=UTC)


def written(folder: Path, **columns: Any) -> Path:
    """One bar, but for the columns given."""
    path = folder / "a.parquet"
    plain = {"time": [START // 1_000_000], "open": [100.0], "high": [102.0], "low": [99.0], "close": [101.0]}
    pa.parquet.write_table(pa.table({**plain, "volume": [7.0], **columns}), path)
    return path


@pytest.mark.parametrize(
    "time",
    [
        pa.array([MOMENT], pa.timestamp("us", "UTC")),
        pa.array([MOMENT], pa.timestamp("ns", "UTC")),
        pa.array([MOMENT], pa.timestamp("ms", "Europe/Berlin")),
        pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("s")),
        pa.array([MOMENT.date()], pa.date32()),
        pa.array([START // 1000], pa.int64()),
        pa.array([START / 1e6], pa.float64()),
        pa.array(["2022-01-01T00:00:00Z"]),
        pa.array([b"2022-01-01"]),
    ],
    ids=lambda column: str(column.type),
)
def test_times_of_every_type(tmp_path: Path, time: Any) -> None:
    assert read_parquet(written(tmp_path, time=time)).open_time.tolist() == [START]


@pytest.mark.parametrize(
    "value",
    [
        pa.array([0.1]),
        pa.array([Decimal("0.1")]),
        pa.array(["0.1"]),
        pa.array(["0.1"]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_of_every_type(tmp_path: Path, value: Any) -> None:
    assert read_parquet(written(tmp_path, volume=value)).volume.tolist() == [0.1]


def test_whole_numbers_are_prices_too(tmp_path: Path) -> None:
    assert read_parquet(written(tmp_path, close=pa.array([101], pa.int32()))).close.tolist() == [101.0]


def test_an_index_of_pandas_is_the_time(tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {"open": [1.0], "high": 1.0, "low": 1.0, "close": 1.0, "volume": 7.0}, index=[pandas.Timestamp(MOMENT)]
    )
    for path, columns in ((tmp_path / "named.parquet", frame.rename_axis("Date")), (tmp_path / "none.parquet", frame)):
        columns.to_parquet(path)
        assert (read_parquet(path).open_time, read_parquet(path).volume) == (START, 7)


def test_the_stores_own_columns_are_not_a_strangers(tmp_path: Path) -> None:
    parquet.write(tmp_path / "own.parquet", market(3))
    with pytest.raises(ConfigError, match="field time: missing"):
        read_parquet(tmp_path / "own.parquet")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"time": pa.array([None], pa.timestamp("us"))}, "row 1, field time: '' is no time"),
        ({"time": pa.array([1640995200000000000])}, "row 1, field time: '1640995200000000000' is no time"),
        ({"time": pa.array([float("nan")])}, "row 1, field time: nan is no time"),
        ({"open": pa.array([None], pa.float64())}, "row 1, field open: nan is not finite"),
        ({"open": pa.array([None], pa.int64())}, "row 1, field open: '' is no number"),
        ({"low": pa.array(["low"])}, "row 1, field low: 'low' is no number"),
        ({"low": pa.array([True])}, "row 1, field low: 'true' is no number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_makes_no_numbers_is_named(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    path = written(tmp_path, **columns)
    assert findings(read_parquet(path), "1d", NOW).first[0].startswith(f"{path}, {said}")


def test_rows_are_counted_through_the_whole_file(tmp_path: Path) -> None:
    bars = market(2 * AT_ONCE + 5)
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    path = written(tmp_path, time=pa.array(bars.open_time).cast(pa.timestamp("us")), **columns)
    rows = read_parquet(path)
    assert rows.numbers.tolist() == list(range(1, len(bars) + 1))
    assert same(checked(rows, "1m", NOW).market, bars)


@pytest.mark.parametrize("content", [b"", b"time,open\n1,1\n", b"PAR1PAR1"], ids=["empty", "csv", "cut"])
def test_what_is_no_parquet_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{path}: cannot be read as Parquet"):
        read_parquet(path)


def test_a_nested_column_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        read_parquet(written(tmp_path, low=pa.array([[1.0, 2.0]])))


def test_missing_files_rows_and_columns_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_parquet(tmp_path / "none.parquet")
    path = written(tmp_path)
    pa.parquet.write_table(pa.parquet.read_table(path).slice(0, 0), path)
    with pytest.raises(ConfigError, match="the file has no candles"):
        read_parquet(path)
    pa.parquet.write_table(pa.table({"time": [1], "open": [1.0]}), path)
    with pytest.raises(ConfigError, match="field high: missing; add the column"):
        read_parquet(path)
