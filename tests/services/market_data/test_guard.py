"""A feed that goes silent is said once, given a new connection, and said again when it is back."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.market_data.alerts import Alerts
from services.market_data.core.venue_time import VenueTime
from services.market_data.guard import STALE_AFTER, Guard
from services.market_data.market import Market
from services.market_data.sockets import Socket, Sockets
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source
from tests.services.market_data.desk import messages

BTC = "BTC/USD"


class Client:
    """A connection of ccxt's, as far as giving it up goes."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def on_error(self, error: Exception) -> None:
        self.errors.append(error)


class Exchange:
    """A ccxt exchange with one connection."""

    def __init__(self) -> None:
        self.clients = {"wss://venue": Client()}


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    bus = await Bus.connect(redis_url, 1)
    yield bus
    await bus.close()


def guard_of(bus: Bus, exchange: Exchange) -> Guard:
    source = Source(bus, "market_data")
    alerts = Alerts(source)
    market = Market("1m", (BTC,), False, VenueTime("1m", (BTC,), grace=2), alerts)
    sockets = Sockets(exchange, market, "1m", books=False)
    unused: Any = None
    return Guard(market, sockets, unused, unused, unused, source, alerts, speed=1)


async def said(guard: Guard, bus: Bus) -> list[str]:
    await guard.alerts.flush()
    return [alert["code"] for alert in await messages(bus, "system:alerts", "system")]


async def test_silence_is_said_once_and_so_is_its_end(bus: Bus) -> None:
    exchange = Exchange()
    guard = guard_of(bus, exchange)
    socket = Socket(last=time.monotonic() - STALE_AFTER - 1)
    guard.sockets.health[BTC] = {"ticker": socket, "candles": Socket()}
    await guard.look_for_silence()
    await guard.look_for_silence()
    assert guard.stale == {BTC}
    assert await said(guard, bus) == ["feed_stale"]
    assert len(exchange.clients["wss://venue"].errors) == 1
    socket.heard()
    await guard.look_for_silence()
    await guard.look_for_silence()
    assert guard.stale == set()
    assert await said(guard, bus) == ["feed_stale", "feed_recovered"]


async def test_one_channel_that_is_heard_is_enough(bus: Bus) -> None:
    guard = guard_of(bus, Exchange())
    silent, heard = Socket(last=time.monotonic() - STALE_AFTER - 1), Socket()
    heard.heard()
    guard.sockets.health[BTC] = {"ticker": silent, "book": heard}
    await guard.look_for_silence()
    assert guard.stale == set()
