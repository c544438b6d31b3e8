"""How the paper broker fills: touch, depth, and what a closed bar saw between two tickers."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.broker.base import BrokerUnavailable, Execution, InsufficientFunds, OrderRefused, OrderRequest
from shared.broker.paper_broker import PaperBroker, PaperTerms
from shared.errors import ConfigError
from shared.ids import derived_id
from shared.schemas.market import BookUpdated, CandleClosed, Level, TickerUpdated
from shared.schemas.orders import OrderType, Side
from tests.shared.broker.desks import START, SYMBOL, Grids
from tests.shared.broker.venue import REPOSITORY

BTC = Decimal("0.01")


def terms(folder: Path, currency: str = "USD", speed: float = 0) -> PaperTerms:
    return PaperTerms(folder / "p.sqlite3", currency, Decimal(10_000), Decimal("0.0026"), Decimal("0.0016"), speed)


def ticker(second: float, bid: str, ask: str, last: str | None = None) -> TickerUpdated:
    at = START + timedelta(seconds=second)
    return TickerUpdated(
        message_id=derived_id("TickerUpdated", SYMBOL, at),
        occurred_at=at,
        symbol=SYMBOL,
        bid=Decimal(bid),
        ask=Decimal(ask),
        last=Decimal(last or bid),
    )


def book(second: float, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> BookUpdated:
    levels = [tuple(Level(price=Decimal(p), quantity=Decimal(q)) for p, q in side) for side in (bids, asks)]
    return BookUpdated(
        message_id=derived_id("BookUpdated", SYMBOL, second),
        occurred_at=START + timedelta(seconds=second),
        symbol=SYMBOL,
        bids=levels[0],
        asks=levels[1],
    )


def candle(minute: int, open_: str, low: str, high: str, close: str) -> CandleClosed:
    opened = START + timedelta(minutes=minute)
    return CandleClosed(
        message_id=derived_id("CandleClosed", SYMBOL, opened),
        occurred_at=opened + timedelta(minutes=1),
        symbol=SYMBOL,
        timeframe="1m",
        open_time=opened,
        open=Decimal(open_),
        low=Decimal(low),
        high=Decimal(high),
        close=Decimal(close),
        volume=Decimal(1),
    )


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[PaperBroker]:
    broker = PaperBroker(terms(tmp_path), Grids())
    await broker.instruments((SYMBOL,))
    broker.on_ticker(ticker(0, "39999", "40001", "40000"))
    yield broker
    await broker.close()


async def place(
    broker: PaperBroker,
    name: str,
    side: Side,
    kind: OrderType = "market",
    quantity: Decimal = BTC,
    price: str | None = None,
) -> str:
    exact = None if price is None else Decimal(price)
    trigger, limit = (exact, None) if kind == "stop-loss" else (None, exact)
    order = OrderRequest(name, SYMBOL, side, kind, quantity, trigger_price=trigger, limit_price=limit)
    return await broker.place(order, await broker.now() + timedelta(seconds=5))


async def paid(broker: PaperBroker, order_id: str) -> list[tuple[Decimal, Decimal]]:
    return [(fill.price, fill.quantity) for fill in await broker.executions_of(order_id, SYMBOL)]


async def test_without_a_price_nothing_is_sent(tmp_path: Path) -> None:
    broker = PaperBroker(terms(tmp_path), Grids())
    with pytest.raises(BrokerUnavailable, match="no price of BTC/USD yet"):
        await place(broker, "early", "buy")
    assert await broker.find("early", SYMBOL) is None
    await broker.close()


async def test_a_market_order_eats_through_the_levels_of_a_fresh_book(broker: PaperBroker) -> None:
    broker.on_book(book(0, [("39999", "1")], [("40001", "0.004"), ("40010", "0.004"), ("40020", "5")]))
    order_id = await place(broker, "deep", "buy")
    assert await paid(broker, order_id) == [
        (Decimal("40001"), Decimal("0.004")),
        (Decimal("40010"), Decimal("0.004")),
        (Decimal("40020"), Decimal("0.002")),
    ]


async def test_an_old_book_is_not_believed(broker: PaperBroker) -> None:
    broker.on_book(book(0, [("39999", "1")], [("40001", "0.004")]))
    broker.on_ticker(ticker(3, "40099", "40101"))
    assert await paid(broker, await place(broker, "now", "buy")) == [(Decimal("40101"), BTC)]


async def test_levels_are_not_eaten_twice(broker: PaperBroker) -> None:
    broker.on_book(book(0, [("39999", "1")], [("40001", "0.004")]))
    order_id = await place(broker, "slow", "buy")
    broker.on_ticker(ticker(1, "40000", "40002"))
    assert await paid(broker, order_id) == [(Decimal("40001"), Decimal("0.004"))]
    broker.on_book(book(1.5, [("40000", "1")], [("40002", "9")]))
    assert await paid(broker, order_id) == [(Decimal("40001"), Decimal("0.004")), (Decimal("40002"), Decimal("0.006"))]


async def test_older_prices_change_nothing(broker: PaperBroker) -> None:
    broker.on_ticker(ticker(-5, "100", "101"))
    broker.on_book(book(0, [("39999", "1")], [("40001", "1")]))
    broker.on_book(book(-1, [("99", "1")], [("100", "1")]))
    assert await paid(broker, await place(broker, "now", "buy")) == [(Decimal("40001"), BTC)]


async def test_an_older_price_does_not_trigger_a_stop(broker: PaperBroker) -> None:
    await place(broker, "buy", "buy")
    stop = await place(broker, "stop", "sell", "stop-loss", price="39000")
    broker.on_ticker(ticker(-5, "38000", "38001"))
    assert await paid(broker, stop) == []


async def test_a_stop_triggers_on_the_last_trade_and_sells_at_the_bid(broker: PaperBroker) -> None:
    await place(broker, "buy", "buy")
    stop = await place(broker, "stop", "sell", "stop-loss", price="39000")
    broker.on_ticker(ticker(1, "38990", "39010", "39001"))
    assert await paid(broker, stop) == []
    broker.on_ticker(ticker(2, "38985", "39005", "39000"))
    assert await paid(broker, stop) == [(Decimal("38985"), BTC)]


async def test_a_dip_between_two_tickers_is_read_from_the_bar(broker: PaperBroker) -> None:
    await place(broker, "buy", "buy")
    stop = await place(broker, "stop", "sell", "stop-loss", price="39000")
    broker.on_candle(candle(1, "40000", "38900", "40100", "40050"))
    assert await paid(broker, stop) == [(Decimal("39000"), BTC)]
    [fill] = await broker.executions_of(stop, SYMBOL)
    assert fill.time == START + timedelta(minutes=2)


async def test_a_bar_that_opens_through_the_stop_sells_at_its_open(broker: PaperBroker) -> None:
    await place(broker, "buy", "buy")
    stop = await place(broker, "stop", "sell", "stop-loss", price="39000")
    broker.on_candle(candle(1, "38500", "38400", "38600", "38500"))
    assert await paid(broker, stop) == [(Decimal("38500"), BTC)]


async def test_a_bar_that_began_before_the_stop_was_placed_or_moved_does_not_concern_it(broker: PaperBroker) -> None:
    broker.on_ticker(ticker(30, "39999", "40001"))
    await place(broker, "buy", "buy")
    stop = await place(broker, "stop", "sell", "stop-loss", price="39000")
    broker.on_candle(candle(0, "40000", "38900", "40100", "40050"))
    broker.on_ticker(ticker(90, "39999", "40001"))
    await broker.amend(stop, SYMBOL, BTC, Decimal("39500"))
    broker.on_candle(candle(1, "40000", "39400", "40100", "40050"))
    assert await paid(broker, stop) == []
    broker.on_candle(candle(2, "40000", "39400", "40100", "40050"))
    assert await paid(broker, stop) == [(Decimal("39500"), BTC)]


async def test_a_stop_already_passed_sells_at_once(broker: PaperBroker) -> None:
    await place(broker, "buy", "buy")
    assert await paid(broker, await place(broker, "stop", "sell", "stop-loss", price="40500")) == [
        (Decimal("39999"), BTC)
    ]


async def test_a_triggered_stop_goes_on_whatever_the_price_does(broker: PaperBroker) -> None:
    await place(broker, "buy", "buy")
    stop = await place(broker, "stop", "sell", "stop-loss", price="39000")
    broker.on_ticker(ticker(1, "38990", "39010", "38999"))
    assert await paid(broker, stop) == [(Decimal("38990"), BTC)]
    await place(broker, "more", "buy")
    stop = await place(broker, "next", "sell", "stop-loss", price="38000")
    broker.on_book(book(2, [("38000", "0.004")], [("39010", "1")]))
    broker.on_ticker(ticker(2, "38000", "39010", "38000"))
    broker.on_ticker(ticker(2.5, "39500", "39510", "39500"))
    assert await paid(broker, stop) == [(Decimal("38000"), Decimal("0.004"))]
    broker.on_book(book(3, [("39500", "9")], [("39510", "1")]))
    assert await paid(broker, stop) == [(Decimal("38000"), Decimal("0.004")), (Decimal("39500"), Decimal("0.006"))]


async def test_a_limit_takes_no_worse_price_than_its_own(broker: PaperBroker) -> None:
    broker.on_book(book(0, [("39999", "1")], [("40001", "0.004"), ("40010", "1")]))
    order_id = await place(broker, "fussy", "buy", "limit", price="40005")
    assert await paid(broker, order_id) == [(Decimal("40001"), Decimal("0.004"))]
    broker.on_candle(candle(1, "40500", "40005", "40600", "40500"))
    assert (await paid(broker, order_id))[1] == (Decimal("40005"), Decimal("0.006"))
    assert [fill.liquidity for fill in await broker.executions_of(order_id, SYMBOL)] == ["taker", "maker"]


async def test_money_that_a_waiting_order_no_longer_finds_cancels_the_rest(broker: PaperBroker) -> None:
    half = Decimal("0.12")
    broker.on_book(book(0, [("39999", "1")], [("40001", str(half))]))
    slow = await place(broker, "slow", "buy", quantity=half * 2)
    broker.on_ticker(ticker(5, "59999", "60001"))
    found = await broker.find("slow", SYMBOL)
    assert found is not None
    assert (found.status, found.filled, found.reason) == ("canceled", half, "insufficient funds")
    assert (await broker.balances())["USD"] > 0
    assert len(await broker.executions_of(slow, SYMBOL)) == 1


async def test_a_standby_on_the_same_file_sees_everything(tmp_path: Path, broker: PaperBroker) -> None:
    standby = PaperBroker(terms(tmp_path), Grids())
    order_id = await place(broker, "buy", "buy")
    assert await standby.balances() == await broker.balances()
    assert await paid(standby, order_id) == await paid(broker, order_id)
    standby.on_ticker(ticker(5, "39999", "40001"))
    await place(standby, "sell", "sell")
    assert (await broker.find("sell", SYMBOL)) is not None
    await standby.close()


async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """A process of its own answers to an order and kills itself in the same breath."""
    victim = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.shared.broker.test_paper_broker import Grids, PaperBroker, place, terms, ticker

async def run() -> None:
    broker = PaperBroker(terms(Path(sys.argv[1])), Grids())
    broker.on_ticker(ticker(0, "39999", "40001"))
    sys.stdout.write(await place(broker, "last", "buy"))
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(run())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", victim, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
    )
    answer, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    broker = PaperBroker(terms(tmp_path), Grids())
    assert await paid(broker, answer.decode()) == [(Decimal("40001"), BTC)]
    assert (await broker.balances())["BTC"] == BTC
    await broker.close()


async def test_grids_are_remembered_when_the_venue_is_away(tmp_path: Path, broker: PaperBroker) -> None:
    class Away:
        async def instruments(self, symbols: tuple[str, ...]) -> dict[str, object]:
            raise BrokerUnavailable("away")

        async def close(self) -> None: ...

    offline = PaperBroker(terms(tmp_path), Away())  # type: ignore[arg-type]
    assert (await offline.instruments((SYMBOL,)))[SYMBOL].tick == Decimal("0.1")
    with pytest.raises(BrokerUnavailable):
        await offline.instruments(("ETH/USD",))
    await offline.close()


async def test_an_account_of_another_currency_is_refused(tmp_path: Path, broker: PaperBroker) -> None:
    with pytest.raises(ConfigError, match="in USD, the symbols are quoted in EUR"):
        PaperBroker(terms(tmp_path, "EUR"), Grids())


async def test_the_books_of_a_deleted_file_are_not_mistaken_for_ours(tmp_path: Path, broker: PaperBroker) -> None:
    order_id = await place(broker, "buy", "buy")
    other = PaperBroker(terms(tmp_path / "anew"), Grids())
    other.on_ticker(ticker(0, "39999", "40001"))
    own = await place(other, "buy", "buy")
    assert own != order_id
    assert await other.executions_of(order_id, SYMBOL) == []
    with pytest.raises(OrderRefused):
        await other.cancel(order_id, SYMBOL)
    await other.close()


async def test_a_refusal_leaves_no_trace(broker: PaperBroker) -> None:
    with pytest.raises(InsufficientFunds):
        await place(broker, "rich", "buy", quantity=Decimal(1))
    assert await broker.find("rich", SYMBOL) is None
    assert await broker.open_orders() == []


async def test_many_listeners_hear_every_fill_in_order(broker: PaperBroker) -> None:
    async def hear(count: int) -> list[Execution]:
        heard: list[Execution] = []
        async for execution in broker.executions():
            heard.append(execution)
            if len(heard) == count:
                break
        return heard

    listeners = [asyncio.create_task(hear(6)) for _ in range(2)]
    for number in range(6):
        await place(broker, f"buy-{number}", "buy")
        await asyncio.sleep(0)
    first, second = await asyncio.wait_for(asyncio.gather(*listeners), 5)
    assert first == second
    assert [execution.client_order_id for execution in first] == [f"buy-{number}" for number in range(6)]


async def test_the_clock_stands_on_the_latest_price(broker: PaperBroker) -> None:
    assert await broker.now() == START
    broker.on_ticker(ticker(7, "39999", "40001"))
    broker.on_ticker(ticker(3, "39999", "40001"))
    assert await broker.now() == START + timedelta(seconds=7)


class Wall:
    """Both clocks of a machine: seconds since START."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@pytest.fixture
