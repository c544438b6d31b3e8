"""What is missing is added, what is known is left, what differs is refused by row."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.data.merge import Conflicts
from backtester.data.store import CandleStore, fingerprint
from shared.strategies.market import Market
from shared.timeframes import MINUTE
from tests.backtester.data.candles import BTC, START, believed, changed, market, markets, same


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


@given(bars=markets(), data=st.data())
def test_parts_in_any_order_that_overlap_make_the_whole(
    tmp_path_factory: pytest.TempPathFactory, bars: Market, data: st.DataObject
) -> None:
    store = CandleStore(tmp_path_factory.mktemp("store"))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(bars)), max_size=4)))
    pairs = zip([0, *cuts], [*cuts, len(bars)], strict=True)
    parts = [(max(0, start - 2), stop) for start, stop in pairs]
    for start, stop in data.draw(st.permutations(parts)):
        store.merge("file", BTC, believed(bars.between(start, stop)))
    assert same(store.load("file", BTC, "1m"), bars)


def test_bars_that_are_known_are_not_written_again(store: CandleStore) -> None:
    store.merge("file", BTC, believed(market(50)))
    before = store.path("file", BTC, "1m").stat()
    done = store.merge("file", BTC, believed(market(50).between(10, 40)))
    assert (done.given, done.added, done.replaced) == (30, 0, 0)
    assert store.path("file", BTC, "1m").stat() == before


def test_a_conflict_is_named_by_row_and_nothing_is_stored(store: CandleStore) -> None:
    bars = market(50)
    store.merge("file", BTC, believed(bars.between(0, 40)))
    other = changed(bars, 7, volume=1.5)
    with pytest.raises(Conflicts) as refused:
        store.merge("file", BTC, believed(other, source="other.csv"))
    assert f"other.csv, line 9, 2022-01-01 00:07: volume 1.5 (stored {float(bars.volume[7])!r})" in str(refused.value)
    assert "--replace" in str(refused.value)
    assert same(store.load("file", BTC, "1m"), bars.between(0, 40))


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_every_column_can_be_in_conflict(store: CandleStore, name: str) -> None:
    bars = market(10)
    store.merge("file", BTC, believed(bars))
    nudged = getattr(bars, name)[4] * (1.0001 if name == "high" else 0.99999)
    with pytest.raises(Conflicts, match=f"1 bars are stored .*\n  bars, line 6, 2022-01-01 00:04: {name} "):
        store.merge("file", BTC, believed(changed(bars, 4, **{name: nudged})))


def test_twenty_conflicts_are_listed_and_the_rest_counted(store: CandleStore) -> None:
    store.merge("file", BTC, believed(market(50)))
    with pytest.raises(Conflicts) as refused:
        store.merge("file", BTC, believed(market(50, seed=2)))
    assert str(refused.value).count("(stored") >= 20
    assert str(refused.value).startswith("nothing is stored, 50 bars are stored with other values")
    assert str(refused.value).endswith("and 30 more")


def test_replace_overwrites_what_differs_and_adds_what_is_new(store: CandleStore) -> None:
    bars = market(50)
    store.merge("file", BTC, believed(bars.between(5, 40)))
    other = changed(bars, 7, volume=1.5)
    done = store.merge("file", BTC, believed(other), replace=True)
    assert (done.given, done.added, done.replaced) == (50, 15, 1)
    assert same(store.load("file", BTC, "1m"), other)
    assert fingerprint(store.load("file", BTC, "1m")) != fingerprint(bars)


def test_gaps_are_those_of_all_that_is_stored(store: CandleStore) -> None:
    store.merge("file", BTC, believed(market(10)))
    done = store.merge("file", BTC, believed(market(10, first=12)))
    assert [(gap.start, gap.end, gap.bars) for gap in done.gaps] == [(START + 10 * MINUTE, START + 12 * MINUTE, 2)]
    assert str(done.gaps[0]) == "missing 2022-01-01 00:10 to 2022-01-01 00:12 (2 bars)"
