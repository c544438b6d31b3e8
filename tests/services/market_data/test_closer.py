"""Only what a socket has shown whole, or the venue has confirmed, closes as a candle."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.market_data.alerts import BAD_DATA, Alerts
from services.market_data.closer import Closer
from services.market_data.core.instants import Progress
from services.market_data.core.venue_time import VenueTime
from services.market_data.market import Market
from services.market_data.sockets import Sockets
from shared.timeframes import MINUTE

NOW = 1_640_995_200_000_000
BTC = "BTC/USD"
UNUSED: Any = None


def closer_with(row: list[object]) -> Closer:
    """One whose socket's cache holds this row of BTC/USD, and no proof that it is whole."""
    alerts = Alerts(UNUSED)
    market = Market("1m", (BTC,), False, VenueTime("1m", (BTC,), grace=2), alerts)
    exchange = SimpleNamespace(ohlcvs={BTC: {"1m": SimpleNamespace(hashmap={row[0]: row})}})
    sockets = Sockets(exchange, market, "1m", books=False)
    closer = Closer(market, sockets, UNUSED, UNUSED, UNUSED, alerts, "5m", speed=1)
    closer.progress = Progress("1m", NOW, {BTC: NOW}, {})
    return closer


GOOD = [NOW // 1000, "10", "12", "9", "11", "1"]


@pytest.mark.parametrize(("whole_from", "closes"), [(None, False), (NOW + MINUTE, False), (NOW, True)])
def test_a_bar_that_a_socket_began_to_show_halfway_does_not_close(whole_from: int | None, closes: bool) -> None:
    closer = closer_with(GOOD)
    if whole_from is not None:
        closer.market.whole_from[BTC] = whole_from
    assert (BTC in closer._closed_at(NOW + MINUTE)) == closes


def test_a_bad_bar_is_dropped_and_counted() -> None:
    closer = closer_with([NOW // 1000, "10", "12", "-9", "11", "1"])
    closer.market.whole_from[BTC] = NOW
    before = BAD_DATA.labels(BTC, "price_not_positive")._value.get()
    assert closer._closed_at(NOW + MINUTE) == {}
    assert BAD_DATA.labels(BTC, "price_not_positive")._value.get() == before + 1