async def wall() -> Wall:
    return Wall()


@pytest.fixture
async def real(tmp_path: Path, wall: Wall) -> AsyncIterator[PaperBroker]:
    """A broker on real prices, started at START, that has heard none."""
    broker = PaperBroker(terms(tmp_path, speed=1), Grids(), wall.monotonic, wall.utc)
    yield broker
    await broker.close()


async def test_a_backlog_of_old_prices_does_not_turn_the_clock_back(real: PaperBroker, wall: Wall) -> None:
    assert await real.now() == START
    real.on_ticker(ticker(-600, "29999", "30001"))
    assert await real.now() == START
    wall.seconds = 3
    assert await real.now() == START + timedelta(seconds=3)


async def test_the_clock_of_a_playback_does_not_go_back_to_a_slower_venue(tmp_path: Path, wall: Wall) -> None:
    broker = PaperBroker(terms(tmp_path, speed=60), Grids(), wall.monotonic, wall.utc)
    broker.on_ticker(ticker(-86_400, "39999", "40001"))
    wall.seconds = 2
    ahead = await broker.now()
    assert ahead == START + timedelta(seconds=120 - 86_400)
    broker.on_ticker(ticker(60 - 86_400, "39999", "40001"))
    assert await broker.now() == ahead
    await broker.close()


