"""Private REST through the real ccxt client: orders, account, refusals."""

from decimal import Decimal
from typing import Any

import pytest
from ccxt.base import errors

from services.exchange_simulator.wire import rfc3339
from tests.services.exchange_simulator.rig import START, Rig, Start

NOW = START * 1_000_000


@pytest.fixture
async def client(rig: Rig) -> Any:
    """A client of a venue that has printed its first open, 100, and is frozen."""
    await rig.sim("open")
    return rig.client()


async def buy_limit(client: Any, price: str = "90", quantity: str = "1", **params: Any) -> Any:
    return await client.create_order("BTC/USD", "limit", "buy", quantity, price, params)


async def bought(rig: Rig, client: Any, quantity: str = "1") -> None:
    await client.create_order("BTC/USD", "market", "buy", quantity)
    await rig.sim("match")


async def test_a_new_account_holds_its_opening_balance(client: Any) -> None:
    balance = await client.fetch_balance()
    assert (balance["USD"]["total"], balance["USD"]["used"]) == ("10000.0000", "0.0000")
    assert (await client.privatePostBalance())["result"] == {"ZUSD": "10000.0000"}


async def test_an_open_limit_buy_reserves_its_cost_and_fee(client: Any) -> None:
    await buy_limit(client, "90", "100")
    assert (await client.fetch_balance())["USD"]["used"] == "9023.4000"
    with pytest.raises(errors.InsufficientFunds):
        await buy_limit(client, "90", "11")


async def test_a_resting_stop_reserves_the_base(rig: Rig, client: Any) -> None:
    await bought(rig, client)
    stop = await client.create_order("BTC/USD", "market", "sell", "1", None, {"stopLossPrice": "90"})
    with pytest.raises(errors.InsufficientFunds):
        await client.create_order("BTC/USD", "market", "sell", "0.1")
    assert (await client.fetch_balance())["BTC"]["free"] in ("0", "0E-10", "0.0")
    await client.cancel_order(stop["id"])
    await client.create_order("BTC/USD", "market", "sell", "1")


async def test_a_queued_sale_reserves_the_base_too(rig: Rig, client: Any) -> None:
    await bought(rig, client)
    await rig.sim("walk")
    await rig.sim("open")
    await client.create_order("BTC/USD", "market", "sell", "0.7")
    with pytest.raises(errors.InsufficientFunds):
        await client.create_order("BTC/USD", "market", "sell", "0.4")


async def test_orders_are_found_by_every_reference(client: Any) -> None:
    named = await buy_limit(client, clientOrderId="desk-1")
    numbered = await buy_limit(client, userref=77)
    by_name = await client.fetch_open_orders("BTC/USD", params={"clientOrderId": "desk-1"})
    assert [o["id"] for o in by_name] == [named["id"]]
    by_number = await client.fetch_open_orders(params={"userref": 77})
    assert [o["id"] for o in by_number] == [numbered["id"]]
    queried = await client.privatePostQueryOrders({"cl_ord_id": "desk-1"})
    assert list(queried["result"]) == [named["id"]]
    await client.cancel_all_orders()
    closed = await client.fetch_closed_orders(params={"clientOrderId": "desk-1"})
    assert [(o["id"], o["status"], o["clientOrderId"]) for o in closed] == [(named["id"], "canceled", "desk-1")]
    with pytest.raises(errors.OrderNotFound):
        await client.fetch_order("OAAAAA-AAAAA-AAAAAA")


async def test_a_client_order_id_is_unique_among_open_orders_only(client: Any) -> None:
    first = await buy_limit(client, clientOrderId="once")
    with pytest.raises(errors.InvalidOrder, match="cl_ord_id"):
        await buy_limit(client, clientOrderId="once")
    await client.cancel_order(first["id"])
    again = await buy_limit(client, clientOrderId="once")
    assert again["id"] != first["id"]


async def test_a_fill_shows_in_order_and_history_to_the_last_unit(rig: Rig, client: Any) -> None:
    placed = await client.create_order("BTC/USD", "market", "buy", "0.12345678", None, {"clientOrderId": "exact"})
    await rig.sim("match")
    order = await client.fetch_order(placed["id"])
    assert (order["status"], order["filled"], order["average"]) == ("closed", "0.12345678", "100.0")
    assert (order["info"]["cost"], order["info"]["fee"], order["clientOrderId"]) == ("12.3457", "0.0321", "exact")
    [trade] = await client.fetch_my_trades("BTC/USD")
    assert (trade["order"], trade["amount"], trade["cost"]) == (placed["id"], "0.12345678", "12.3457")
    assert (trade["fee"]["cost"], trade["info"]["trade_id"], trade["takerOrMaker"]) == ("0.0321", "1", "taker")
    assert [t["id"] for t in await client.fetch_order_trades(placed["id"], params={"trades": order["trades"]})] == [
        trade["id"]
    ]


