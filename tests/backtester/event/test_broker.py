"""The paper broker of lock-step: where a bar meets an order, and what it refuses."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backtester.event.broker import Bar, Charges, LockstepBroker
from shared.broker.base import Instrument, InsufficientFunds, OrderRefused, OrderRequest
from shared.portfolio.grid import Grid
from shared.schemas.orders import OrderType, Side

BTC = "BTC/USD"
MINUTE = 60_000_000
LATER = datetime(2030, 1, 1, tzinfo=UTC)
INSTRUMENT = Instrument(BTC, Decimal("0.01"), Decimal("1e-8"), Decimal("0.0001"), Decimal("0.5"))
BAR = Bar(time=MINUTE, open=100_000, low=99_000, high=101_000, close=100_500, volume=10**9)


def broker(cash: str = "10000", **charges: int) -> LockstepBroker:
    grids = {BTC: Grid.of_quote(INSTRUMENT.tick, INSTRUMENT.lot, "USD")}
    made = LockstepBroker({BTC: INSTRUMENT}, grids, Decimal(cash), Charges(2_600_000, 100)._replace(**charges))
    made.print_open(BAR.time, {BTC: BAR.open})
    return made


def order(side: Side, quantity: str, trigger: str = "", name: str = "one") -> OrderRequest:
    kind: OrderType = "stop-loss" if trigger else "market"
    return OrderRequest(name, BTC, side, kind, Decimal(quantity), Decimal(trigger) if trigger else None)


async def test_a_market_order_meets_the_open_with_half_the_spread() -> None:
    desk = broker()
    await desk.place(order("buy", "1"), LATER)
    [fill] = desk.match({BTC: BAR})
    assert (fill.price, fill.cost, fill.fee) == (Decimal("1000.1"), Decimal("1000.1"), Decimal("2.6003"))
    assert fill.time == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert await desk.balances() == {"BTC": 1, "USD": Decimal("8997.2997")}
    assert desk.match({BTC: BAR}) == []


async def test_slippage_and_impact_are_against_the_order_and_inside_the_bar() -> None:
    desk = broker(slippage=1_000_000, impact=10_000_000)
    await desk.place(order("buy", "1"), LATER)
    [fill] = desk.match({BTC: BAR})
    assert fill.price == Decimal("1002.11")  # 0.1 % and a tenth of 1 % above 1000.10, up to the cent
    far = broker(slippage=100_000_000)
    await far.place(order("buy", "1"), LATER)
    assert [fill.price for fill in far.match({BTC: BAR})] == [Decimal("1010")]


async def test_a_stop_fills_at_its_price_or_where_the_bar_has_jumped_to() -> None:
    for opened, price, point in ((100_000, "995", 1), (99_200, "992", 0)):
        desk = broker()
        await desk.place(order("buy", "1"), LATER)
        desk.match({BTC: BAR})
        await desk.place(order("sell", "1", "995", "stop"), LATER)
        [fill] = desk.walk({BTC: replace(BAR, open=opened)}, MINUTE)
        assert fill.price == Decimal(price)
        assert fill.time.timestamp() == 60 + 15 * point
        assert (await desk.find("stop", BTC)).status == "closed"  # type: ignore[union-attr]


async def test_an_amended_stop_is_met_where_it_was_put() -> None:
    desk = broker()
    await desk.place(order("buy", "1"), LATER)
    desk.match({BTC: BAR})
    number = await desk.place(order("sell", "1", "900", "stop"), LATER)
    assert desk.walk({BTC: BAR}, MINUTE) == []
    await desk.amend(number, BTC, Decimal(1), Decimal(999))
    assert [fill.price for fill in desk.walk({BTC: BAR}, MINUTE)] == [Decimal(999)]


async def test_sells_match_before_buys() -> None:
    desk = broker()
    await desk.place(order("buy", "1", name="b"), LATER)
    desk.match({BTC: BAR})
    await desk.place(order("buy", "1", name="a"), LATER)
    await desk.place(order("sell", "1", name="z"), LATER)
    assert [fill.side for fill in desk.match({BTC: BAR})] == ["sell", "buy"]


async def test_what_is_not_there_is_not_sold_and_what_is_too_small_is_refused() -> None:
    desk = broker()
    with pytest.raises(InsufficientFunds):
        await desk.place(order("sell", "1"), LATER)
    with pytest.raises(OrderRefused, match="Order minimum"):
        await desk.place(order("buy", "0.00001"), LATER)
    with pytest.raises(OrderRefused, match="Cost minimum"):
        await desk.place(order("buy", "0.0004"), LATER)
    await desk.place(order("buy", "1"), LATER)
    desk.match({BTC: BAR})
    await desk.place(order("sell", "1", "900", "stop"), LATER)
    with pytest.raises(InsufficientFunds):
        await desk.place(order("sell", "0.5", name="more"), LATER)


async def test_a_buy_that_can_not_be_paid_is_canceled() -> None:
    desk = broker(cash="1000")
    await desk.place(order("buy", "1"), LATER)
    assert desk.match({BTC: BAR}) == []
    found = await desk.find("one", BTC)
    assert found is not None
    assert (found.status, found.reason) == ("canceled", "Insufficient funds")
    with pytest.raises(OrderRefused):
        await desk.cancel(found.venue_order_id, BTC)


async def test_a_canceled_order_is_not_met() -> None:
    desk = broker()
    number = await desk.place(order("buy", "1"), LATER)
    await desk.cancel(number, BTC)
    assert desk.match({BTC: BAR}) == []
    assert await desk.open_orders() == []
