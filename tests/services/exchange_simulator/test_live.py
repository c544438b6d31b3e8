"""The market that runs by itself."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ccxt.base import errors

from services.exchange_simulator.clock import FrozenClock, RunningClock
from tests.services.exchange_simulator.rig import LONG, Rig, Start, write_candles

# A bar every 0.6 s: slow enough to act inside one, fast enough for a test.
SPEED = 100.0


@pytest.fixture
async def paused(start: Start, tmp_path: Path) -> Rig:
    """BTC/USD at some early price, standing still."""
    rig = await start(data=[str(write_candles(tmp_path / "long.csv", LONG))], speed=SPEED)
    socket = await rig.socket()
    await socket.ask("subscribe", channel="ticker", symbol=["BTC/USD"])
    await socket.on("ticker")
    await rig.sim("pause")
    await rig.sim("market", symbol="BTC/USD", price="100")
    return rig


async def buy(client: Any, quantity: str = "1") -> Any:
    return await client.create_order("BTC/USD", "market", "buy", quantity)


async def test_a_market_order_fills_at_the_touch_at_once(start: Start) -> None:
    rig = await start(speed=SPEED, half_spread_bps=Decimal(100))
    await rig.sim("pause")
    await rig.sim("market", symbol="BTC/USD", price="100")
    client = rig.client()
    await buy(client)
    await client.create_order("BTC/USD", "market", "sell", "1")
    assert [f["price"] for f in (await rig.books())["fills"]] == ["101.0", "99.0"]


async def test_a_buy_beyond_the_cash_is_refused_on_arrival(paused: Rig) -> None:
    with pytest.raises(errors.InsufficientFunds):
        await buy(paused.client(), "100")


async def test_a_resting_stop_fires_when_a_price_reaches_it(paused: Rig) -> None:
    client = paused.client()
    await buy(client)
    stop = await client.create_order("BTC/USD", "market", "sell", "1", None, {"stopLossPrice": "98"})
    await paused.sim("market", symbol="BTC/USD", price="98.1")
    assert (await client.fetch_order(stop["id"]))["status"] == "open"
    await paused.sim("market", symbol="BTC/USD", price="97.5")
    order = await client.fetch_order(stop["id"])
    assert (order["status"], order["average"]) == ("closed", "97.5")


async def test_a_limit_that_crosses_takes_and_one_that_rests_makes(paused: Rig) -> None:
    client = paused.client()
    await client.create_order("BTC/USD", "limit", "buy", "1", "101")
    await client.create_order("BTC/USD", "limit", "buy", "1", "99")
    await paused.sim("market", symbol="BTC/USD", price="98")
    fills = (await paused.books())["fills"]
    assert [(f["price"], f["liquidity"]) for f in fills] == [("100.0", "taker"), ("99.0", "maker")]


async def test_post_only_and_ioc_orders_end_instead_of_taking_or_resting(paused: Rig) -> None:
    client = paused.client()
    post = await client.create_order("BTC/USD", "limit", "buy", "1", "101", {"postOnly": True})
    ioc = await client.create_order("BTC/USD", "limit", "buy", "1", "90", {"timeInForce": "IOC"})
    orders = [await client.fetch_order(o["id"]) for o in (post, ioc)]
    assert [o["status"] for o in orders] == ["canceled", "canceled"]


async def test_a_partial_fill_is_completed_by_the_next_price(paused: Rig) -> None:
    await paused.sim("faults", kind="partial_fill")
    await buy(paused.client())
    await paused.sim("market", symbol="BTC/USD", price="102")
    assert [(f["qty"], f["price"]) for f in (await paused.books())["fills"]] == [
        ("0.50000000", "100.0"),
        ("0.50000000", "102.0"),
    ]


async def test_the_market_prints_every_bar_to_the_end(start: Start) -> None:
    rig = await start(speed=1000.0)
    async with asyncio.timeout(20):
        while not (await rig.state())["done"]:  # noqa: ASYNC110 - the venue is asked
            await asyncio.sleep(0.05)
    candles = await rig.client().fetch_ohlcv("BTC/USD", "1m")
    assert [c[1:] for c in candles][:2] == [
        ["100.0", "104.0", "96.0", "102.0", "10.00000000"],
        ["103.0", "110.0", "101.0", "108.0", "20.00000000"],
    ]
    assert candles[-1][1:] == ["94.0", "99.0", "93.0", "98.0", "40.00000000"]
    assert (await rig.state())["candles_played"] == 4


async def test_steps_are_refused_where_the_market_runs_by_itself(paused: Rig) -> None:
    assert (await paused.sim_status("advance"))[0] == 409
    assert (await paused.sim_status("market", symbol="XYZ/USD", price="1"))[0] == 400
    assert (await paused.sim_status("market", symbol="BTC/USD", price="-1"))[0] == 400


def test_a_running_clock_waits_for_the_next_price_and_never_goes_back() -> None:
    wall = [0.0]
    clock = RunningClock(1_000_000, 10.0, lambda: wall[0])
    clock.horizon = 5_000_000
    wall[0] = 0.2
    assert clock() == 3_000_000
    assert clock.wait(5_000_000) == pytest.approx(0.2)
    wall[0] = 9.0
    assert clock() == 4_999_999
    clock.horizon = 0
    assert clock() == 4_999_999
    clock.pause()
    wall[0] = 20.0
    clock.resume()
    clock.horizon = 9_000_000
    assert clock() == 4_999_999


def test_a_frozen_clock_never_goes_back() -> None:
    clock = FrozenClock(7)
    clock.advance(5)
    assert clock() == 7
