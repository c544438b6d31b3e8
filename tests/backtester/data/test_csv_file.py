"""Both read the same: what the exchange simulator plays can be imported, and shows the same bars."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.data.checks import findings
from backtester.data.csv_file import read_csv
from backtester.data.sources import timeframe_of
from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.recorded import recorded_market
from shared.errors import ConfigError
from tests.backtester.data.candles import NOW, START

HEADER = "time,open,high,low,close,volume\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "time",
    [
        *("1640995200", "1640995200.0", "1640995200000", " 1640995200 ", "1.6409952e9", "2022-01-01"),
        *("2022-01-01T00:00:00Z", "2022-01-01 00:00:00", "2022-01-01 00:00:00.000000", "2022-01-01T01:00+01:00"),
    ],
)
@pytest.mark.parametrize("name", ["time", "timestamp", "date", " Date ", "TIME"])
def test_times_in_every_form(tmp_path: Path, time: str, name: str) -> None:
    path = written(tmp_path, f"volume,{name},close,low,high,open,more\n7,{time},101,99,102,100,x\n")
    rows = read_csv(path)
    assert [
        column.tolist() for column in (rows.open_time, rows.open, rows.high, rows.low, rows.close, rows.volume)
    ] == [
        [START],
        [100],
        [102],
        [99],
        [101],
        [7],
    ]


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0", "__index_level_0__"])
def test_an_index_without_a_name_is_the_time(tmp_path: Path, name: str) -> None:
    assert read_csv(written(tmp_path, f"{name},open,high,low,close,volume\n2022-01-01,1,1,1,1,7\n")).open_time == START
    rows = read_csv(written(tmp_path, f"{name},date,open,high,low,close,volume\n0,2022-01-01,1,1,1,1,7\n"))
    assert (rows.open_time, rows.volume) == (START, 7)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_and_tabs_split_too(tmp_path: Path, mark: str) -> None:
    path = written(tmp_path, "\n" + (HEADER + "1640995200,1,1,1,1,7\n").replace(",", mark))
    rows = read_csv(path)
    assert (rows.open_time, rows.volume, rows.numbers) == (START, 7, 3)


def test_a_decimal_comma_is_named(tmp_path: Path) -> None:
    rows = read_csv(written(tmp_path, HEADER.replace(",", ";") + "1640995200;1,5;1;1;1;7\n"))
    assert [finding.text.partition(", field ")[2] for finding in rows.unreadable] == [
        "open: '1,5' is no number; correct it"
    ]


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff" + HEADER + '\r\n1640995200,1,1,1,1,1\r\n\r\n"1640995260",1,1,1,1,1\r\n')
    assert read_csv(path).numbers.tolist() == [3, 5]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("yesterday,1,1,1,1,1", "line 3, field time: 'yesterday' is no time; use ISO 8601"),
        ("-5,1,1,1,1,1", "line 3, field time: '-5' is no time"),
        ("1640995260000000,1,1,1,1,1", "line 3, field time: '1640995260000000' is no time"),
        ("nan,1,1,1,1,1", "line 3, field time: 'nan' is no time"),
        (",1,1,1,1,1", "line 3, field time: '' is no time"),
        ("1640995260,one,1,1,1,1", "line 3, field open: 'one' is no number"),
        ("1640995260,1,,1,1,1", "line 3, field high: '' is no number"),
        ("1640995260,1,1,1", "line 3, field close: missing; complete the row"),
        ("1640995260,1,1,1,1,1,234.5", "line 3, field 7: '234.5' has no column in the header; correct the row"),
        ("1640995260,1,1,1,1,1,", "line 3, field 7: '' has no column in the header"),
        ("1640995260,1,1,1,1,1_000", "line 3, field volume: '1_000' is no number"),
        ("1_640995260,1,1,1,1,1", "line 3, field time: '1_640995260' is no time"),
        ("1640995260,1_0,1,1,1,1", "line 3, field open: '1_0' is no number"),
    ],
)
def test_a_row_that_makes_no_numbers_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = written(tmp_path, f"{HEADER}1640995200,1,1,1,1,1\n{line}\n1640995320,1,1,1,1,1\n")
    rows = read_csv(path)
    assert rows.numbers.tolist() == [2, 4]
    assert [finding.text.startswith(f"{path}, {said}") for finding in rows.unreadable] == [True]
    assert findings(rows, "1m", NOW).first == (rows.unreadable[0].text,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file is empty"),
        (HEADER, "no candles follow the header"),
        (
            "open,high,low,close,volume\n1,1,1,1,1\n",
            "line 1, field time: missing; name a column time, timestamp or date",
        ),
        ("time,open,high,low,close\n1,1,1,1,1\n", "line 1, field volume: missing; add the column"),
        ("Time,open,Open,high,low,close,volume\n1,1,1,1,1,1,1\n", "field open: stands 2 times; keep one column"),
        ("time,open,high,low,close,volume,timestamp\n", "field time: the columns time and timestamp are all times"),
        ("date,open,high,low,close,volume,DATE\n", "field time: the columns date and date are all times; keep one"),
        ("open,,high,low,close,volume\n", "field time: missing"),
        ("1640995200,1,1,1,1,1,7\n", "line 1: numbers where a header should be; add the row time,open,high,low"),
        ("[[1640995200000,1,1,1,1,1]]", "is JSON; give CSV or Parquet. freqtrade converts its own"),
        (HEADER.encode() + b"1640995200,1,1,1,1,1\n\xff\xfe\n", "not UTF-8; save the file as UTF-8"),
        (HEADER + f"1640995200,1,1,1,1,{'1' * 200_000}\n", "line 2: not CSV"),
    ],
    ids=[
        *("empty", "header alone", "no time", "no volume", "repeated", "two times", "one time twice"),
        *("unnamed, not first", "no header", "JSON", "not text", "field too long"),
    ],
)
def test_what_is_no_csv_of_candles_is_said(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_csv(written(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read \(No such file or directory\); check the path"):
        read_csv(tmp_path / "none.csv")


GOOD_TIMES = [lambda t: str(t), lambda t: str(t * 1000), lambda t: f" {t}.0", lambda t: f"{t / 1e9:.9f}e9"]
prices = st.sampled_from(["100", " 100.5", "1e2", "99.9999", "101", "100.00000001", "99", "102"])
spoilt = st.sampled_from(["", "nan", "inf", "-inf", "-5", "0", "abc", "1,5", '"100"', "0x10", "1e", "-0.0"])
times = st.sampled_from(["", "nan", "x", "-1", "0", "1640995230", "2022-01-01T00:03Z", "2022-13-01", "1e300", "99e9"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """CSVs that are good, but for at most two fields."""
    count, form = draw(st.integers(1, 6)), draw(st.sampled_from(GOOD_TIMES))
    minutes = sorted(draw(st.sets(st.integers(0, 8), min_size=count, max_size=count)))
    table = [[form(START // 1_000_000 + 60 * minute), "100", "102", "99", draw(prices), "5"] for minute in minutes]
    for _ in range(draw(st.integers(0, 2))):
        column = draw(st.integers(0, 5))
        table[draw(st.integers(0, count - 1))][column] = draw(spoilt | prices if column else times)
    return HEADER + "\n".join(map(",".join, table)) + draw(st.sampled_from(["", "\n", "\n\n", "\r\n"]))


@given(text=texts())
def test_the_simulator_and_the_store_accept_the_same(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = written(tmp_path_factory.mktemp("csv"), text)
    assert ours(path) == simulators(path)


def ours(path: Path) -> list[tuple[float, ...]] | None:
    """Time, open, high, low, close and volume of each bar; None where the file is refused."""
    try:
        rows = read_csv(path)
        if findings(rows, timeframe_of(rows), NOW).count:
            return None
    except ConfigError:
        return None
    columns = (rows.open_time, rows.open, rows.high, rows.low, rows.close, rows.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def simulators(path: Path) -> list[tuple[float, ...]] | None:
    try:
        played = recorded_market([f"BTC/USD={path}"])
    except BadConfiguration:
        return None
    series, unit = played.series("BTC/USD"), 10 ** played.pairs["BTC/USD"].decimals
    bars = [series[index] for index in range(len(series))]
    return [(b.time, b.open / unit, b.high / unit, b.low / unit, b.close / unit, b.volume / 10**8) for b in bars]


def test_real_files_show_the_bars_that_the_simulator_plays(real_data: Path) -> None:
    path = real_data / "btc-perp-1m-2022-01.csv"
    mine, theirs = ours(path), simulators(path)
    assert mine is not None
    assert len(mine) == 45_031
    # the simulator's volumes are whole lots of 1e-8, the file's have the noise of a float
    assert [(*bar[:5], round(bar[5], 8)) for bar in mine] == theirs
