"""Only what a socket has shown whole, or the venue has confirmed, closes as a candle."""

import time as wall
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from ccxt.base.errors import NetworkError

from services.market_data.adapters.venue import RestVenue
from services.market_data.alerts import BAD_DATA, Alerts
from services.market_data.closer import Closer
from services.market_data.core.bars import Bar
from services.market_data.core.instants import Progress
from services.market_data.core.venue_time import VenueTime
from services.market_data.market import Market
from services.market_data.sockets import Sockets
from shared.errors import Retryable
from shared.redis_streams.source import Newer
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


def bar(minute: int, volume: int = 1) -> Bar:
    return Bar(NOW + minute * MINUTE, *map(Decimal, (10, 12, 9, 11, volume)))


class Venue:
    """Has these bars, and remembers what it was asked."""

    def __init__(self, *bars: Bar) -> None:
        self.bars = bars
        self.asked: list[tuple[int, int]] = []

    async def candles(self, symbol: str, timeframe: str, since: int, until: int) -> list[Bar]:
        self.asked.append(((since - NOW) // MINUTE, (until - NOW) // MINUTE))
        return [bar for bar in self.bars if since <= bar.open_time < until]


class Connection:
    """A connection of ccxt's, as far as giving it up goes."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def on_error(self, error: Exception) -> None:
        self.errors.append(error)


def watching(venue: Venue, lockstep: bool = False) -> tuple[Closer, Connection]:
    """Its socket has shown the bar of minute 0 and no other; since then only tickers came."""
    closer, connection = closer_with(GOOD), Connection()
    closer.sockets.exchange.clients = {"wss://venue": connection}
    closer.venue = venue  # type: ignore[assignment]
    closer.market.lockstep = lockstep
    closer.market.on_bar(BTC, NOW)
    return closer, connection


async def end(closer: Closer, minute: int, *, ticker: bool = True) -> dict[str, Bar]:
    """What closes at that minute, with or without a ticker of then."""
    time = NOW + minute * MINUTE
    heard = BTC if ticker else "ETH/USD"
    closer.market.time._seen.setdefault(heard, 0)
    closer.market.time.saw(heard, time, wall.monotonic())
    await closer._fill_gaps(time - MINUTE, time)
    return closer._closed_at(time)


def codes(closer: Closer) -> list[str]:
    return [waiting[1] for waiting in closer.alerts._waiting]


async def test_bars_that_a_deaf_candle_socket_never_showed_are_asked_for_before_their_instant_ends() -> None:
    venue = Venue(*map(bar, range(6)))
    closer, connection = watching(venue)
    assert [(await end(closer, minute))[BTC].open_time for minute in (1, 2)] == [bar(0).open_time, bar(1).open_time]
    assert closer.deaf == set(), "its update may still be on its way"
    assert (await end(closer, 3))[BTC] == bar(2)
    assert venue.asked == [(1, 2), (2, 3)]
    assert codes(closer) == ["candles_stale"]
    assert closer.deaf == {BTC}
    assert [type(error) for error in connection.errors] == [NetworkError]
    assert (await end(closer, 4))[BTC] == bar(3)
    assert len(connection.errors) == 1
    closer.market.on_bar(BTC, NOW + 4 * MINUTE)
    await end(closer, 5)
    assert closer.deaf == set()
    assert codes(closer) == ["candles_stale", "candles_recovered"]


async def test_quotes_without_trades_are_no_deaf_socket() -> None:
    closer, connection = watching(Venue(bar(0), bar(2, volume=0)))
    for minute in (1, 2, 3, 4):
        await end(closer, minute)
    assert (closer.deaf, codes(closer), connection.errors) == (set(), [], [])


async def test_a_symbol_without_tickers_is_quiet_and_not_asked_for() -> None:
    venue = Venue(*map(bar, range(4)))
    closer, _ = watching(venue)
    await end(closer, 1)
    closer.market.time._seen[BTC] = NOW
    await end(closer, 2, ticker=False)
    await end(closer, 3, ticker=False)
    assert venue.asked == []


async def test_in_lockstep_a_symbol_without_bars_is_not_asked_for() -> None:
    venue = Venue(*map(bar, range(4)))
    closer, _ = watching(venue, lockstep=True)
    for minute in (1, 2, 3):
        await end(closer, minute)
    assert venue.asked == []


async def test_one_bad_row_of_the_venue_costs_only_itself() -> None:
    rows: Sequence[list[object]] = [[(NOW + i * MINUTE) // 1000, "10", "12", "9", "11", "1"] for i in range(3)]
    rows[1][3] = "-9"

    async def fetch_ohlcv(*_: object) -> Sequence[list[object]]:
        return rows

    alerts = Alerts(UNUSED)
    venue = RestVenue(SimpleNamespace(id="fake", fetch_ohlcv=fetch_ohlcv), alerts.dropped)
    before = BAD_DATA.labels(BTC, "price_not_positive")._value.get()
    assert await venue.candles(BTC, "1m", NOW, NOW + 3 * MINUTE) == [bar(0), bar(2)]
    assert BAD_DATA.labels(BTC, "price_not_positive")._value.get() == before + 1
    assert [waiting[1] for waiting in alerts._waiting] == ["price_not_positive"]


class Redis:
    """What a source's Redis remembers: the newest BarsClosed."""

    def __init__(self) -> None:
        self.newest = 0

    async def cursor(self, cursor_key: str, key: str) -> int:
        return self.newest

    async def publish_newer_many(self, items: Sequence[Newer]) -> list[bool]:
        ended = [item.cursor for item in items if item.cursor_key.startswith("BarsClosed")]
        self.newest = max([self.newest, *ended])
        return [True] * len(items)


class Shelf:
    """Takes every bar."""

    async def save(self, rows: Sequence[object]) -> list[object]:
        return []


def recovering_from_a_hole(redis: Redis) -> Closer:
    """Bars of minutes 0 and 5; nothing was traded between them, and the venue's clock jumps."""
    closer = closer_with(GOOD)
    closer.venue, closer.store, closer.source = Venue(bar(0), bar(5)), Shelf(), redis  # type: ignore[assignment]
    return closer


async def end_up_to(closer: Closer, minute: int) -> None:
    closer.market.time._seen.setdefault(BTC, 0)
    closer.market.time.saw(BTC, NOW + minute * MINUTE, wall.monotonic())
    await closer.turn()


async def test_minutes_without_a_trade_are_no_loss_of_memory() -> None:
    redis = Redis()
    closer = recovering_from_a_hole(redis)
    await end_up_to(closer, 1)
    await end_up_to(closer, 6)
    assert redis.newest == NOW + 6 * MINUTE


async def test_a_redis_that_has_forgotten_instants_is_told_them_again() -> None:
    redis = Redis()
    closer = recovering_from_a_hole(redis)
    await end_up_to(closer, 1)
    redis.newest -= MINUTE
    with pytest.raises(Retryable, match="lost its last instants"):
        await end_up_to(closer, 6)