async def test_amend_moves_the_trigger_and_keeps_the_id(rig: Rig, client: Any) -> None:
    await bought(rig, client)
    stop = await client.create_order("BTC/USD", "market", "sell", "0.5", None, {"stopLossPrice": "90"})
    edited = await client.edit_order(stop["id"], "BTC/USD", "market", "sell", None, None, {"stopLossPrice": "95.5"})
    assert edited["id"].startswith("T")
    assert (await client.fetch_order(stop["id"]))["stopLossPrice"] == "95.5"
    await client.edit_order(stop["id"], "BTC/USD", "market", "sell", "1")
    assert (await client.fetch_balance())["BTC"]["used"] == "1.0000000000"
    with pytest.raises(errors.InsufficientFunds):
        await client.edit_order(stop["id"], "BTC/USD", "market", "sell", "1.1")
    assert (await client.fetch_order(stop["id"]))["amount"] == "1.00000000"


async def test_amend_finds_its_order_by_client_order_id(client: Any) -> None:
    order = await buy_limit(client, clientOrderId="mine")
    await client.privatePostAmendOrder({"cl_ord_id": "mine", "limit_price": "91.5"})
    assert (await client.fetch_order(order["id"]))["price"] == "91.5"


async def test_edit_replaces_the_order(client: Any) -> None:
    order = await buy_limit(client)
    answer = await client.privatePostEditOrder({"txid": order["id"], "pair": "XBTUSD", "price": "80"})
    assert answer["result"]["originaltxid"] == order["id"]
    [replaced] = await client.fetch_open_orders()
    assert (replaced["id"], replaced["price"]) == (answer["result"]["txid"], "80.0")


async def test_orders_are_canceled_by_txid_client_id_or_userref(client: Any) -> None:
    await buy_limit(client, clientOrderId="by-name")
    await buy_limit(client, userref=5)
    await client.cancel_order("", params={"clientOrderId": "by-name"})
    await client.cancel_order("", params={"userref": 5})
    assert await client.fetch_open_orders() == []
    with pytest.raises(errors.OrderNotFound):
        await client.cancel_order("OAAAAA-AAAAA-AAAAAA")


async def test_validate_checks_and_books_nothing(client: Any) -> None:
    answer = await client.privatePostAddOrder(
        {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "1", "price": "90", "validate": "true"}
    )
    assert answer["result"] == {"descr": {"order": "buy 1.00000000 XBTUSD @ limit 90.0"}}
    assert await client.fetch_open_orders() == []
    with pytest.raises(errors.InsufficientFunds):
        await buy_limit(client, "90", "1000", validate="true")


async def test_a_deadline_that_has_passed_refuses_the_order(rig: Rig, client: Any) -> None:
    await buy_limit(client, deadline=rfc3339(NOW + 5_000_000))
    with pytest.raises(errors.ExchangeError, match="EService:Deadline elapsed"):
        await buy_limit(client, deadline=rfc3339(NOW - 1))
    with pytest.raises(errors.ExchangeError, match="EGeneral:Invalid arguments:deadline"):
        await buy_limit(client, deadline=rfc3339(NOW + 61_000_000))
    assert len(await client.fetch_open_orders()) == 1


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"pair": "XYZUSD"}, "EQuery:Unknown asset pair"),
    ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
    ({"volume": "0.004"}, "EOrder:Cost minimum not met"),
    ({"price": "90.05"}, "EOrder:Tick size check failed"),
    ({"price": "-1"}, "EGeneral:Invalid arguments:price"),
    ({"price": "NaN"}, "EGeneral:Invalid arguments:price"),
    ({"volume": "1e400"}, "EGeneral:Invalid arguments:volume"),
    ({"volume": "one"}, "EGeneral:Invalid arguments:volume"),
    ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
    ({"ordertype": "settle-position"}, "EGeneral:Invalid arguments:ordertype"),
    ({"leverage": "2:1"}, "EGeneral:Invalid arguments:leverage"),
    ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
    ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:timeinforce"),
    ({"deadline": "tomorrow"}, "EGeneral:Invalid arguments:deadline"),
    ({"cl_ord_id": "longer than eighteen characters"}, "EGeneral:Invalid arguments:cl_ord_id"),
    ({"cl_ord_id": "a", "userref": "1"}, "EGeneral:Invalid arguments:cl_ord_id"),
    ({"userref": str(2**31)}, "EGeneral:Invalid arguments:userref"),
    ({"volume": "1000"}, "EOrder:Insufficient funds"),
]


@pytest.mark.parametrize(("change", "code"), REFUSALS, ids=lambda value: str(value)[:40])
async def test_a_refused_order_says_why_in_krakens_words(client: Any, change: dict[str, Any], code: str) -> None:
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "90"}
    with pytest.raises(errors.BaseError, match=code):
        await client.privatePostAddOrder(order | change)
    assert await client.fetch_open_orders() == []


async def test_a_uuid_is_a_client_order_id(client: Any) -> None:
    order = await buy_limit(client, clientOrderId="6d1b345e-2821-40e2-ad83-4ecb18a06876")
    assert (await client.fetch_order(order["id"]))["clientOrderId"] == "6d1b345e-2821-40e2-ad83-4ecb18a06876"


