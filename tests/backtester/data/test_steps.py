"""The steps of a pair stay beside its candles, and no import changes them in silence."""

from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest

from backtester.data import parquet
from backtester.data.steps import UNKNOWN, Steps, steps_of
from backtester.data.store import CandleStore
from shared.errors import ConfigError
from shared.strategies.market import PRICES, Market
from tests.backtester.data.candles import BTC, believed, changed, market, same

TENTH = steps_of(tick="0.1", lot="0.001")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


def bars(count: int, first: int = 0) -> Market:
    whole = market(count + first)
    rounded = Market(whole.open_time, *(getattr(whole, name).round(1) for name in PRICES), whole.volume)
    return rounded.between(first, first + count)


def test_steps_are_kept_and_added_to(store: CandleStore) -> None:
    assert store.steps("file", BTC, "1m") is None
    store.merge("file", BTC, believed(bars(5)))
    assert store.steps("file", BTC, "1m") is None
    store.merge("file", BTC, believed(bars(5)), steps=TENTH)
    store.merge("file", BTC, believed(bars(5, first=5)), steps=Steps(min_cost=Decimal("0.5")))
    store.merge("file", BTC, believed(bars(5, first=10)))
    assert store.steps("file", BTC, "1m") == Steps(tick=Decimal("0.1"), lot=Decimal("0.001"), min_cost=Decimal("0.5"))
    assert store.listing()[0].steps.tick == Decimal("0.1")
    assert same(store.load("file", BTC, "1m"), bars(15))
    assert store.steps("file", "ETH/USD", "1m") is None


def test_files_of_older_versions_are_read_and_newer_ones_by_them(store: CandleStore) -> None:
    path = store.path("file", BTC, "1m")
    path.parent.mkdir(parents=True)
    parquet.write(path, bars(5))
    assert not pyarrow.parquet.read_schema(path).metadata
    assert store.steps("file", BTC, "1m") is None
    parquet.write(path, bars(5), TENTH)
    assert pyarrow.parquet.read_schema(path).equals(parquet.SCHEMA)
    assert pyarrow.parquet.read_schema(path).metadata[b"parley.steps"] == TENTH.model_dump_json().encode()


def test_other_steps_are_refused_by_name_and_nothing_is_stored(store: CandleStore) -> None:
    store.merge("file", BTC, believed(bars(5)), steps=TENTH)
    with pytest.raises(
        ConfigError, match=r"1m\.parquet: lot 0\.01 \(stored 0\.001\); nothing is stored, give --replace"
    ):
        store.merge("file", BTC, believed(bars(9)), steps=steps_of(tick="0.10", lot="0.01"))
    assert (len(store.load("file", BTC, "1m")), store.steps("file", BTC, "1m")) == (5, TENTH)
    store.merge("file", BTC, believed(bars(9)), steps=steps_of(lot="0.01"), replace=True)
    assert store.steps("file", BTC, "1m") == steps_of(tick="0.1", lot="0.01")


@pytest.mark.parametrize("count", [5, 9], ids=["nothing new", "new bars"])
def test_a_tick_that_stored_bars_do_not_fit_is_refused(store: CandleStore, count: int) -> None:
    store.merge("file", BTC, believed(changed(bars(5), 2, low=90.05)))
    new = believed(changed(bars(count), 2, low=90.05))
    with pytest.raises(ConfigError, match=r"--tick 0\.1: low of the stored bar 2022-01-01 00:02 lies between two"):
        store.merge("file", BTC, new, steps=TENTH)
    assert (len(store.load("file", BTC, "1m")), store.steps("file", BTC, "1m")) == (5, None)


def test_steps_that_cannot_be_read_are_said(store: CandleStore) -> None:
    store.merge("file", BTC, believed(bars(5)))
    path = store.path("file", BTC, "1m")
    table = pyarrow.parquet.read_table(path).replace_schema_metadata({b"parley.steps": b'{"tick": "-1"}'})
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(ConfigError, match=r"1m\.parquet holds steps of another version; import or download it again"):
        store.steps("file", BTC, "1m")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"tick": "0"}, "--tick 0: give a number"),
        ({"tick": "1", "lot": "abc"}, "--lot abc: give a number"),
        ({"min_cost": "-1"}, "--min-cost -1: give a number"),
        ({"min_quantity": "nan"}, "--min-quantity nan: give a number"),
    ],
)
def test_options_that_are_no_steps_are_named(texts: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        steps_of(**texts)


def test_steps_in_words() -> None:
    newer = steps_of(tick="1e-8", min_quantity="2", lot="1")
    assert list(newer.against(steps_of(tick="0.1", min_quantity="2.5", min_cost="1"))) == [
        "tick 0.00000001 (stored 0.1)",
        "min-quantity 2 (stored 2.5)",
    ]
    assert list(newer.against(UNKNOWN)) == []
    assert (bool(UNKNOWN), bool(steps_of(min_cost="0"))) == (False, True)
