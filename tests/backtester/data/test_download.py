"""Downloads from the exchange simulator, with ccxt's own client and the real store."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from backtester.data.download import Downloaded, Wanted, download
from backtester.data.steps import steps_of
from backtester.data.store import CandleStore
from backtester.data.venue import CandleVenue, open_venue
from shared.errors import ConfigError
from shared.ids import canonical
from shared.strategies.market import Market
from shared.timeframes import MINUTE
from tests.backtester.data.candles import BTC, START, believed, changed, market, same, write_csv
from tests.shared.broker.venue import Venue

PAGE = 100
SLOW = ("--speed", "0.01")
"""A venue whose clock stands still, but for a bar in a hundred minutes."""


def bars() -> Market:
    """1,500 minutes of which some are missing; a file of the simulator's has ten decimals."""
    whole = market(1500)
    columns = [getattr(whole, name).round(4) for name in ("open", "high", "low", "close", "volume")]
    rounded = Market(whole.open_time, *columns)
    kept = [index for index in range(1500) if not 1100 <= index < 1103]
    return Market(*(getattr(rounded, name)[kept] for name in ("open_time", "open", "high", "low", "close", "volume")))


class Clocks:
    """The simulator on the same bars, started anew at different times."""

    def __init__(self, folder: Path) -> None:
        self.file = write_csv(folder / "bars.csv", bars())
        self._folder = folder
        self.running: list[Venue] = []

    def at(self, bar: int) -> Venue:
        """With so many bars closed."""
        state = self._folder / f"venue-{bar}.db"
        market_arguments = ("--data", f"{BTC}={self.file}", "--history", str(bar), *SLOW)
        self.running.append(Venue(state, *market_arguments))
        return self.running[-1]


@pytest.fixture
def clocks(tmp_path: Path) -> Iterator[Clocks]:
    made = Clocks(tmp_path)
    yield made
    for venue in made.running:
        venue.kill()


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "desk")


async def fetched(store: CandleStore, url: str, wanted: Wanted, seen: list[int] | None = None) -> Downloaded:
    async with open_venue("kraken", url, rate_limit=False) as venue:
        venue.page_size = PAGE
        await venue.require([wanted.symbol], wanted.timeframe)
        with store.writing("kraken", wanted.symbol, wanted.timeframe) as series:
            return await download(venue, series, wanted, (seen if seen is not None else []).append)


def stored(store: CandleStore) -> Market:
    return store.load("kraken", BTC, "1m")


ALL = Wanted(BTC, "1m", START + 800 * MINUTE)


async def test_pages_of_closed_bars_are_stored_and_gaps_said(clocks: Clocks, store: CandleStore) -> None:
    seen: list[int] = []
    done = await fetched(store, clocks.at(1200).url, ALL, seen)
    assert same(stored(store), bars().between(800, 1200))
    assert (done.bars, done.added, done.replaced, done.late) == (400, 400, 0, None)
    assert [gap.bars for gap in done.gaps] == [3]
    assert "400 bars came, 400 new, 0 replaced, 1 gaps\n  missing 2022-01-01 18:20 to 2022-01-01 18:23" in str(done)
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert seen[-1] == START + 1202 * MINUTE


async def test_a_second_download_goes_on_after_the_last_stored_bar(clocks: Clocks, store: CandleStore) -> None:
    await fetched(store, clocks.at(900).url, ALL)
    done = await fetched(store, clocks.at(1200).url, ALL)
    assert (done.bars, done.added) == (300, 300)
    assert same(stored(store), bars().between(800, 1200))
    again = await fetched(store, clocks.running[-1].url, ALL)
    assert (again.bars, again.added) == (0, 0)


async def test_what_lies_before_the_stored_bars_is_fetched_too(clocks: Clocks, store: CandleStore) -> None:
    url = clocks.at(1200).url
    await fetched(store, url, replace(ALL, since=START + 1000 * MINUTE, until=START + 1050 * MINUTE))
    assert same(stored(store), bars().between(1000, 1050))
    done = await fetched(store, url, ALL)
    assert done.bars == 350
    assert same(stored(store), bars().between(800, 1200))


async def test_bars_before_until_between_two_opens(clocks: Clocks, store: CandleStore) -> None:
    wanted = replace(ALL, since=START + 800 * MINUTE + 1, until=START + 810 * MINUTE + 1)
    await fetched(store, clocks.at(1200).url, wanted)
    assert same(stored(store), bars().between(801, 811))


async def test_a_venue_that_keeps_only_later_bars_is_said_so(clocks: Clocks, store: CandleStore) -> None:
    done = await fetched(store, clocks.at(1450).url, Wanted(BTC, "1m", START))
    first = int(stored(store).open_time[0])
    assert first > START + 700 * MINUTE
    assert done.late == (START, first)
    assert "kraken gave nothing before 2022-01-01 12:" in str(done)
    assert "though asked from 2022-01-01 00:00 on: its API keeps only the last 720 bars of a timeframe." in str(done)
    assert "`parley data import`" in str(done)


