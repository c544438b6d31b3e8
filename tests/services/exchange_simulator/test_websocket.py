"""WebSocket v2: through ccxt.pro, and raw where digits matter."""

import asyncio
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest

from tests.services.exchange_simulator.rig import START, Rig, Socket, Start


class WireNumber(float):
    """A number ccxt's checksum code can take apart: it needs arithmetic and ``split``."""

    def split(self, separator: str) -> list[str]:
        return repr(float(self)).split(separator)


async def subscribed(rig: Rig, channel: str, count: int = 1) -> None:
    async with asyncio.timeout(10):
        while (await rig.state())["subscribers"].get(channel, 0) < count:  # noqa: ASYNC110 - the venue is asked
            await asyncio.sleep(0.01)


async def executions(rig: Rig, **params: Any) -> Socket:
    """A raw socket that has read its executions snapshot."""
    token = (await rig.client().privatePostGetWebSocketsToken())["result"]["token"]
    socket = await rig.socket()
    await socket.ask("subscribe", channel="executions", token=token, **params)
    return socket


def checksum(bids: dict[str, str], asks: dict[str, str]) -> int:
    """Kraken's, from the texts on the wire."""
    levels = sorted(asks.items(), key=lambda level: Decimal(level[0]))[:10]
    levels += sorted(bids.items(), key=lambda level: -Decimal(level[0]))[:10]
    return crc32("".join(text.replace(".", "").lstrip("0") for level in levels for text in level).encode())


async def test_ccxt_watches_tickers_candles_and_trades(rig: Rig) -> None:
    client = rig.client()
    ticker = await client.watch_ticker("BTC/USD")
    assert (ticker["last"], ticker["info"]["timestamp"]) == ("100.0", "2022-01-01T00:00:00.000000Z")
    watching = [
        asyncio.create_task(client.watch_ticker("BTC/USD")),
        asyncio.create_task(client.watch_ohlcv("BTC/USD", "1m")),
        asyncio.create_task(client.watch_trades("BTC/USD")),
    ]
    await subscribed(rig, "trade")
    await rig.sim("open")
    _, candles, trades = await asyncio.gather(*watching)
    assert candles[-1][:5] == [START * 1000, "100.0", "100.0", "100.0", "100.0"]
    assert (trades[-1]["price"], trades[-1]["timestamp"]) == ("100.0", START * 1000)


async def test_ccxt_gets_past_candles_in_order(start: Start) -> None:
    rig = await start(history=3)
    client = rig.client()
    candles = await client.watch_ohlcv("BTC/USD", "1m")
    assert [candle[4] for candle in client.ohlcvs["BTC/USD"]["1m"]] == ["102.0", "108.0", "95.0"]
    assert candles[-1][0] == (START + 120) * 1000


async def test_ccxt_accepts_the_books_checksum(rig: Rig) -> None:
    client = rig.client(number=WireNumber)
    client.options["watchOrderBook"]["checksum"] = True
    book = await client.watch_order_book("BTC/USD", 25)
    assert (len(book["bids"]), book["bids"][0][0], book["asks"][0][0]) == (25, 100.0, 100.0)
    await rig.sim("open")  # at 100 again: no change to tell
    for _ in range(3):
        watching = asyncio.create_task(client.watch_order_book("BTC/USD", 25))
        await asyncio.sleep(0)
        await rig.sim("advance")
        book = await watching
    assert book["bids"][0][0] == 94.0


@pytest.mark.parametrize("depth", [10, 25, 100])
async def test_updates_keep_a_copy_of_the_book_true(start: Start, depth: int) -> None:
    rig = await start(half_spread_bps=Decimal(20))
    socket = await rig.socket()
    await socket.ask("subscribe", channel="book", symbol=["BTC/USD"], depth=depth)
    message = await socket.on("book", "snapshot")
    sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    for step in range(4):
        for side, book in sides.items():
            for level in message["data"][0][side]:
                book.pop(level["price"], None)
                if Decimal(level["qty"]):
                    book[level["price"]] = level["qty"]
        assert {len(book) for book in sides.values()} == {depth}
        assert checksum(sides["bids"], sides["asks"]) == message["data"][0]["checksum"]
        if step < 3:
            while (await rig.state())["step"] < step + 2:  # the first open changes nothing
                await rig.sim("advance")
            message = await socket.on("book")


