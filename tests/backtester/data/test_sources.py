"""Files find their pair and their timeframe, and one bad row keeps all of them out."""

from dataclasses import replace
from pathlib import Path

import pytest

from backtester.data import parquet
from backtester.data.checks import BadCandles
from backtester.data.sources import Source, import_files, source_of, timeframe_of
from backtester.data.store import CandleStore
from shared.errors import ConfigError
from shared.timeframes import MINUTE, TIMEFRAMES, minutes
from tests.backtester.data.candles import BTC, NOW, START, changed, market, rows, same, write_csv


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "desk")


@pytest.mark.parametrize(
    ("argument", "symbol", "source"),
    [
        ("a.csv", None, Source(BTC, Path("a.csv"))),
        ("a.csv", "eth/usd", Source("ETH/USD", Path("a.csv"))),
        ("ETH/BTC=a.csv", None, Source("ETH/BTC", Path("a.csv"))),
        ("eth/btc=a=b.csv", "ETH/BTC", Source("ETH/BTC", Path("a=b.csv"))),
        ("/data/x=y/a.csv", None, Source(BTC, Path("/data/x=y/a.csv"))),
    ],
)
def test_arguments(argument: str, symbol: str | None, source: Source) -> None:
    assert source_of(argument, symbol) == source


def test_two_symbols_for_one_file_are_refused() -> None:
    with pytest.raises(ConfigError, match="--symbol says BTC/USD; give one of the two"):
        source_of("ETH/USD=a.csv", "BTC/USD")


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_spacing_gives_the_timeframe_through_gaps_and_disorder(timeframe: str) -> None:
    step = next(minutes(known) for known in TIMEFRAMES if known == timeframe)
    given = rows(market(20, minutes=step))
    kept = given.open_time.take([0, 1, 2, 3, 8, 9, 10, 15])
    assert timeframe_of(given) == timeframe
    assert timeframe_of(replace(given, open_time=kept)) == timeframe
    assert timeframe_of(replace(given, open_time=given.open_time[::-1])) == timeframe
    assert timeframe_of(replace(given, open_time=given.open_time[:10].repeat(2))) == timeframe


def test_odd_spacing_and_a_single_bar_are_refused() -> None:
    with pytest.raises(ConfigError, match="rows are 7 minutes apart; use one of 1, 5, 15, 30, 60, 240, 1440, 10080"):
        timeframe_of(rows(market(5, minutes=7)))
    with pytest.raises(ConfigError, match="one candle shows no spacing; give --timeframe"):
        timeframe_of(rows(market(1)))


def test_real_files_and_their_gaps(store: CandleStore, real_data: Path) -> None:
    sources = [Source(f"{coin}/BTC", real_data / f"{coin.lower()}-btc-5m-2018-01.csv") for coin in ("ETH", "ADA")]
    ether, cardano = import_files(store, sources, "file", None, NOW)
    assert (ether.timeframe, ether.merged.added, ether.merged.gaps) == ("5m", 5760, ())
    assert (cardano.merged.added, len(cardano.merged.gaps)) == (5720, 5)
    assert str(cardano.merged.gaps[-1]) == "missing 2018-01-15 12:00 to 2018-01-15 14:45 (33 bars)"


def test_files_of_one_pair_follow_each_other(store: CandleStore, tmp_path: Path) -> None:
    bars = market(60)
    files = [write_csv(tmp_path / f"{i}.csv", bars.between(20 * i, 20 * i + 20)) for i in (2, 0)]
    first, second = import_files(store, [Source(BTC, file) for file in files], "file", None, NOW)
    assert (first.timeframe, first.merged.added, second.merged.added) == ("1m", 20, 20)
    assert "1 gaps in all that is stored\n  missing 2022-01-01 00:20 to 2022-01-01 00:40 (20 bars)" in str(second)
    assert same(store.load("file", BTC, "1m", START + 40 * MINUTE), bars.between(40, 60))


def test_a_parquet_file_is_known_by_its_name(store: CandleStore, tmp_path: Path) -> None:
    own = tmp_path / "own.parquet"
    parquet.write(own, market(3))
    with pytest.raises(ConfigError, match=r"own\.parquet, field time: missing"):
        import_files(store, [Source(BTC, own)], "file", None, NOW)


def test_all_files_findings_are_listed_before_anything_is_stored(store: CandleStore, tmp_path: Path) -> None:
    good = write_csv(tmp_path / "good.csv", market(5))
    bad = write_csv(tmp_path / "bad.csv", market(5))
    bad.write_text(bad.read_text() + "x,1,1,1,1,1\n")
    worse = tmp_path / "worse.csv"
    worse.write_text("time,open,high,low,close,volume\n0,1,1,1,1,-1\n60,2,1,1,1,1\n")
    with pytest.raises(BadCandles) as refused:
        import_files(store, [Source(BTC, file) for file in (good, bad, worse)], "file", None, NOW)
    assert str(refused.value).splitlines() == [
        "nothing is stored, 3 findings:",
        f"  {bad}, line 7, field time: 'x' is no time; use ISO 8601, or seconds or milliseconds since 1970",
        f"  {worse}, line 2, field volume: -1.0 is negative; correct it",
        f"  {worse}, line 3, field open: 2.0 lies outside low to high; correct the row",
    ]
    assert store.listing() == []


def test_a_file_without_one_readable_row_lists_them(store: CandleStore, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,open,high,low,close,volume\n" + "x,1,1,1,1,1\n" * 30)
    with pytest.raises(BadCandles, match=r"30 findings:\n(.*\n){20}  and 10 more$"):
        import_files(store, [Source(BTC, path)], "file", None, NOW)


def test_a_timeframe_that_the_rows_do_not_fit_is_refused(store: CandleStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", market(5))
    with pytest.raises(BadCandles, match="is off the grid, a 5m bar opens at a whole multiple of 5m"):
        import_files(store, [Source(BTC, path)], "file", "5m", NOW)


def test_a_wrong_venue_is_refused_before_files_are_read(store: CandleStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--venue My Files"):
        import_files(store, [Source(BTC, tmp_path / "none.csv")], "My Files", None, NOW)


def test_a_conflict_between_files_names_file_and_line(store: CandleStore, tmp_path: Path) -> None:
    files = [write_csv(tmp_path / "a.csv", market(5)), write_csv(tmp_path / "b.csv", changed(market(5), 2, volume=3.0))]
    sources = [Source(BTC, file) for file in files]
    with pytest.raises(ConfigError, match=r"b\.csv, line 4, 2022-01-01 00:02: volume 3\.0 \(stored"):
        import_files(store, sources, "file", None, NOW)
    _, done = import_files(store, sources, "file", None, NOW, replace=True)
    assert done.merged.replaced == 1


def test_every_digit_of_a_file_is_kept(store: CandleStore, tmp_path: Path) -> None:
    import_files(store, [Source(BTC, write_csv(tmp_path / "a.csv", market(500)))], "file", None, NOW)
    assert same(store.load("file", BTC, "1m"), market(500))
