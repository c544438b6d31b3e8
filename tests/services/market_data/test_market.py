"""Bad data is dropped, counted and said once; good data sets the quote and the clock."""

import time as wall
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from services.market_data.alerts import BAD_DATA, Alerts
from services.market_data.core.venue_time import VenueTime
from services.market_data.market import Market
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source
from shared.timeframes import MINUTE, SECOND, from_microseconds, to_microseconds
from tests.services.market_data.desk import messages

NOW = 1_640_995_200_000_000
BTC = "BTC/USD"


def ticker(seconds: float = 0, bid: object = "99.5", ask: object = "100.5", last: object = "100") -> dict[str, Any]:
    moment = from_microseconds(NOW + int(seconds * SECOND))
    return {"bid": bid, "ask": ask, "last": last, "info": {"timestamp": moment.isoformat()}}


def book(bids: list[list[object]], asks: list[list[object]], seconds: float = 0) -> dict[str, Any]:
    return {"bids": bids, "asks": asks, "timestamp": NOW // 1000 + int(seconds * 1000)}


@pytest.fixture
async def alerts(redis_url: str) -> AsyncIterator[Alerts]:
    bus = await Bus.connect(redis_url, 1)
    yield Alerts(Source(bus, "market_data"))
    await bus.close()


def live(alerts: Alerts, speed: float = 1.0) -> Market:
    """A market whose venue said that it is NOW."""
    market = Market("1m", (BTC, "ETH/USD"), False, VenueTime("1m", (BTC, "ETH/USD"), grace=2.0), alerts)
    market.synchronise(NOW, speed)
    return market


async def said(alerts: Alerts) -> list[dict[str, Any]]:
    """What was published of it."""
    await alerts.flush()
    return await messages(alerts.source._bus, "system:alerts", "system")


def dropped(code: str) -> float:
    return float(BAD_DATA.labels(BTC, code)._value.get())


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (ticker(bid="101", ask="100"), "book_crossed"),
        (ticker(bid="-1"), "price_not_positive"),
        (ticker(ask="nan"), "not_a_number"),
        (ticker(last=None), "not_a_number"),
        (ticker(seconds=3600), "from_the_future"),
    ],
)
async def test_a_bad_ticker_changes_nothing_but_the_count_and_is_said_once(
    alerts: Alerts, bad: dict[str, Any], code: str
) -> None:
    market, before = live(alerts), dropped(code)
    market.on_ticker(BTC, bad)
    market.on_ticker(BTC, bad)
    assert (market.quotes, market.take(), market.time.latest) == ({}, [], NOW)
    assert dropped(code) == before + 2
    (alert,) = await said(alerts)
    assert (alert["code"], alert["severity"]) == (code, "warning")
    assert BTC in alert["text"]


async def test_the_next_good_ticker_is_taken(alerts: Alerts) -> None:
    market = live(alerts)
    market.on_ticker(BTC, ticker(bid="-1"))
    market.on_ticker(BTC, ticker())
    assert market.quotes == {BTC: (Decimal("99.5"), Decimal("100.5"))}
    assert len(market.take()) == 1


async def test_a_candle_from_the_future_moves_no_clock(alerts: Alerts) -> None:
    market = live(alerts)
    market.on_bar(BTC, NOW + 10 * MINUTE)
    assert market.time.latest == NOW
    assert market.whole_from == {}
    assert [alert["code"] for alert in await said(alerts)] == ["from_the_future"]
    market.on_bar(BTC, NOW)
    assert market.whole_from == {BTC: NOW}


@pytest.mark.parametrize(
    ("bids", "asks"),
    [([["100", "1"]], [["100", "1"]]), ([["100", "-1"]], [["101", "1"]]), ([["nan", "1"]], [["101", "1"]])],
)
async def test_a_bad_book_is_dropped(alerts: Alerts, bids: list[list[object]], asks: list[list[object]]) -> None:
    market = live(alerts)
    market.on_book(BTC, book(bids, asks))
    assert market.take() == []
    assert len(await said(alerts)) == 1


async def test_a_book_is_published_once_a_second_with_ten_levels(alerts: Alerts) -> None:
    market = live(alerts)
    bids: list[list[object]] = [[str(100 - i), "1"] for i in range(12)]
    asks: list[list[object]] = [[str(101 + i), "1"] for i in range(12)]
    for tenth in range(0, 21, 5):
        market.on_book(BTC, book(bids, asks, seconds=tenth / 10))
        taken = market.take()
        assert len(taken) == (1 if tenth in (0, 10, 20) else 0)
    assert len(taken[0].message.bids) == 10  # type: ignore[attr-defined]


async def test_tickers_are_published_at_most_four_times_a_second_of_venue_time(alerts: Alerts) -> None:
    market = live(alerts)
    published = []
    for tenth in range(10):
        market.on_ticker(BTC, ticker(seconds=tenth / 10))
        published += market.take()
    times = [to_microseconds(item.message.occurred_at) - NOW for item in published]
    assert times == [0, 300_000, 600_000, 900_000]


async def test_in_lockstep_only_tickers_of_an_open_are_published(alerts: Alerts) -> None:
    market = Market("1m", (BTC,), True, VenueTime("1m", (BTC,), grace=None), alerts)
    for seconds in (0, 59.999, 60):
        market.on_ticker(BTC, ticker(seconds=seconds))
    assert [item.cursor - NOW for item in market.take()] == [MINUTE]


async def test_in_lockstep_candles_move_no_clock(alerts: Alerts) -> None:
    market = Market("1m", (BTC,), True, VenueTime("1m", (BTC,), grace=None), alerts)
    market.on_bar(BTC, NOW)
    assert market.time.horizon(wall.monotonic()) == 0


async def test_a_ticker_without_a_time_counts_from_our_estimate(alerts: Alerts) -> None:
    market = live(alerts)
    market.on_ticker(BTC, {**ticker(), "info": {}})
    assert NOW <= market.time.latest < NOW + MINUTE