async def test_a_market_order_waits_for_a_price_of_now(real: PaperBroker, wall: Wall) -> None:
    real.on_ticker(ticker(-31, "29999", "30001"))
    with pytest.raises(BrokerUnavailable, match="the last price of BTC/USD is of"):
        await place(real, "late", "buy")
    assert await real.find("late", SYMBOL) is None
    real.on_ticker(ticker(-30, "39999", "40001"))
    assert await paid(real, await place(real, "late", "buy")) == [(Decimal("40001"), BTC)]
    wall.seconds = 1
    with pytest.raises(BrokerUnavailable):
        await place(real, "feed is gone", "buy")
    real.on_book(book(1, [("39999", "1")], [("40002", "1")]))
    assert await paid(real, await place(real, "book", "buy")) == [(Decimal("40002"), BTC)]


async def test_what_is_left_of_a_market_order_waits_too(real: PaperBroker, wall: Wall) -> None:
    real.on_ticker(ticker(0, "39999", "40001"))
    real.on_book(book(0, [("39999", "1")], [("40001", "0.004")]))
    order_id = await place(real, "slow", "buy")
    wall.seconds = 60
    real.on_ticker(ticker(29, "29999", "30001"))
    assert await paid(real, order_id) == [(Decimal("40001"), Decimal("0.004"))]
    real.on_ticker(ticker(30, "40009", "40011"))
    assert (await paid(real, order_id))[1:] == [(Decimal("40011"), Decimal("0.006"))]