async def test_an_orders_life_is_told_in_order_with_a_running_sequence(rig: Rig) -> None:
    socket = await executions(rig)
    await socket.on("executions", "snapshot")
    client = rig.client()
    await rig.sim("open")
    order = await client.create_order("BTC/USD", "market", "buy", "0.5", None, {"clientOrderId": "life"})
    await rig.sim("match")
    told = [await socket.on("executions") for _ in range(4)]
    assert [m["data"][0]["exec_type"] for m in told] == ["pending_new", "new", "trade", "filled"]
    assert [m["sequence"] for m in told] == [2, 3, 4, 5]
    assert {m["data"][0]["cl_ord_id"] for m in told} == {"life"}
    trade = told[2]["data"][0]
    assert (trade["order_id"], trade["trade_id"], trade["last_qty"]) == (order["id"], 1, "0.50000000")
    assert (trade["last_price"], trade["cost"], trade["fees"]) == (
        "100.0",
        "50.0000",
        [{"asset": "USD", "qty": "0.1300"}],
    )
    assert told[3]["data"][0]["order_status"] == "filled"


async def test_amendments_and_cancellations_are_told(rig: Rig) -> None:
    socket = await executions(rig, snap_orders=False)
    client = rig.client()
    order = await client.create_order("BTC/USD", "limit", "buy", "1", "90", {"userref": 9})
    await client.edit_order(order["id"], "BTC/USD", "limit", "buy", "1", "91")
    await client.cancel_order(order["id"])
    told = [(await socket.on("executions"))["data"][0] for _ in range(4)]
    assert [m["exec_type"] for m in told] == ["pending_new", "new", "amended", "canceled"]
    assert (told[2]["limit_price"], told[3]["reason"], told[3]["order_userref"]) == ("91.0", "User requested", 9)


async def test_ccxt_watches_orders_and_own_trades(rig: Rig) -> None:
    client, watcher = rig.client(), rig.client()
    watching = asyncio.create_task(watcher.watch_my_trades("BTC/USD"))
    await subscribed(rig, "executions")
    await rig.sim("open")
    placed = await client.create_order("BTC/USD", "market", "buy", "0.5")
    await rig.sim("match")
    [trade] = await watching
    assert (trade["order"], trade["amount"], trade["cost"], trade["fee"]["cost"]) == (
        placed["id"], "0.5", "50.0", "0.13",
    )  # fmt: skip
    orders = asyncio.create_task(watcher.watch_orders("BTC/USD"))
    await asyncio.sleep(0)
    await client.create_order("BTC/USD", "limit", "buy", "1", "90")
    assert (await orders)[-1]["status"] == "open"


