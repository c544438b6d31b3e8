"""What went in comes out, to the last bit; what is asked for wrongly is said in plain words."""

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.data import parquet
from backtester.data.rows import VALUES
from backtester.data.store import CandleStore, Key, fingerprint
from shared.errors import ConfigError
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import MINUTE
from tests.backtester.data.candles import BTC, START, believed, changed, market, markets, same


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


@given(bars=markets())
def test_what_is_stored_is_loaded_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, bars: Market) -> None:
    store = CandleStore(tmp_path_factory.mktemp("store"))
    store.merge("file", BTC, believed(bars))
    assert same(store.load("file", BTC, "1m"), bars)


@given(bars=markets(), start=st.integers(-5, 95), length=st.integers(0, 100))
def test_a_range_holds_its_start_and_not_its_end(
    tmp_path_factory: pytest.TempPathFactory, bars: Market, start: int, length: int
) -> None:
    path = tmp_path_factory.mktemp("store") / "1m.parquet"
    parquet.write(path, bars)
    begin, end = START + start * MINUTE, START + (start + length) * MINUTE
    inside = (bars.open_time >= begin) & (bars.open_time < end)
    assert parquet.read(path, begin, end).open_time.tolist() == bars.open_time[inside].tolist()


def test_a_range_across_the_parts_of_a_long_file(tmp_path: Path) -> None:
    bars, path = market(3 * parquet.ROW_GROUP + 17), tmp_path / "1m.parquet"
    parquet.write(path, bars)
    for first, last in ((0, 1), (parquet.ROW_GROUP - 1, parquet.ROW_GROUP + 1), (5, len(bars)), (len(bars) - 1, None)):
        end = None if last is None else START + last * MINUTE
        assert same(parquet.read(path, START + first * MINUTE, end), bars.between(first, last or len(bars)))


def test_the_path_is_venue_pair_timeframe(store: CandleStore, tmp_path: Path) -> None:
    assert store.path("kraken", "ETH/BTC", "4h") == tmp_path / "candles" / "kraken" / "ETH-BTC" / "4h.parquet"