async def test_a_stop_is_booked_on_an_old_price_and_triggers_on_a_new_one(real: PaperBroker, wall: Wall) -> None:
    real.on_ticker(ticker(0, "39999", "40001"))
    await place(real, "buy", "buy")
    wall.seconds = 60
    stop = await place(real, "stop", "sell", "stop-loss", price="40500")
    assert await paid(real, stop) == []
    real.on_ticker(ticker(60, "40100", "40110"))
    assert await paid(real, stop) == [(Decimal("40100"), BTC)]


async def test_prices_of_before_a_stop_was_placed_do_not_trigger_it_after_a_restart(
    tmp_path: Path, real: PaperBroker, wall: Wall
) -> None:
    wall.seconds = 60
    real.on_ticker(ticker(60, "39999", "40001"))
    await place(real, "buy", "buy")
    stop = await place(real, "stop", "sell", "stop-loss", price="39000")
    restarted = PaperBroker(terms(tmp_path, speed=1), Grids(), wall.monotonic, wall.utc)
    restarted.on_ticker(ticker(59, "38000", "38010"))
    assert await paid(restarted, stop) == []
    restarted.on_ticker(ticker(60, "38500", "38510"))
    assert await paid(restarted, stop) == [(Decimal("38500"), BTC)]
    await restarted.close()