async def test_history_comes_in_pages_of_fifty_newest_first(start: Start) -> None:
    rig = await start(fast_keys=True, balance=Decimal(1_000_000))
    await rig.sim("open")
    client = rig.client()
    for number in range(53):
        await client.create_order("BTC/USD", "market", "buy", "0.01", None, {"clientOrderId": f"n{number:02d}"})
    await rig.sim("match")
    first = (await client.privatePostTradesHistory())["result"]
    assert (first["count"], len(first["trades"])) == ("53", 50)
    rest = (await client.privatePostTradesHistory({"ofs": 50}))["result"]["trades"]
    assert [t["trade_id"] for t in rest.values()] == ["3", "2", "1"]
    closed = (await client.privatePostClosedOrders({"ofs": 50}))["result"]["closed"]
    assert [o["cl_ord_id"] for o in closed.values()] == ["n02", "n01", "n00"]


async def test_trade_balance_counts_positions_at_the_bid(rig: Rig, client: Any) -> None:
    await bought(rig, client, "10")
    balance = (await client.privatePostTradeBalance())["result"]
    assert (balance["eb"], balance["tb"]) == ("9997.4000", "8997.4000")


async def test_fees_are_the_venues_settings(client: Any) -> None:
    fee = await client.fetch_trading_fee("BTC/USD")
    assert (Decimal(fee["taker"]), Decimal(fee["maker"])) == (Decimal("0.0026"), Decimal("0.0016"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "EGeneral:Invalid arguments:order_qty"),
        ({"trigger_price": "80"}, "EGeneral:Invalid arguments:trigger_price"),
        ({"limit_price": "80.01"}, "EOrder:Tick size check failed"),
        ({"order_qty": "1000"}, "EOrder:Insufficient funds"),
        ({"order_qty": "2", "deadline": rfc3339(NOW - 1)}, "EService:Deadline elapsed"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_refused_amendment_leaves_the_order_as_it_was(client: Any, change: dict[str, str], code: str) -> None:
    order = await buy_limit(client)
    with pytest.raises(errors.BaseError, match=code):
        await client.privatePostAmendOrder({"txid": order["id"]} | change)
    left = await client.fetch_order(order["id"])
    assert (left["status"], left["amount"], left["price"]) == ("open", "1.00000000", "90.0")


async def test_an_edit_that_cannot_be_paid_still_cancels_the_old_order(client: Any) -> None:
    order = await buy_limit(client)
    with pytest.raises(errors.InsufficientFunds):
        await client.privatePostEditOrder({"txid": order["id"], "pair": "XBTUSD", "volume": "1000"})
    assert (await client.fetch_order(order["id"]))["status"] == "canceled"
    assert (await client.fetch_balance())["USD"]["used"] == "0.0000"


async def half_bought(rig: Rig, client: Any) -> str:
    """A market order for 1 BTC of which 0.5 is executed and the rest waits."""
    order = await client.create_order("BTC/USD", "market", "buy", "1")
    await rig.sim("faults", kind="partial_fill", symbol="BTC/USD")
    await rig.sim("match")
    return str(order["id"])


@pytest.mark.parametrize(("change", "left"), [({}, "0.50000000"), ({"volume": "0.8"}, "0.30000000")], ids=str)
async def test_an_edit_of_a_partly_filled_order_leaves_the_remainder(
    rig: Rig, client: Any, change: dict[str, str], left: str
) -> None:
    txid = await half_bought(rig, client)
    answer = (await client.privatePostEditOrder({"txid": txid, "pair": "XBTUSD"} | change))["result"]
    assert answer["volume"] == left
    [replaced] = await client.fetch_open_orders()
    assert (replaced["id"], replaced["amount"], replaced["filled"]) == (answer["txid"], left, "0.00000000")
    old = await client.fetch_order(txid)
    assert (old["status"], old["filled"]) == ("canceled", "0.50000000")


@pytest.mark.parametrize("volume", ["0.4", "0.5"])
async def test_an_edit_to_no_more_than_what_is_executed_is_refused(rig: Rig, client: Any, volume: str) -> None:
    txid = await half_bought(rig, client)
    for validate in ("true", "false"):
        with pytest.raises(errors.InvalidOrder, match="EGeneral:Invalid arguments:volume"):
            await client.privatePostEditOrder({"txid": txid, "pair": "XBTUSD", "volume": volume, "validate": validate})
    assert [o["id"] for o in await client.fetch_open_orders()] == [txid]


async def test_an_amended_quantity_is_the_whole_and_one_already_executed_cancels_the_rest(
    rig: Rig, client: Any
) -> None:
    txid = await half_bought(rig, client)
    await client.privatePostAmendOrder({"txid": txid, "order_qty": "0.8"})
    order = await client.fetch_order(txid)
    assert (order["amount"], order["filled"], order["remaining"]) == ("0.80000000", "0.50000000", "0.3")
    await client.privatePostAmendOrder({"txid": txid, "order_qty": "0.4"})
    order = await client.fetch_order(txid)
    assert (order["status"], order["filled"]) == ("canceled", "0.50000000")
