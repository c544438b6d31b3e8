"""What a run plays is settled before anything starts, seen from the user's folder."""

from contextlib import closing
from pathlib import Path

import pytest

from cli.demo import with_data
from cli.desk import Desk, desk_named
from cli.plan import Plan, require_same_market, seeded_symbols
from services.exchange_simulator.market_seeded import seeded_fingerprint
from services.exchange_simulator.store import Store
from shared.config import load_settings
from shared.errors import ConfigError

CANDLES = "time,open,high,low,close,volume\n1640995200,100,101,99,100,1\n1640995260,100,101,99,100,1\n"


def plan(folder: Path, *symbols: str, seed: int = 1) -> Plan:
    return Plan(Desk("demo", folder), "5m", 60.0, symbols=symbols, seed=seed)


@pytest.mark.parametrize("argument", ["BTC/USD=candles.csv", "candles.csv", "btc/usd=./candles.csv"])
def test_a_relative_file_is_found_from_the_venues_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    (tmp_path / "candles.csv").write_text(CANDLES)
    monkeypatch.chdir(tmp_path)
    found = with_data(plan(tmp_path), [argument], None)
    assert found.data == (f"BTC/USD={tmp_path / 'candles.csv'}",)
    assert f"BTC/USD={tmp_path / 'candles.csv'}" in found.venue_command(1)


def test_a_relative_data_dir_lies_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert desk_named("demo", load_settings(data_dir="desks")).root == tmp_path / "desks" / "demo"
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert desk_named("demo").root == tmp_path / ".parley" / "demo"


@pytest.mark.parametrize("name", ["..", "../other", "/tmp", "a/b", ".", ""])
def test_a_desks_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="one folder's"):
        desk_named(name, load_settings(data_dir=tmp_path))


def test_symbols_are_read_as_people_type_them() -> None:
    assert seeded_symbols(" btc/usd, ETH/USD,BTC/USD,") == ("BTC/USD", "ETH/USD")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FOO", "FOO is no pair"),
        ("BTC/USD,A/B/C", "A/B/C is no pair"),
        ("BTC/USD,ETH/EUR", "mixes the quotes EUR, USD"),
        ("USD/USD", "no pair"),
        (",", "give --symbols"),
    ],
)
def test_symbols_that_cannot_be_played_are_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        seeded_symbols(text)


def test_another_market_on_the_same_desk_is_refused_with_the_ways_out(tmp_path: Path) -> None:
    require_same_market(plan(tmp_path, "BTC/USD"))  # a first start
    with closing(Store(tmp_path / "venue.db")) as store:
        store.save_books({}, (), (), {"market": seeded_fingerprint(["ETH/USD", "BTC/USD"], 1)})
    require_same_market(plan(tmp_path, "ETH/USD", "BTC/USD"))
    for other in (plan(tmp_path, "BTC/USD"), plan(tmp_path, "ETH/USD", "BTC/USD", seed=2)):
        with pytest.raises(ConfigError, match="--symbols BTC/USD,ETH/USD --seed 1") as refused:
            require_same_market(other)
        assert all(way in str(refused.value) for way in ("--fresh", "--desk NAME", "parley reset --desk demo"))
        assert "--state" not in str(refused.value)
