"""Which broker a desk gets, and what it never gets."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.broker.ccxt_broker import CcxtBroker
from shared.broker.factory import make_broker, venue_access
from shared.broker.kraken_client import VenueAccess, kraken_client
from shared.broker.paper_broker import PaperBroker
from shared.config import Settings
from shared.errors import ConfigError

SIMULATOR = "http://127.0.0.1:9"
KEYS = {"kraken_api_key": "key", "kraken_private_key": "c2VjcmV0"}


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **changes)


async def test_paper_is_our_own_broker_with_the_starting_balance(tmp_path: Path) -> None:
    broker = make_broker(settings(tmp_path, trading_mode="paper", initial_balance=Decimal(777)))
    assert isinstance(broker, PaperBroker)
    assert await broker.balances() == {"USD": Decimal(777)}
    await broker.close()


async def test_demo_is_ccxt_on_the_simulator_and_books(tmp_path: Path) -> None:
    desk = settings(tmp_path, trading_mode="demo", venue_url=SIMULATOR, **KEYS)
    broker = make_broker(desk)
    assert isinstance(broker, CcxtBroker)
    assert not venue_access(desk).validate_only
    await broker.close()


def test_live_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="execution safety work has not landed"):
        make_broker(settings(tmp_path, trading_mode="live", **KEYS))


@pytest.mark.parametrize(
    "url", ["", "https://api.kraken.com", "http://127.0.0.1.example.com", "http://localhost@example.com"]
)
def test_a_real_venue_only_ever_validates(tmp_path: Path, url: str) -> None:
    assert venue_access(settings(tmp_path, venue_url=url, order_validate_only=True)).validate_only
    assert venue_access(settings(tmp_path, venue_url=url, order_validate_only=False)).validate_only
    with pytest.raises(ConfigError, match="VENUE_URL"):
        make_broker(settings(tmp_path, trading_mode="demo", venue_url=url, order_validate_only=False, **KEYS))


def test_demo_without_keys_says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KRAKEN_API_KEY"):
        make_broker(settings(tmp_path, trading_mode="demo", venue_url=SIMULATOR))


async def test_every_request_goes_to_the_given_url(tmp_path: Path) -> None:
    access: VenueAccess = venue_access(settings(tmp_path, venue_url=SIMULATOR + "/"))
    client = kraken_client(access)
    api = client.urls["api"]
    assert {api["public"], api["private"]} == {SIMULATOR}
    assert set(api["ws"].values()) == {"ws://127.0.0.1:9/v2"}
    await client.close()


async def test_the_real_venue_is_left_as_ccxt_knows_it(tmp_path: Path) -> None:
    client = kraken_client(venue_access(settings(tmp_path)))
    assert client.urls["api"]["private"] == "https://api.kraken.com"
    await client.close()


async def test_nonces_rise_however_fast_they_are_asked_for(tmp_path: Path) -> None:
    client = kraken_client(venue_access(settings(tmp_path)))
    nonces = [client.nonce() for _ in range(1000)]
    assert nonces == sorted(set(nonces))
    await client.close()
