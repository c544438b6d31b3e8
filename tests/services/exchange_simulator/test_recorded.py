"""Recorded candles: what is read, and how what is broken is refused."""

import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.recorded import read_candles, recorded_market, split_argument
from tests.services.exchange_simulator.rig import START

HEADER = "time,open,high,low,close,volume\n"
DATA = Path(os.environ.get("PARLEY_DATA", Path(__file__).parents[4] / "shared" / "data"))
prices = st.decimals("0.0000000001", "90000000", places=10)


def written(folder: Path, text: str | bytes, name: str = "d.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@given(
    bars=st.lists(st.tuples(prices, prices, st.decimals("0", "1000000", places=8)), min_size=2, max_size=20),
    minutes=st.sampled_from([1, 5, 60]),
    form=st.sampled_from(["s", "ms", "iso", "zulu"]),
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    bars: list[tuple[Decimal, Decimal, Decimal]],
    minutes: int,
    form: str,
) -> None:
    def shown(index: int) -> str:
        hours, minute = divmod(index * minutes, 60)
        iso = f"2022-01-{1 + hours // 24:02d}T{hours % 24:02d}:{minute:02d}:00"
        epoch = START + index * minutes * 60
        return {"s": str(epoch), "ms": str(epoch * 1000), "iso": iso, "zulu": iso + "Z"}[form]

    rows = [(shown(i), a, max(a, b), min(a, b), b, v) for i, (a, b, v) in enumerate(bars)]
    text = HEADER + "\n".join(",".join(map(str, row)) for row in rows)
    read = read_candles("X/USD", written(tmp_path_factory.mktemp("csv"), text))
    assert read.spacing == minutes * 60_000_000
    for index, (bar, (_, opened, high, low, close, volume)) in enumerate(zip(read.bars, rows, strict=True)):
        assert bar.time == (START + index * minutes * 60) * 1_000_000
        exact = [Decimal(units).scaleb(-10) for units in (bar.open, bar.high, bar.low, bar.close)]
        assert exact == [opened, high, low, close]
        assert Decimal(bar.volume).scaleb(-8) == volume


def complaint_about(path: Path) -> str | None:
    """What is said against a file; None if its candles are whole."""
    try:
        bars = read_candles("X/USD", path).bars
    except BadConfiguration as error:
        return str(error)
    assert all(0 < b.low <= min(b.open, b.close) <= max(b.open, b.close) <= b.high for b in bars)
    return None