@pytest.mark.parametrize(
    ("venue", "symbol", "said"),
    [("../etc", BTC, "--venue ../etc"), ("file", "../../x", "BASE/QUOTE"), ("file", "BTCUSD", "--symbol BTCUSD")],
)
def test_no_name_leads_out_of_the_folder(store: CandleStore, venue: str, symbol: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        store.path(venue, symbol, "1m")


def test_nothing_stored_and_nothing_in_the_range_are_said(store: CandleStore) -> None:
    with pytest.raises(ConfigError, match="no 1m candles of BTC/USD from file; `parley data list`"):
        store.load("file", BTC, "1m")
    store.merge("file", BTC, believed(market(3)))
    with pytest.raises(ConfigError, match="stored: 2022-01-01 00:00 to 2022-01-01 00:02"):
        store.load("file", BTC, "1m", START + 3 * MINUTE)


def test_listing_counts_bars_and_gaps(store: CandleStore) -> None:
    store.merge("kraken", "ETH/USD", believed(market(10, minutes=60), "1h"))
    store.merge("file", BTC, believed(market(5, minutes=5), "5m"))
    store.merge("file", BTC, believed(market(10)))
    store.merge("file", BTC, believed(market(4, first=13)))
    minute, five, hour = store.listing()
    assert (minute.venue, minute.symbol, minute.timeframe) == ("file", BTC, "1m")
    assert (minute.first, minute.last) == (START, START + 16 * MINUTE)
    assert (minute.bars, minute.gaps, minute.missing) == (14, 1, 3)
    assert minute.size == store.path("file", BTC, "1m").stat().st_size
    assert (five.timeframe, five.bars, five.gaps, hour.symbol, hour.timeframe) == ("5m", 5, 0, "ETH/USD", "1h")


def test_an_empty_store_lists_nothing(store: CandleStore) -> None:
    assert store.listing() == []


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all" * 100])
def test_a_damaged_file_is_named(store: CandleStore, content: bytes) -> None:
    path = store.path("file", BTC, "1m")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for action in (lambda: store.load("file", BTC, "1m"), store.listing, lambda: _merge(store)):
        with pytest.raises(ConfigError, match=rf"{path} is damaged .*; delete it"):
            action()


def _merge(store: CandleStore) -> object:
    return store.merge("file", BTC, believed(market(3)))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_noticed(store: CandleStore, part: float) -> None:
    store.merge("file", BTC, believed(market(10_000)))
    path = store.path("file", BTC, "1m")
    content = bytearray(path.read_bytes())
    content[int(part * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged"):
        store.load("file", BTC, "1m")


def test_an_empty_file_is_named(store: CandleStore) -> None:
    path = store.path("file", BTC, "1m")
    path.parent.mkdir(parents=True)
    parquet.write(path, market(0))
    for action in (lambda: store.load("file", BTC, "1m"), store.listing):
        with pytest.raises(ConfigError, match=f"{path} holds no bars; delete it"):
            action()


def test_a_strangers_file_is_named(store: CandleStore) -> None:
    path = store.path("file", BTC, "1m")
    path.parent.mkdir(parents=True)
    table = pyarrow.table({"open_time": [1], "close": [1.0]})
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(ConfigError, match=f"{path} is no file of candles; move it out of the folder"):
        store.load("file", BTC, "1m")


def test_a_file_cut_short_is_named(store: CandleStore) -> None:
    store.merge("file", BTC, believed(market(1000)))
    path = store.path("file", BTC, "1m")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigError, match="is damaged"):
        store.load("file", BTC, "1m")


def test_fingerprint_is_of_the_bars_alone(store: CandleStore) -> None:
    bars = market(100)
    store.merge("file", BTC, believed(bars))
    store.merge("kraken", "ETH/USD", believed(bars.between(0, 50)))
    store.merge("kraken", "ETH/USD", believed(bars.between(50, 100)))
    assert fingerprint(store.load("file", BTC, "1m")) == fingerprint(store.load("kraken", "ETH/USD", "1m"))
    assert fingerprint(store.load("file", BTC, "1m", end=START + 50 * MINUTE)) == fingerprint(bars.between(0, 50))


def test_fingerprint_is_written_down() -> None:
    bars = Market(*np.array([[START], [100], [102], [99], [101], [7]]))
    assert fingerprint(bars) == "29c4571c7cdff96163c1ddded20ee46a812a943ae325d3755d70f08cff6b2eb7"


@given(bars=markets(), name=st.sampled_from(VALUES), at=st.integers(0, 29))
def test_fingerprint_sees_the_smallest_change(bars: Market, name: str, at: int) -> None:
    roomy = changed(bars, at % len(bars), open=5.0, high=7.0, low=3.0, close=5.0, volume=5.0)
    value = getattr(roomy, name)[at % len(bars)]
    assert fingerprint(changed(roomy, at % len(bars), **{name: float(np.nextafter(value, 0))})) != fingerprint(roomy)


def test_zero_has_one_fingerprint() -> None:
    bars = market(3)
    assert fingerprint(changed(bars, 1, volume=0.0)) == fingerprint(changed(bars, 1, volume=-0.0))


LENGTHS: tuple[tuple[str, int, Timeframe], ...] = (("kraken", 60, "1h"), ("file", 5, "5m"), ("file", 1, "1m"))


def test_what_is_removed_is_gone_and_nothing_else(store: CandleStore) -> None:
    for venue, minutes, timeframe in LENGTHS:
        store.merge(venue, BTC, believed(market(3, minutes=minutes), timeframe))
    store.merge("file", "ETH/USD", believed(market(3)))
    keys = [Key("file", BTC, "1m"), Key("file", BTC, "5m"), Key("kraken", BTC, "1h")]
    assert store.found(BTC) == keys
    store.path(*keys[0]).write_bytes(b"damaged")
    store.remove(*keys[0])
    assert store.found(BTC) == keys[1:]
    assert [held.symbol for held in store.listing()] == [BTC, "ETH/USD", BTC]
    store.merge("file", BTC, believed(market(7)))
    assert len(store.load(*keys[0])) == 7


def test_what_somebody_writes_is_not_removed(store: CandleStore) -> None:
    store.merge("file", BTC, believed(market(3)))
    with store.writing("file", BTC, "1m"), pytest.raises(ConfigError, match="is writing it; wait until it is done"):
        store.remove("file", BTC, "1m")
    assert len(store.load("file", BTC, "1m")) == 3
