"""Faults on request, seen from the client's side."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ccxt.base import errors

from services.exchange_simulator.wire import rfc3339
from tests.services.exchange_simulator.rig import LONG, START, Rig, Start, write_candles
from tests.services.exchange_simulator.test_websocket import executions


async def place(client: Any, name: str, **params: Any) -> Any:
    return await client.create_order("BTC/USD", "market", "buy", "0.5", None, {"clientOrderId": name} | params)


async def test_a_lost_reply_leaves_the_order_in_the_book(rig: Rig) -> None:
    client = rig.client()
    await client.load_markets()
    await rig.sim("faults", kind="reply_lost", method="AddOrder")
    with pytest.raises(errors.NetworkError):
        await place(client, "unknown")
    [found] = await client.fetch_open_orders(params={"clientOrderId": "unknown"})
    assert found["amount"] == "0.50000000"


async def test_a_429_books_nothing(rig: Rig) -> None:
    client = rig.client()
    await client.load_markets()
    await rig.sim("faults", kind="refuse_429")
    with pytest.raises(errors.RateLimitExceeded):
        await place(client, "x")
    assert await client.fetch_open_orders() == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [("service_unavailable", "EService:Unavailable"), ("cancel_only", "EService:Market in cancel_only mode")],
)
async def test_a_venue_that_takes_no_orders_says_so(rig: Rig, kind: str, code: str) -> None:
    client = rig.client()
    await client.load_markets()
    await rig.sim("faults", kind=kind, count=2, method="AddOrder")
    for _ in range(2):
        with pytest.raises(errors.BaseError, match=code):
            await place(client, "x")
    await place(client, "x")


async def test_dropped_sockets_can_be_opened_again(rig: Rig) -> None:
    socket = await rig.socket()
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD"])
    await socket.on("ticker", "snapshot")
    assert (await rig.sim("faults", kind="drop_socket"))["dropped"] == 1
    assert (await socket.connection.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    again = await rig.socket()
    await again.ask("subscribe", channel="ticker", symbol=["BTC/USD"])
    await again.on("ticker", "snapshot")
    assert (await rig.state())["subscribers"] == {"ticker": 1}


async def fills_told(rig: Rig, kind: str, count: int) -> list[tuple[str, str]]:
    socket = await executions(rig)
    await socket.on("executions", "snapshot")
    client = rig.client()
    await rig.sim("open")
    await place(client, "a")
    await place(client, "b")
    for _ in range(4):
        await socket.on("executions")
    await rig.sim("faults", kind=kind)
    await rig.sim("match")
    told = [(await socket.on("executions"))["data"][0] for _ in range(count)]
    return [(m["cl_ord_id"], m["exec_type"]) for m in told]


async def test_a_duplicate_event_is_the_same_fill_told_twice(rig: Rig) -> None:
    told = await fills_told(rig, "duplicate_event", 5)
    assert told == [("a", "trade"), ("a", "trade"), ("a", "filled"), ("b", "trade"), ("b", "filled")]


async def test_a_late_event_comes_after_the_next(rig: Rig) -> None:
    told = await fills_told(rig, "late_event", 4)
    assert told == [("a", "filled"), ("a", "trade"), ("b", "trade"), ("b", "filled")]


async def test_a_partial_fill_leaves_the_rest_for_the_next_match(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    order = await place(client, "halves")
    await rig.sim("faults", kind="partial_fill", symbol="BTC/USD")
    assert [f["qty"] for f in (await rig.sim("match"))["executions"]] == ["0.25000000"]
    assert (await rig.state())["queued"] == 1
    assert (await client.fetch_order(order["id"]))["status"] == "open"
    await rig.sim("walk")
    await rig.sim("open")
    [rest] = (await rig.sim("match"))["executions"]
    assert (rest["qty"], rest["price"]) == ("0.25000000", "103.0")
    assert (await client.fetch_order(order["id"]))["average"] == "101.5"


async def test_a_delay_lets_a_deadline_elapse(start: Start, tmp_path: Path) -> None:
    rig = await start(data=[str(write_candles(tmp_path / "long.csv", LONG))], speed=50.0)
    client = rig.client()
    await client.load_markets()
    await rig.sim("pause")
    now = (await rig.state())["clock"]
    await rig.sim("resume")
    await rig.sim("faults", kind="delay_ms", ms=300, method="AddOrder")
    with pytest.raises(errors.ExchangeError, match="EService:Deadline elapsed"):
        await place(client, "late", deadline=now)


async def test_waiting_faults_are_listed_used_up_and_cleared(rig: Rig) -> None:
    await rig.sim("faults", kind="refuse_429", count=2, method="Balance")
    assert [f["count"] for f in (await rig.sim("faults", "GET"))["faults"]] == [2]
    client = rig.client()
    await client.fetch_balance()
    with pytest.raises(errors.RateLimitExceeded):
        await client.privatePostBalance()
    assert [f["count"] for f in (await rig.sim("faults", "GET"))["faults"]] == [1]
    assert (await rig.sim("faults", "DELETE"))["faults"] == []
    await client.privatePostBalance()


@pytest.mark.parametrize("body", [{"kind": "fire"}, {"kind": "delay_ms", "ms": -1}, {"kind": "reply_lost", "count": 0}])
async def test_an_impossible_fault_is_refused(rig: Rig, body: dict[str, Any]) -> None:
    assert (await rig.sim_status("faults", **body))[0] == 400


def test_times_are_written_with_microseconds() -> None:
    assert rfc3339(START * 1_000_000 + 5) == "2022-01-01T00:00:00.000005Z"


async def test_an_unknown_admin_call_is_not_found(rig: Rig) -> None:
    assert (await rig.sim_status("reset"))[0] == 404
