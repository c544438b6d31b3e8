"""What every broker promises, held against the paper broker and against ccxt on the simulated venue."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.broker.base import DeadlineElapsed, InsufficientFunds, OrderRefused, OrderRequest
from shared.schemas.orders import OrderType, Side
from tests.shared.broker.desks import SYMBOL, Desk, PaperDesk, VenueDesk

TAKER = Decimal("0.0026")
BTC = Decimal("0.01")
ASK, BID = Decimal("40004.0"), Decimal("39996.0")


@pytest.fixture(params=["paper", "venue"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    desk: Desk = PaperDesk(tmp_path) if request.param == "paper" else VenueDesk(tmp_path)
    await desk.broker.instruments((SYMBOL,))
    await desk.price("40000")
    yield desk
    await desk.end()


async def place(
    desk: Desk,
    name: str,
    side: Side,
    kind: OrderType = "market",
    quantity: Decimal = BTC,
    trigger: str | None = None,
    limit: str | None = None,
) -> str:
    order = OrderRequest(
        name,
        SYMBOL,
        side,
        kind,
        quantity,
        trigger_price=None if trigger is None else Decimal(trigger),
        limit_price=None if limit is None else Decimal(limit),
    )
    return await desk.broker.place(order, await desk.broker.now() + timedelta(seconds=5))


async def status(desk: Desk, name: str) -> str | None:
    found = await desk.broker.find(name, SYMBOL)
    return None if found is None else found.status


async def test_the_grid_of_a_pair_is_known(desk: Desk) -> None:
    grid = (await desk.broker.instruments((SYMBOL,)))[SYMBOL]
    assert (grid.tick, grid.lot) == (Decimal("0.1"), Decimal("1e-8"))
    assert (grid.min_quantity, grid.min_cost) == (Decimal("0.00005"), Decimal("0.5"))


async def test_a_market_buy_fills_at_the_ask_and_is_booked_to_the_last_unit(desk: Desk) -> None:
    order_id = await place(desk, "buy", "buy", quantity=Decimal("0.01234567"))
    [fill] = await desk.broker.executions_of(order_id, SYMBOL)
    assert (fill.side, fill.quantity, fill.price) == ("buy", Decimal("0.01234567"), ASK)
    assert (fill.cost, fill.fee) == (Decimal("493.8762"), Decimal("1.2841"))
    assert (fill.client_order_id, fill.venue_order_id, fill.liquidity) == ("buy", order_id, "taker")
    assert await desk.broker.balances() == {
        "USD": 10_000 - Decimal("493.8762") - Decimal("1.2841"),
        "BTC": Decimal("0.01234567"),
    }


async def test_what_is_bought_can_be_sold_and_the_books_add_up(desk: Desk) -> None:
    bought = await desk.broker.executions_of(await place(desk, "buy", "buy"), SYMBOL)
    sold = await desk.broker.executions_of(await place(desk, "sell", "sell"), SYMBOL)
    assert sold[0].price == BID
    cash = 10_000 - bought[0].cost - bought[0].fee + sold[0].cost - sold[0].fee
    balances = await desk.broker.balances()
    assert balances["USD"] == cash
    assert balances.get("BTC", Decimal(0)) == 0


async def test_an_order_is_found_by_our_id_open_and_closed(desk: Desk) -> None:
    assert await desk.broker.find("stop", SYMBOL) is None
    await place(desk, "buy", "buy")
    order_id = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    found = await desk.broker.find("stop", SYMBOL)
    assert found is not None
    assert (found.venue_order_id, found.status, found.side) == (order_id, "open", "sell")
    assert (found.order_type, found.quantity, found.trigger_price) == ("stop-loss", BTC, Decimal(38000))
    assert found.filled == 0
    assert await status(desk, "buy") == "closed"
    assert [order.client_order_id for order in await desk.broker.open_orders()] == ["stop"]


async def test_an_amended_stop_keeps_its_id(desk: Desk) -> None:
    await place(desk, "buy", "buy")
    order_id = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    await desk.broker.amend(order_id, SYMBOL, BTC / 2, Decimal("39000"))
    found = await desk.broker.find("stop", SYMBOL)
    assert found is not None
    assert (found.venue_order_id, found.status) == (order_id, "open")
    assert (found.quantity, found.trigger_price) == (BTC / 2, Decimal(39000))


async def test_a_stop_cannot_be_amended_beyond_what_is_held(desk: Desk) -> None:
    await place(desk, "buy", "buy")
    order_id = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    with pytest.raises(InsufficientFunds):
        await desk.broker.amend(order_id, SYMBOL, BTC * 2, Decimal("39000"))
    with pytest.raises(OrderRefused):
        await desk.broker.amend("O-NO-SUCH", SYMBOL, BTC, Decimal("39000"))


async def test_a_canceled_order_is_canceled_once(desk: Desk) -> None:
    await place(desk, "buy", "buy")
    order_id = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    await desk.broker.cancel(order_id, SYMBOL)
    assert await status(desk, "stop") == "canceled"
    assert await desk.broker.open_orders() == []
    with pytest.raises(OrderRefused):
        await desk.broker.cancel(order_id, SYMBOL)


async def test_a_resting_stop_holds_the_base(desk: Desk) -> None:
    await place(desk, "buy", "buy")
    order_id = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    with pytest.raises(InsufficientFunds):
        await place(desk, "exit", "sell")
    assert await status(desk, "exit") is None
    await desk.broker.cancel(order_id, SYMBOL)
    await place(desk, "exit", "sell")
    assert await status(desk, "exit") == "closed"


async def test_what_cannot_be_paid_is_refused_and_not_booked(desk: Desk) -> None:
    with pytest.raises(InsufficientFunds):
        await place(desk, "rich", "buy", quantity=Decimal("0.25"))
    with pytest.raises(InsufficientFunds):
        await place(desk, "short", "sell")
    assert await desk.broker.balances() == {"USD": Decimal(10_000)}
    assert await status(desk, "rich") is None


async def test_a_limit_buy_holds_its_cost_and_fee(desk: Desk) -> None:
    order_id = await place(desk, "patient", "buy", "limit", quantity=Decimal("0.2"), limit="39000")
    with pytest.raises(InsufficientFunds):
        await place(desk, "second", "buy", quantity=Decimal("0.06"))
    assert (await desk.broker.balances())["USD"] == 10_000
    await desk.price("38990")
    [fill] = await desk.broker.executions_of(order_id, SYMBOL)
    assert fill.liquidity == "maker"
    assert fill.price <= 39_000


@pytest.mark.parametrize(("quantity", "trigger"), [("0.00004", "38000"), ("0.01", "38000.05"), ("0.00006", "5000")])
async def test_minimums_and_ticks_are_enforced(desk: Desk, quantity: str, trigger: str) -> None:
    await place(desk, "buy", "buy")
    with pytest.raises(OrderRefused):
        await place(desk, "stop", "sell", "stop-loss", quantity=Decimal(quantity), trigger=trigger)
    assert await desk.broker.open_orders() == []


async def test_an_order_that_comes_after_its_deadline_is_not_booked_and_may_be_sent_again(desk: Desk) -> None:
    late = await desk.broker.now() - timedelta(seconds=5)
    with pytest.raises(DeadlineElapsed, match=r"(?i)deadline elapsed"):
        await desk.broker.place(OrderRequest("late", SYMBOL, "buy", "market", BTC), late)
    assert await status(desk, "late") is None
    await place(desk, "late", "buy")
    assert await status(desk, "late") == "closed"


async def test_an_open_client_id_is_not_taken_twice_a_closed_one_is_free(desk: Desk) -> None:
    first = await place(desk, "same", "buy", quantity=BTC * 2)
    second = await place(desk, "same", "sell", "stop-loss", trigger="38000")
    assert first != second
    with pytest.raises(OrderRefused) as refusal:
        await place(desk, "same", "sell", "stop-loss", trigger="37000")
    assert not isinstance(refusal.value, InsufficientFunds)
    for _ in ("open", "closed"):
        found = await desk.broker.find("same", SYMBOL)
        assert found is not None
        assert found.venue_order_id == second, "the latest"
        if found.status == "open":
            await desk.broker.cancel(second, SYMBOL)


async def test_a_stop_sells_when_the_price_falls_through_it(desk: Desk) -> None:
    await place(desk, "buy", "buy")
    order_id = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    await desk.price("38000.1")
    assert await desk.broker.executions_of(order_id, SYMBOL) == []
    await desk.price("37990")
    [fill] = await desk.broker.executions_of(order_id, SYMBOL)
    assert fill.price == Decimal("37986.2"), "the bid"
    assert (fill.quantity, fill.liquidity) == (BTC, "taker")
    assert await status(desk, "stop") == "closed"


async def test_fills_are_heard_as_they_happen(desk: Desk) -> None:
    first = await place(desk, "before", "buy")
    listening = desk.broker.executions()
    heard = [await asyncio.wait_for(anext(listening), 10)]
    second = await place(desk, "after", "sell")
    heard.append(await asyncio.wait_for(anext(listening), 10))
    expected = [*await desk.broker.executions_of(first, SYMBOL), *await desk.broker.executions_of(second, SYMBOL)]
    assert heard == expected, "the same numbers as asked for afterwards"


async def test_a_half_filled_order_stays_open_until_the_rest_comes(desk: Desk) -> None:
    await desk.offer_half(BTC)
    order_id = await place(desk, "slow", "buy")
    found = await desk.broker.find("slow", SYMBOL)
    assert found is not None
    assert (found.status, found.filled) == ("open", BTC / 2)
    await desk.price("40100")
    parts = await desk.broker.executions_of(order_id, SYMBOL)
    assert [part.quantity for part in parts] == [BTC / 2, BTC / 2]
    assert len({part.execution_id for part in parts}) == 2
    assert await status(desk, "slow") == "closed"
    cash = 10_000 - sum(part.cost + part.fee for part in parts)
    assert await desk.broker.balances() == {"USD": cash, "BTC": BTC}


async def test_after_a_crash_everything_is_still_there(desk: Desk) -> None:
    bought = await place(desk, "buy", "buy")
    stop = await place(desk, "stop", "sell", "stop-loss", trigger="38000")
    before = (await desk.broker.balances(), await desk.broker.executions_of(bought, SYMBOL))
    await desk.restart()
    assert (await desk.broker.balances(), await desk.broker.executions_of(bought, SYMBOL)) == before
    assert [order.venue_order_id for order in await desk.broker.open_orders()] == [stop]
    await desk.price("37990")
    assert len(await desk.broker.executions_of(stop, SYMBOL)) == 1


async def test_an_unknown_order_has_no_fills(desk: Desk) -> None:
    assert await desk.broker.executions_of("OAAAAA-BBBBB-CCCCCC", SYMBOL) == []


async def test_the_clock_does_not_go_back(desk: Desk) -> None:
    times = [await desk.broker.now() for _ in range(3)]
    assert times == sorted(times)
