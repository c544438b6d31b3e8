"""Files find their pair and their timeframe, and one bad row keeps all of them out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backtester.data import parquet
from backtester.data.checks import BadCandles
from backtester.data.plausible import OtherPair
from backtester.data.sources import Imported, Source, Terms, import_files, source_of, timeframe_of
from backtester.data.steps import steps_of
from backtester.data.store import CandleStore
from shared.errors import ConfigError
from shared.strategies.market import PRICES, Market
from shared.timeframes import MINUTE, TIMEFRAMES, minutes
from tests.backtester.data.candles import BTC, NOW, START, changed, market, rows, same, write_csv


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "desk")


def imported(store: CandleStore, sources: list[Source], venue: str = "file", **terms: Any) -> list[Imported]:
    return list(import_files(store, sources, Terms(venue, **terms), NOW))


@pytest.mark.parametrize(
    ("argument", "symbol", "source"),
    [
        ("eth-btc-5m.csv", None, Source("ETH/BTC", Path("eth-btc-5m.csv"), by_name=True)),
        ("a.csv", "eth/usd", Source("ETH/USD", Path("a.csv"))),
        ("ETH/BTC=a.csv", None, Source("ETH/BTC", Path("a.csv"))),
        ("eth/btc=a=b.csv", "ETH/BTC", Source("ETH/BTC", Path("a=b.csv"))),
        ("/data/x=y/a.csv", BTC, Source(BTC, Path("/data/x=y/a.csv"))),
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
    ether, cardano = imported(store, sources)
    assert (ether.timeframe, ether.merged.added, ether.merged.gaps) == ("5m", 5760, ())
    assert (cardano.merged.added, len(cardano.merged.gaps)) == (5720, 5)
    assert str(cardano.merged.gaps[-1]) == "missing 2018-01-15 12:00 to 2018-01-15 14:45 (33 bars)"


def test_files_of_one_pair_follow_each_other(store: CandleStore, tmp_path: Path) -> None:
    bars = market(60)
    files = [write_csv(tmp_path / f"{i}.csv", bars.between(20 * i, 20 * i + 20)) for i in (2, 0)]
    first, second = imported(store, [Source(BTC, file) for file in files])
    assert (first.timeframe, first.merged.added, second.merged.added) == ("1m", 20, 20)
    assert "1 gaps in all that is stored\n  missing 2022-01-01 00:20 to 2022-01-01 00:40 (20 bars)" in str(second)
    assert same(store.load("file", BTC, "1m", START + 40 * MINUTE), bars.between(40, 60))


def test_a_parquet_file_is_known_by_its_name(store: CandleStore, tmp_path: Path) -> None:
    own = tmp_path / "own.parquet"
    parquet.write(own, market(3))
    with pytest.raises(ConfigError, match=r"own\.parquet, field time: missing"):
        imported(store, [Source(BTC, own)])


def test_all_files_findings_are_listed_before_anything_is_stored(store: CandleStore, tmp_path: Path) -> None:
    good = write_csv(tmp_path / "good.csv", market(5))
    bad = write_csv(tmp_path / "bad.csv", market(5))
    bad.write_text(bad.read_text() + "x,1,1,1,1,1\n")
    worse = tmp_path / "worse.csv"
    worse.write_text("time,open,high,low,close,volume\n0,1,1,1,1,-1\n60,2,1,1,1,1\n")
    with pytest.raises(BadCandles) as refused:
        imported(store, [Source(BTC, file) for file in (good, bad, worse)])
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
        imported(store, [Source(BTC, path)])


def test_a_timeframe_that_the_rows_do_not_fit_is_refused(store: CandleStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", market(5))
    with pytest.raises(BadCandles, match="is off the grid, a 5m bar opens at a whole multiple of 5m"):
        imported(store, [Source(BTC, path)], timeframe="5m")


def test_a_wrong_venue_is_refused_before_files_are_read(store: CandleStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--venue My Files"):
        imported(store, [Source(BTC, tmp_path / "none.csv")], venue="My Files")


def test_a_conflict_between_files_names_file_and_line(store: CandleStore, tmp_path: Path) -> None:
    files = [write_csv(tmp_path / "a.csv", market(5)), write_csv(tmp_path / "b.csv", changed(market(5), 2, volume=3.0))]
    sources = [Source(BTC, file) for file in files]
    with pytest.raises(ConfigError, match=r"b\.csv, line 4, 2022-01-01 00:02: volume 3\.0 \(stored"):
        imported(store, sources)
    _, done = imported(store, sources, replace=True)
    assert done.merged.replaced == 1


def test_every_digit_of_a_file_is_kept(store: CandleStore, tmp_path: Path) -> None:
    imported(store, [Source(BTC, write_csv(tmp_path / "a.csv", market(500)))])
    assert same(store.load("file", BTC, "1m"), market(500))


@pytest.mark.parametrize("name", ["candles.csv", "btc-perp-1m-2022-01.csv"])
def test_a_file_whose_name_tells_no_pair_wants_one(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: of which pair. Give SYMBOL=FILE, such as BTC/USD={name}"):
        source_of(name)


def test_a_pair_by_the_files_name_is_said(store: CandleStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "eth-btc-1m.csv", market(3))
    (done,) = imported(store, [source_of(str(path))])
    assert str(done).startswith(f"{path}: ETH/BTC (by the file's name) 1m, 3 bars, 3 new")


@pytest.mark.parametrize(("name", "what"), [("a.json", "is JSON"), ("a.json.gz", "is JSON"), ("a.feather", "is a Fea")])
def test_freqtrades_own_files_are_said_with_how_to_convert_them(store: CandleStore, name: str, what: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: {what}.*`freqtrade convert-data --format-from .* parquet`"):
        imported(store, [Source(BTC, Path(name))])


def test_a_row_that_hides_the_spacing_is_named(store: CandleStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", market(2))
    path.write_text(path.read_text().rstrip() + ",5\n")
    with pytest.raises(BadCandles, match=r"1 findings:\n.*line 3, field 7"):
        imported(store, [Source(BTC, path)])


def tenth(bars: Market) -> Market:
    return Market(bars.open_time, *(getattr(bars, name) / 10.5 for name in PRICES), bars.volume)


def test_prices_of_another_pair_are_refused_before_anything_is_stored(store: CandleStore, tmp_path: Path) -> None:
    good = write_csv(tmp_path / "good.csv", market(60))
    other = write_csv(tmp_path / "other.csv", tenth(market(5, first=60)))
    sources = [Source(BTC, good), Source(BTC, other)]
    with pytest.raises(OtherPair, match=r"other\.csv: prices near .* in .*good\.csv; nothing is stored"):
        imported(store, sources)
    assert store.listing() == []
    imported(store, sources[:1], venue="kraken", timeframe="1m")
    refused = r"other\.csv: .* in the 1m candles of BTC/USD from kraken; nothing is stored.* or give --force"
    with pytest.raises(OtherPair, match=refused):
        imported(store, sources[1:], replace=True)
    imported(store, [Source("ETH/USD", other)])
    (done,) = imported(store, sources[1:], force=True)
    assert done.merged.added == 5


def test_rows_between_the_ticks_that_are_given_or_stored_are_refused(store: CandleStore, tmp_path: Path) -> None:
    bars = market(6)
    whole = Market(bars.open_time, *(getattr(bars, name).round() for name in PRICES), bars.volume)
    first = Source(BTC, write_csv(tmp_path / "a.csv", whole.between(0, 3)))
    second = Source(BTC, write_csv(tmp_path / "b.csv", changed(whole, 4, high=102.5).between(3, 6)))
    with pytest.raises(BadCandles, match=r"b\.csv, line 3, field high: 102\.5 lies between two ticks of 1;"):
        imported(store, [first, second], steps=steps_of(tick="1"))
    imported(store, [first], steps=steps_of(tick="1"))
    with pytest.raises(BadCandles, match=r"b\.csv, line 3, field high: 102\.5 lies between two ticks of 1;"):
        imported(store, [second])
    imported(store, [second], steps=steps_of(tick="0.5"), replace=True)
    assert store.steps("file", BTC, "1m") == steps_of(tick="0.5")