async def test_a_snapshot_shows_open_orders_and_past_trades_apart(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    await client.create_order("BTC/USD", "market", "buy", "0.5")
    await rig.sim("match")
    stop = await client.create_order("BTC/USD", "market", "sell", "0.5", None, {"stopLossPrice": "90"})
    socket = await executions(rig, snap_orders=True, snap_trades=True)
    orders, trades = await socket.on("executions", "snapshot"), await socket.on("executions", "snapshot")
    assert [(o["order_id"], o["stop_price"]) for o in orders["data"]] == [(stop["id"], "90.0")]
    assert [t["exec_type"] for t in trades["data"]] == ["trade"]


async def test_balances_follow_every_fill(rig: Rig) -> None:
    client, watcher = rig.client(), rig.client()
    assert (await watcher.watch_balance())["USD"]["total"] == "10000.0"
    token = (await client.privatePostGetWebSocketsToken())["result"]["token"]
    socket = await rig.socket()
    await socket.ask("subscribe", channel="balances", token=token)
    await socket.on("balances", "snapshot")
    await rig.sim("open")
    await client.create_order("BTC/USD", "market", "buy", "0.5")
    await rig.sim("match")
    changes = [(await socket.on("balances"))["data"][0] for _ in range(2)]
    assert [(c["asset"], c["amount"], c["balance"]) for c in changes] == [
        ("BTC", "0.5000000000", "0.5000000000"),
        ("USD", "-50.0000", "9949.8700"),
    ]


async def test_orders_can_be_placed_amended_and_canceled_over_the_socket(rig: Rig) -> None:
    client = rig.client(number=float)
    placed = await client.create_order_ws("BTC/USD", "limit", "buy", 1, 90, {"clientOrderId": "over-ws"})
    await client.edit_order_ws(placed["id"], "BTC/USD", "limit", "buy", 2, 91)
    [order] = await client.fetch_open_orders()
    assert (order["id"], order["amount"], order["price"], order["clientOrderId"]) == (placed["id"], 2, 91, "over-ws")
    await client.cancel_order_ws(placed["id"])
    assert await client.fetch_open_orders() == []


async def test_ccxt_cancels_every_order_it_names_over_the_socket(rig: Rig) -> None:
    client = rig.client(number=float)
    placed = [await client.create_order("BTC/USD", "limit", "buy", "1", price) for price in (80, 81, 82)]
    answer = await client.cancel_orders_ws([order["id"] for order in placed[:2]])
    assert (answer["success"], answer["result"]) == (True, {"order_id": placed[0]["id"]})
    assert [order["id"] for order in await client.fetch_open_orders()] == [placed[2]["id"]]


async def cancel_over_socket(rig: Rig, **params: Any) -> Socket:
    token = (await rig.client().privatePostGetWebSocketsToken())["result"]["token"]
    socket = await rig.socket()
    await socket.ask("cancel_order", token=token, **params)
    return socket


@pytest.mark.parametrize(("name", "unknown"), [("order_id", "ONONE"), ("cl_ord_id", "none"), ("order_userref", 9)])
async def test_every_id_of_a_cancellation_is_answered(rig: Rig, name: str, unknown: str | int) -> None:
    client = rig.client()
    named: list[dict[str, Any]] = [{"userref": 1}, {"userref": 2}]
    if name == "cl_ord_id":
        named = [{"clientOrderId": "one"}, {"clientOrderId": "two"}]
    placed = [(await client.create_order("BTC/USD", "limit", "buy", "1", "80", p))["id"] for p in named]
    ids = placed if name == "order_id" else [value for params in named for value in params.values()]
    socket = await cancel_over_socket(rig, **{name: [ids[0], unknown, ids[1]]})
    answers = [await socket.next() for _ in range(3)]
    assert [(a["success"], a["req_id"], a.get("error")) for a in answers] == [
        (True, 1, None), (False, 1, "EOrder:Unknown order"), (True, 1, None),
    ]  # fmt: skip
    called = [{"cl_ord_id": i} if name == "cl_ord_id" else {} for i in ids]
    assert [answers[0]["result"], answers[2]["result"]] == [
        {"order_id": txid} | own for txid, own in zip(placed, called, strict=True)
    ]
    assert await client.fetch_open_orders() == []


async def test_each_order_that_shares_a_userref_is_answered(rig: Rig) -> None:
    client = rig.client()
    placed = [(await client.create_order("BTC/USD", "limit", "buy", "1", "80", {"userref": 5}))["id"] for _ in "ab"]
    socket = await cancel_over_socket(rig, order_userref=[5])
    assert [(await socket.next())["result"]["order_id"] for _ in placed] == placed


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "order_id"),
        ({"order_id": []}, "order_id"),
        ({"order_id": "OA"}, "order_id"),
        ({"order_id": ["OA"], "cl_ord_id": ["a"]}, "cl_ord_id"),
    ],
    ids=str,
)
async def test_a_cancellation_without_one_list_of_ids_is_refused(rig: Rig, params: dict[str, Any], field: str) -> None:
    answer = await (await cancel_over_socket(rig, **params)).next()
    assert (answer["success"], answer["error"]) == (False, f"EGeneral:Invalid arguments:{field}")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"channel": "weather"}, "Subscription name invalid"),
    ({"channel": "ticker", "symbol": "BTC/USD"}, "Pair field must be an array"),
    ({"channel": "ticker", "symbol": ["XYZ/USD"]}, "Currency pair not supported XYZ/USD"),
    ({"channel": "ohlc", "symbol": ["BTC/USD"]}, "Subscription ohlc requires interval"),
    ({"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 7}, "Subscription ohlc interval not supported"),
    ({"channel": "book", "symbol": ["BTC/USD"], "depth": 11}, "Subscription depth not supported"),
]


@pytest.mark.parametrize(("params", "error"), REFUSED, ids=lambda value: str(value)[:30])
async def test_a_wrong_subscription_says_why(rig: Rig, params: dict[str, Any], error: str) -> None:
    socket = await rig.socket()
    await socket.ask("subscribe", **params)
    answer = await socket.next()
    assert (answer["success"], answer["error"], answer["req_id"]) == (False, error, 1)


async def test_nonsense_is_answered_and_the_socket_lives_on(rig: Rig) -> None:
    socket = await rig.socket()
    for text in ("{", "[]", "7", '{"method":"dance"}', '{"method":"subscribe","params":3}', "[" * 9000):
        await socket.connection.send_str(text)
        assert "error" in await socket.next()
    await socket.ask("ping")
    assert (await socket.next())["method"] == "pong"


async def test_a_second_subscription_and_a_missing_one_are_refused(rig: Rig) -> None:
    socket = await rig.socket()
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD"], snapshot=False)
    assert (await socket.next())["success"]
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD"])
    assert (await socket.next())["error"] == "Already subscribed"
    await socket.ask("unsubscribe", channel="ticker", symbol=["BTC/USD"])
    assert (await socket.next())["method"] == "unsubscribe"
    await socket.ask("unsubscribe", channel="ticker", symbol=["BTC/USD"])
    assert (await socket.next())["error"] == "Subscription Not Found"
    assert (await rig.state())["subscribers"] == {}


async def test_subscribers_hear_a_heartbeat(rig: Rig) -> None:
    socket = await rig.socket()
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD"])
    texts = [await socket.connection.receive_str(timeout=10) for _ in range(4)]
    assert texts[-1] == '{"channel":"heartbeat"}'