async def test_bars_that_are_known_are_only_asked_for_again_to_replace_them(clocks: Clocks, store: CandleStore) -> None:
    url = clocks.at(1200).url
    store.merge("kraken", BTC, believed(changed(bars().between(800, 900), 7, volume=123.0)))
    await fetched(store, url, ALL)
    assert stored(store).volume[7] == 123.0
    done = await fetched(store, url, replace(ALL, replace=True))
    assert (done.bars, done.added, done.replaced) == (400, 0, 1)
    assert same(stored(store), bars().between(800, 1200))


async def test_longer_bars_are_the_venues_own(clocks: Clocks, store: CandleStore) -> None:
    done = await fetched(store, clocks.at(1200).url, Wanted(BTC, "1h", START + 600 * MINUTE))
    hours = store.load("kraken", BTC, "1h")
    assert hours.open_time.tolist() == [START + hour * 60 * MINUTE for hour in range(10, 20)]
    assert hours.high.tolist() == [bars().high[hour * 60 : hour * 60 + 60].max() for hour in range(10, 18)] + [
        bars().high[1080:1137].max(),
        bars().high[1137:1197].max(),
    ]
    assert done.gaps == ()


async def test_an_unknown_pair_timeframe_or_venue_is_refused(clocks: Clocks) -> None:
    url = clocks.at(1200).url
    async with open_venue("kraken", url) as venue:
        with pytest.raises(ConfigError, match="--symbols: XYZ/USD, ABC/USD not traded at kraken"):
            await venue.require(["XYZ/USD", BTC, "ABC/USD"], "1m")
    with pytest.raises(ConfigError, match="--venue krakken: ccxt knows no such venue"):
        async with open_venue("krakken"):
            pass


async def test_a_venue_that_is_away_for_a_while_is_asked_again(clocks: Clocks, store: CandleStore) -> None:
    venue = clocks.at(1200)
    venue.kill()
    back = threading.Timer(1.0, venue.start)
    back.start()
    try:
        assert (await fetched(store, venue.url, ALL)).added == 400
    finally:
        back.join()


async def test_what_came_before_an_interruption_is_stored(clocks: Clocks, store: CandleStore) -> None:
    url, pages = clocks.at(1200).url, 0

    def interrupt(_: int) -> None:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise asyncio.CancelledError

    async with open_venue("kraken", url, rate_limit=False) as venue:
        venue.page_size = PAGE
        await venue.require([BTC], "1m")
        with pytest.raises(asyncio.CancelledError), store.writing("kraken", BTC, "1m") as series:
            await download(venue, series, ALL, interrupt)
    assert same(stored(store), bars().between(800, 1100))
    done = await fetched(store, url, ALL)
    assert done.added == 100
    assert same(stored(store), bars().between(800, 1200))


async def test_the_venues_steps_come_with_the_bars_and_a_change_is_said(clocks: Clocks, store: CandleStore) -> None:
    url = clocks.at(900).url
    with urlopen(f"{url}/0/public/AssetPairs?pair=XBTUSD") as reply:  # noqa: ASYNC210
        (told,) = json.load(reply)["result"].values()
    says = steps_of(
        tick=told["tick_size"],
        lot=f"1e-{told['lot_decimals']}",
        min_quantity=told["ordermin"],
        min_cost=told["costmin"],
    )
    assert "has changed" not in str(await fetched(store, url, ALL))
    assert store.steps("kraken", BTC, "1m") == says
    other = says.model_copy(update={"tick": Decimal("0.00005"), "min_cost": None})
    store.merge("kraken", BTC, believed(bars().between(800, 801)), steps=other, replace=True)
    done = await fetched(store, url, ALL)
    assert f"kraken has changed tick {canonical(says.tick)} (stored 0.00005)" in str(done)
    assert (done.bars, store.steps("kraken", BTC, "1m")) == (0, says)


@pytest.mark.parametrize(
    ("mode", "given", "said"),
    [(4, "0.05", "0.05"), (4, None, None), (4, "0", None), (2, "8", "1e-8"), (2, "-1", "10"), (3, "5", None)],
)
def test_precision_in_every_form_that_ccxt_has(mode: int, given: str | None, said: str | None) -> None:
    listed = {"precision": {"price": given, "amount": given}, "limits": {"amount": {"min": "0.1"}, "cost": None}}
    exchange = SimpleNamespace(precisionMode=mode, markets={BTC: listed})
    assert CandleVenue(exchange).steps(BTC) == steps_of(tick=said, lot=said, min_quantity="0.1")