@given(st.binary(max_size=300))
def test_any_bytes_give_candles_or_one_clear_line(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = written(tmp_path_factory.mktemp("csv"), HEADER.encode() + noise)
    complaint = complaint_about(path)
    assert complaint is None or (complaint.startswith(str(path)) and "\n" not in complaint)


fields = st.sampled_from(["1", "0", "-1", "nan", "inf", "1e-400", "1e999999999", "", "x", "100", "1_0", "1640995200"])


@given(st.lists(st.lists(fields, min_size=1, max_size=7), min_size=1, max_size=4))
def test_any_fields_give_candles_or_one_clear_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = written(tmp_path_factory.mktemp("csv"), HEADER + "\n".join(",".join(row) for row in rows))
    complaint = complaint_about(path)
    assert complaint is None or complaint.startswith(str(path))


def test_noise_of_floating_point_is_rounded_away(tmp_path: Path) -> None:
    noisy = "5.330000000000001e-05,5.330000000000001e-05,5.288000000000001e-05,5.2900000000000005e-05,1.123456785"
    path = written(tmp_path, f"date,open,high,low,close,volume\n2018-01-10T04:55:00Z,{noisy}\n")
    read = read_candles("ADA/BTC", path)
    assert read.bars[0][1:] == (533000, 533000, 528800, 529000, 112345678)
    assert read.decimals == 8


BROKEN = {
    "line 1: the file is empty": "",
    "line 1, field time: missing": "when,open,high,low,close,volume\n",
    "line 1, field low: missing": "time,open,high,close,volume\n",
    "line 2: no candles follow": HEADER,
    "line 2, field volume: missing": HEADER + "0,1,1,1,1\n",
    "line 2, field time: 'soon' is no time": HEADER + "soon,1,1,1,1,1\n",
    "line 2, field time: '-5' is no epoch": HEADER + "-5,1,1,1,1,1\n",
    "line 2, field low: '-1' is not above zero": HEADER + "0,1,1,-1,1,1\n",
    "line 2, field open: 'nan' is not finite": HEADER + "0,nan,1,1,1,1\n",
    "line 2, field close: 'inf' is not finite": HEADER + "0,1,1,1,inf,1\n",
    "line 2, field high: '1e300' is too large": HEADER + "0,1,1e300,1,1,1\n",
    "line 2, field open: '1e-11' is not above zero": HEADER + "0,1e-11,1,1,1,1\n",
    "line 2, field volume: is negative": HEADER + "0,1,1,1,1,-1\n",
    "line 2, field high: is below low": HEADER + "0,1,1,2,1,1\n",
    "line 2, field close: lies outside": HEADER + "0,1,2,1,3,1\n",
    "line 3, field time: is older": HEADER + "60,1,1,1,1,1\n0,1,1,1,1,1\n",
    "line 3, field time: repeats": HEADER + "60,1,1,1,1,1\n60,1,1,1,1,1\n",
    "rows are 7 minutes apart": HEADER + "0,1,1,1,1,1\n420,1,1,1,1,1\n",
    "is off the 1-minute grid": HEADER + "0,1,1,1,1,1\n60,1,1,1,1,1\n90,1,1,1,1,1\n180,1,1,1,1,1\n240,1,1,1,1,1\n",
    "one candle shows no spacing": HEADER + "0,1,1,1,1,1\n",
}


@pytest.mark.parametrize("complaint", BROKEN)
def test_a_broken_file_is_refused_by_row_and_field(tmp_path: Path, complaint: str) -> None:
    path = written(tmp_path, BROKEN[complaint])
    with pytest.raises(BadConfiguration) as refused:
        recorded_market([str(path)])
    assert str(path) in str(refused.value)
    assert complaint in str(refused.value)


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"cannot be read \(No such file"):
        read_candles("X/USD", tmp_path / "none.csv")
    with pytest.raises(BadConfiguration, match="byte 3: not UTF-8"):
        read_candles("X/USD", written(tmp_path, b"abc\xff\xfe"))


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + (b" Timestamp ,Open,High,Low,Close,Volume,extra\n\n60,1,1,1,1,1,x\n\n120,1,1,1,1,1,y\n")
    assert len(read_candles("X/USD", written(tmp_path, text)).bars) == 2


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path, HEADER + "0,1,1,1,1,1\n60,1,1,1,1,1\n", "one.csv")
    five = written(tmp_path, HEADER + "0,1,1,1,1,1\n300,1,1,1,1,1\n", "five.csv")
    with pytest.raises(BadConfiguration, match="different quotes"):
        recorded_market([f"BTC/USD={one}", f"ETH/BTC={one}"])
    with pytest.raises(BadConfiguration, match="files of one timeframe"):
        recorded_market([f"BTC/USD={one}", f"ETH/USD={five}"])
    with pytest.raises(BadConfiguration, match="given twice"):
        recorded_market([str(one), str(one)])
    with pytest.raises(BadConfiguration, match="leaves nothing to play"):
        recorded_market([str(one)], history=2)
    with pytest.raises(BadConfiguration, match="no pair"):
        recorded_market([f"/USD={one}"])


def test_instants_are_the_union_of_all_symbols(tmp_path: Path) -> None:
    one = written(tmp_path, HEADER + "0,1,1,1,1,1\n60,1,1,1,1,1\n", "one.csv")
    two = written(tmp_path, HEADER + "60,1,1,1,1,1\n180,1,1,1,1,1\n240,1,1,1,1,1\n300,1,1,1,1,1\n", "two.csv")
    market = recorded_market([f"BTC/USD={one}", f"ETH/USD={two}"])
    assert [market.instant(step) for step in range(6)] == [0, 60_000_000, 180_000_000, 240_000_000, 300_000_000, None]
    assert market.series("ETH/USD").at(0) is None


@pytest.mark.parametrize(
    ("argument", "symbol", "path"),
    [("eth/usd=a=b.csv", "ETH/USD", "a=b.csv"), ("x.csv", "BTC/USD", "x.csv"), ("k=v.csv", "BTC/USD", "k=v.csv")],
)
def test_a_bare_file_is_btc_usd(argument: str, symbol: str, path: str) -> None:
    assert split_argument(argument) == (symbol, Path(path))


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded months are not here")
def test_the_recorded_months_are_read_whole() -> None:
    month = recorded_market([str(DATA / "btc-perp-1m-2022-01.csv")])
    assert (month.steps_total, month.base) == (45_031, 60_000_000)
    coins = recorded_market([f"{c.upper()}/BTC={DATA / f'{c}-btc-5m-2018-01.csv'}" for c in ("ada", "eth", "xmr")])
    assert [len(coins.series(symbol)) for symbol in coins.pairs] == [5720, 5760, 5758]
    assert {pair.decimals for pair in coins.pairs.values()} == {8}
