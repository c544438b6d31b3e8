"""Lock-step: what fills, when and at what price."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.services.exchange_simulator.rig import BARS, Rig, Start, write_candles


async def market(client: Any, side: str, quantity: str = "1", name: str = "m", symbol: str = "BTC/USD") -> Any:
    return await client.create_order(symbol, "market", side, quantity, None, {"clientOrderId": name})


async def stop(client: Any, price: str, quantity: str = "1", name: str = "s") -> Any:
    return await client.create_order(
        "BTC/USD", "market", "sell", quantity, None, {"stopLossPrice": price, "clientOrderId": name}
    )


async def holding(rig: Rig) -> Any:
    """A client that bought 1 BTC at the first open (100)."""
    client = rig.client()
    await rig.sim("open")
    await market(client, "buy", name="entry")
    await rig.sim("match")
    return client


async def test_a_queued_market_order_fills_at_the_frozen_open(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    await market(client, "buy")
    state = await rig.state()
    assert (state["queued"], state["event"], state["phase"]) == (1, 0, "opened")
    matched = await rig.sim("match")
    [fill] = matched["executions"]
    assert (fill["price"], fill["cost"], fill["fee"], fill["event"]) == ("100.0", "100.0000", "0.2600", 1)
    assert fill["time"] == "2022-01-01T00:00:00.000000Z"
    books = await rig.books()
    assert (books["cash"], books["positions"]) == ({"USD": "9899.7400"}, {"BTC/USD": "1.00000000"})


async def test_the_half_spread_never_leaves_the_range_of_the_bar(start: Start, tmp_path: Path) -> None:
    data = write_candles(tmp_path / "d.csv", [(100, 100, 100, 100, 1), (200, 210, 190, 200, 1)])
    rig = await start(data=[f"BTC/USD={data}"], half_spread_bps=Decimal(100))
    client = rig.client()
    await rig.sim("open")
    await market(client, "buy", name="flat")
    assert (await rig.sim("match"))["executions"][0]["price"] == "100.0"
    await rig.sim("walk")
    await rig.sim("open")
    await market(client, "buy", name="wide")
    await market(client, "sell", name="wide sell", quantity="0.5")
    fills = (await rig.sim("match"))["executions"]
    assert [(f["side"], f["price"]) for f in fills] == [("sell", "198.0"), ("buy", "202.0")]


async def test_a_stop_within_the_bar_fills_at_its_own_price(rig: Rig) -> None:
    client = await holding(rig)
    await stop(client, "97")
    walked = await rig.sim("walk")
    [fill] = walked["executions"]
    assert (fill["price"], fill["time"], fill["liquidity"]) == ("97.0", "2022-01-01T00:00:15.000000Z", "taker")
    assert (walked["phase"], walked["clock"]) == ("walked", "2022-01-01T00:00:59.999000Z")
    assert (await rig.books())["positions"] == {}


async def test_a_stop_that_the_low_does_not_reach_goes_on_resting(rig: Rig) -> None:
    client = await holding(rig)
    await stop(client, "95.9")
    assert (await rig.sim("walk"))["executions"] == []
    assert (await rig.books())["open_orders"] == 1


async def test_a_gap_through_the_stop_fills_at_the_open(rig: Rig) -> None:
    client = await holding(rig)
    await stop(client, "95")
    for _ in range(2):
        await rig.sim("walk")
        await rig.sim("open")
    [fill] = (await rig.sim("walk"))["executions"]  # 107 109 90 95
    assert fill["price"] == "95.0"
    await rig.sim("open")
    await market(client, "buy", name="again")
    await rig.sim("match")
    await stop(client, "97", name="gap")  # above the open of 94
    [fill] = (await rig.sim("walk"))["executions"]
    assert (fill["price"], fill["time"]) == ("94.0", "2022-01-01T00:03:00.000000Z")


async def test_a_limit_fills_as_maker_at_the_better_of_its_price_and_the_open(rig: Rig) -> None:
    client = await holding(rig)
    await client.create_order("BTC/USD", "limit", "sell", "0.4", "103.5", {"clientOrderId": "high"})
    await client.create_order("BTC/USD", "limit", "sell", "0.6", "99", {"clientOrderId": "below open"})
    await client.create_order("BTC/USD", "limit", "buy", "0.2", "96", {"clientOrderId": "low"})
    fills = (await rig.sim("walk"))["executions"]
    assert [(f["cl_ord_id"], f["price"], f["liquidity"], f["fee"]) for f in fills] == [
        ("below open", "100.0", "maker", "0.0960"),
        ("low", "96.0", "maker", "0.0307"),
        ("high", "103.5", "maker", "0.0662"),
    ]


async def test_orders_of_an_instant_match_by_rank_not_by_arrival(rig: Rig) -> None:
    client = await holding(rig)
    await rig.sim("walk")
    await rig.sim("open")
    await market(client, "buy", "0.1", name="b")
    await market(client, "buy", "0.1", name="a")
    await market(client, "sell", "0.1", name="z")
    fills = (await rig.sim("match"))["executions"]
    assert [f["cl_ord_id"] for f in fills] == ["z", "a", "b"]
    assert [f["event"] for f in fills] == [2, 3, 4]


async def test_cash_that_is_short_at_the_match_cancels_the_order_with_its_reason(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    first = await market(client, "buy", "60", name="a")
    second = await market(client, "buy", "60", name="b")
    await rig.sim("match")
    assert (await client.fetch_order(first["id"]))["status"] == "closed"
    refused = await client.fetch_order(second["id"])
    assert (refused["status"], refused["info"]["reason"]) == ("canceled", "Insufficient funds")


async def test_a_sale_pays_for_a_purchase_of_the_same_instant(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    await market(client, "buy", "90", name="all")
    await rig.sim("match")
    await rig.sim("walk")
    await rig.sim("open")
    await market(client, "buy", "80", name="a buy")
    await market(client, "sell", "90", name="z sell")
    assert [f["side"] for f in (await rig.sim("match"))["executions"]] == ["sell", "buy"]


async def test_calls_in_the_wrong_phase_say_what_was_expected(rig: Rig) -> None:
    status, answer = await rig.sim_status("walk")
    assert (status, answer["error"]) == (409, "walk needs the phase opened or matched; it is start")
    await rig.sim("open")
    assert (await rig.sim_status("open"))[0] == 409
    await rig.sim("match")
    assert (await rig.sim_status("match"))[0] == 409
    assert (await rig.sim_status("pause"))[0] == 409


async def test_open_tells_which_bars_it_ended(rig: Rig) -> None:
    assert (await rig.sim("open"))["closed"] == []
    await rig.sim("walk")
    opened = await rig.sim("open")
    assert opened["closed"] == [{"symbol": "BTC/USD", "open_time": "2022-01-01T00:00:00.000000Z"}]
    assert (opened["printed"], opened["step"], opened["candles_played"]) == (["BTC/USD"], 2, 1)


async def test_advance_plays_to_the_end_and_stays_there(rig: Rig) -> None:
    answers = [await rig.sim("advance") for _ in range(len(BARS) + 3)]
    assert [a["phase"] for a in answers] == ["opened"] * 4 + ["done"] * 3
    assert answers[4]["done"]
    assert (answers[4]["clock"], answers[4]["candles_played"]) == ("2022-01-01T00:04:00.000000Z", 4)
    assert answers[4]["closed"][0]["open_time"] == "2022-01-01T00:03:00.000000Z"


async def test_advance_stops_where_something_happened(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("advance")
    await market(client, "buy")
    matched = await rig.sim("advance")
    assert (matched["phase"], len(matched["executions"])) == ("matched", 1)
    await stop(client, "97")
    walked = await rig.sim("advance")
    assert (walked["phase"], len(walked["executions"])) == ("walked", 1)
    assert (await rig.sim("advance"))["phase"] == "opened"


@pytest.fixture
async def pair_rig(start: Start, tmp_path: Path) -> Rig:
    """BTC/USD with all bars, ETH/USD without its second."""
    btc = write_candles(tmp_path / "btc.csv")
    eth = write_candles(tmp_path / "eth.csv", [(10, 11, 9, 10.5, 5)] * 4, skip=[1])
    return await start(data=[f"BTC/USD={btc}", f"ETH/USD={eth}"])


async def test_a_symbol_without_a_bar_prints_nothing_and_trades_at_its_last_price(pair_rig: Rig) -> None:
    client = pair_rig.client()
    await pair_rig.sim("open")
    await pair_rig.sim("walk")
    opened = await pair_rig.sim("open")
    assert opened["printed"] == ["BTC/USD"]
    await market(client, "buy", symbol="ETH/USD")
    assert (await pair_rig.sim("match"))["executions"][0]["price"] == "10.50"
    candles = await client.fetch_ohlcv("ETH/USD", "1m")
    assert len(candles) == 1


async def test_candles_come_before_the_tickers_of_their_instant_for_every_symbol(pair_rig: Rig) -> None:
    socket = await pair_rig.socket()
    await socket.ask("subscribe", channel="ohlc", symbol=["BTC/USD", "ETH/USD"], interval=1, snapshot=False)
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD", "ETH/USD"], snapshot=False)
    for _ in range(4):
        await socket.next(lambda m: m.get("method") == "subscribe")
    await pair_rig.sim("open")
    await pair_rig.sim("advance")
    seen = [await socket.next() for _ in range(9)]
    assert [(m["channel"], m["data"][0]["symbol"]) for m in seen] == [
        ("ohlc", "BTC/USD"),
        ("ohlc", "ETH/USD"),
        ("ticker", "BTC/USD"),
        ("ticker", "ETH/USD"),
        ("ohlc", "BTC/USD"),
        ("ohlc", "ETH/USD"),
        ("ohlc", "BTC/USD"),
        ("ticker", "BTC/USD"),
        ("ticker", "ETH/USD"),
    ]
    opened, final = seen[0]["data"][0], seen[4]["data"][0]
    assert {opened[k] for k in ("open", "high", "low", "close")} == {"100.0"}
    assert [final[k] for k in ("open", "high", "low", "close", "volume")] == [
        "100.0", "104.0", "96.0", "102.0", "10.00000000",
    ]  # fmt: skip
    assert final["interval_begin"] == "2022-01-01T00:00:00.000000Z"
    assert {m["data"][0]["timestamp"] for m in seen[7:]} == {"2022-01-01T00:01:00.000000Z"}


async def test_the_end_of_the_data_is_a_ticker_at_the_last_close(rig: Rig) -> None:
    socket = await rig.socket()
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD"], snapshot=False)
    await socket.next(lambda m: m.get("method") == "subscribe")
    for _ in range(len(BARS) + 1):
        await rig.sim("advance")
    tickers = [await socket.on("ticker") for _ in range(len(BARS) + 1)]
    assert tickers[-1]["data"][0]["timestamp"] == "2022-01-01T00:04:00.000000Z"
    assert tickers[-1]["data"][0]["last"] == "98.0"


async def test_higher_timeframes_grow_from_the_base_bars(rig: Rig) -> None:
    socket = await rig.socket()
    await socket.ask("subscribe", channel="ohlc", symbol=["BTC/USD"], interval=5, snapshot=False)
    await socket.next(lambda m: m.get("method") == "subscribe")
    for _ in range(4):
        await rig.sim("advance")
    candles = [(await socket.on("ohlc"))["data"][0] for _ in range(7)]
    assert [candles[5][k] for k in ("open", "high", "low", "close", "volume")] == [
        "100.0", "110.0", "90.0", "95.0", "60.00000000",
    ]  # fmt: skip
    rest = await rig.client().fetch_ohlcv("BTC/USD", "5m")
    assert [rest[-1][k] for k in (1, 2, 3, 4)] == ["100.0", "110.0", "90.0", "94.0"]


async def test_history_lets_the_clock_start_inside_the_data(start: Start) -> None:
    rig = await start(history=2)
    state = await rig.state()
    assert (state["clock"], state["steps_total"]) == ("2022-01-01T00:02:00.000000Z", 2)
    candles = await rig.client().fetch_ohlcv("BTC/USD", "1m")
    assert [candle[4] for candle in candles] == ["102.0", "108.0"]


async def test_the_dead_mans_switch_follows_the_venues_clock(rig: Rig) -> None:
    client = await holding(rig)
    order = await stop(client, "90")
    await client.cancel_all_orders_after(60_000)
    await rig.sim("walk")
    assert (await client.fetch_order(order["id"]))["status"] == "open"
    await rig.sim("open")
    assert (await client.fetch_order(order["id"]))["status"] == "canceled"
