"""The venue's file: what is in it after the process is killed."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ccxt.base import errors

from services.exchange_simulator.assembly import assemble
from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.exchange import Draft, Exchange, Fees
from services.exchange_simulator.faults import Faults
from services.exchange_simulator.ledger import Ledger
from services.exchange_simulator.pairs import pair
from services.exchange_simulator.store import Store
from services.exchange_simulator.tape import Tape
from tests.services.exchange_simulator.rig import new_client, settings_for, write_candles

REPOSITORY = Path(__file__).parents[3]


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The simulator as a process of its own, and its port; killed where the block leaves it running."""
    command = (sys.executable, "-m", "services.exchange_simulator", *arguments)
    running = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE)
    try:
        assert running.stdout is not None
        ready = json.loads(await running.stdout.readline())
        assert ready["ready"]
        yield running, ready["port"]
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def admin(port: int, call: str, method: str = "POST") -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/sim/{call}"
    async with aiohttp.ClientSession() as http, http.request(method, url) as reply:
        answer: dict[str, Any] = await reply.json()
        return answer


async def test_a_killed_venue_goes_on_where_it_was(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "btc.csv")
    arguments = ("--state", str(tmp_path / "v.db"), "--data", str(data), "--speed", "max", "--half-spread-bps", "0")
    async with process(*arguments) as (first, port):
        client = new_client(port)
        await admin(port, "open")
        await client.create_order("BTC/USD", "market", "buy", "1", None, {"clientOrderId": "before"})
        await admin(port, "match")
        await client.create_order("BTC/USD", "market", "sell", "0.6", None, {"stopLossPrice": "97"})
        await client.create_order("BTC/USD", "market", "sell", "0.4", None, {"clientOrderId": "queued"})
        token = (await client.privatePostGetWebSocketsToken())["result"]["token"]
        await client.close()
        first.send_signal(signal.SIGKILL)
        await first.wait()
        assert first.returncode == -signal.SIGKILL
    async with process(*arguments) as (_, port):
        state = await admin(port, "state", "GET")
        assert (state["phase"], state["event"], state["queued"], state["clock"]) == (
            "matched", 1, 1, "2022-01-01T00:00:00.000000Z",
        )  # fmt: skip
        books = await admin(port, "books", "GET")
        assert (books["cash"], books["reserved"]) == ({"USD": "9899.7400"}, {"BTC": "1.0000000000"})
        async with aiohttp.ClientSession() as http, http.ws_connect(f"ws://127.0.0.1:{port}/v2") as socket:
            request = {"method": "subscribe", "params": {"channel": "executions", "token": token}}
            await socket.send_json(request)
            await socket.receive_json()
            assert (await socket.receive_json())["success"]  # the token of before the kill
        walked = await admin(port, "walk")
        assert [(f["price"], f["event"]) for f in walked["executions"]] == [("97.0", 2)]
        await admin(port, "open")
        assert [f["cl_ord_id"] for f in (await admin(port, "match"))["executions"]] == ["queued"]


async def test_a_nonce_stays_used_after_a_kill(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "btc.csv")
    arguments = ("--state", str(tmp_path / "v.db"), "--data", str(data), "--speed", "max")
    for expected in ([], ["EAPI:Invalid nonce"]):
        async with process(*arguments) as (_, port):
            client = new_client(port)
            client.nonce = lambda: 5
            client.handle_errors = lambda *_: None
            assert (await client.privatePostBalance())["error"] == expected
            await client.close()


async def test_sigterm_ends_the_process_cleanly(tmp_path: Path) -> None:
    async with process("--state", str(tmp_path / "v.db"), "--market", "seeded", "--symbols", "BTC/USD") as (running, _):
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), 10) == 0


async def failure(*arguments: str, **environment: str) -> tuple[int | None, str]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.exchange_simulator", *arguments,
        cwd=REPOSITORY, env=os.environ | environment, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await asyncio.wait_for(running.communicate(), 30)
    return running.returncode, said.decode()


async def test_a_broken_file_is_one_clear_line_and_status_2(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "btc.csv", [(100, 101, 99, 100, 1), (100, 90, 99, 100, 1)])
    status, said = await failure("--state", str(tmp_path / "v.db"), PARLEY_SIM_DATA=f"BTC/USD={data}")
    assert (status, said) == (2, f"exchange_simulator: {data}, line 3, field high: is below low; correct the row\n")


async def test_a_second_venue_on_the_same_file_is_refused(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "btc.csv")
    arguments = ("--state", str(tmp_path / "v.db"), "--data", str(data), "--speed", "max")
    async with process(*arguments) as (_, port):
        status, said = await failure(*arguments)
        assert status == 2
        assert "another simulator may be using it" in said
        status, said = await failure("--state", str(tmp_path / "w.db"), "--data", str(data), "--port", str(port))
        assert status == 2
        assert "choose another --port" in said


def test_a_file_of_another_market_or_mode_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "v.db"
    data = [str(write_candles(tmp_path / "btc.csv"))]
    other = [str(write_candles(tmp_path / "other.csv", [(1, 2, 1, 2, 1)] * 4))]
    assemble(settings_for(state, data)).store.close()
    with pytest.raises(BadConfiguration, match="another market"):
        assemble(settings_for(state, other))
    with pytest.raises(BadConfiguration, match="lock-step"):
        assemble(settings_for(state, data, speed=1.0))


async def test_every_phase_is_restored_with_its_prices(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "v.db", [str(write_candles(tmp_path / "btc.csv"))])
    seen: list[Any] = []
    for call in ("open", "match", "walk", "open", "walk", "open", "walk", "open", "walk", "open"):
        simulator = assemble(settings)
        simulator.admin.calls["POST", call]({})
        before = (simulator.admin.state(), simulator.public.ticker({}), simulator.public.ohlc({"pair": "XBTUSD"}))
        simulator.store.close()
        again = assemble(settings)
        after = (again.admin.state(), again.public.ticker({}), again.public.ohlc({"pair": "XBTUSD"}))
        again.store.close()
        for ticker in (before[1], after[1]):
            ticker["XXBTZUSD"].pop("t")  # the number of prints kept in memory
        assert after == before
        seen.append(after[0]["phase"])
    assert seen[-1] == "done"


def test_a_live_market_resumes_inside_its_bar(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "v.db", [str(write_candles(tmp_path / "btc.csv"))], speed=1.0)
    simulator = assemble(settings)
    simulator.store.save_place({"place": {"step": 1, "print": 20, "clock": 1_640_995_280_000_000, "played": 1}})
    simulator.store.close()
    again = assemble(settings)
    candles = again.public.ohlc({"pair": "XBTUSD"})["XXBTZUSD"]
    again.store.close()
    assert candles[-1][1:5] == ["103.0", "103.4", "101.0", "103.4"]
    assert again.admin.state()["clock"] >= "2022-01-01T00:01:20"


async def test_a_file_that_cannot_be_written_ends_the_process_with_one_plain_line(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "btc.csv")
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIMITED, "--state", str(tmp_path / "v.db"), "--data", str(data), "--speed", "max",
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert running.stdout is not None
    client = new_client(json.loads(await running.stdout.readline())["port"])
    with pytest.raises(errors.NetworkError):
        await place_until_refused(client)
    await client.close()
    _, said = await asyncio.wait_for(running.communicate(), 10)
    assert running.returncode == 1
    assert any(
        line.startswith("exchange_simulator: the state file cannot be written: ") for line in said.decode().splitlines()
    )


# The nearest thing to a full disk that needs no disk: no file may grow beyond 150 kB.
LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000));"
    "from services.exchange_simulator.__main__ import main; sys.exit(main())"
)


async def place_until_refused(client: Any) -> None:
    for _ in range(100):
        await client.create_order("BTC/USD", "limit", "buy", "0.01", "90")


class FullDisk(Store):
    """A file on a disk that is full for a while."""

    full = False

    def save_books(self, *arguments: Any) -> None:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        super().save_books(*arguments)


def exchange_on(store: Store) -> Exchange:
    """BTC/USD at 100 in lock-step."""
    pairs, fees = {"BTC/USD": pair("BTC/USD")}, Fees(Decimal("0.0026"), Decimal("0.0016"))
    tape = Tape(pairs, Decimal(0))
    tape.open_bar("BTC/USD", 1000, 10**8, 0)
    ledger = Ledger(pairs, store.balances() or {"USD": Decimal(10_000)}, fees.taker)
    return Exchange(pairs, ledger, store, tape, fees, Faults(), lambda: 0, frozen=True)


def test_a_fill_whose_saving_failed_is_saved_with_its_order_the_next_time(tmp_path: Path) -> None:
    store = FullDisk(tmp_path / "v.db")
    exchange = exchange_on(store)
    order = exchange.place(Draft("BTC/USD", "buy", "market", 10**8))
    exchange.commit()
    exchange.fill(order, 1000, "t")
    store.full = True
    with pytest.raises(sqlite3.OperationalError):
        exchange.commit()
    store.full = False
    assert [fill.txid for fill in exchange.commit()] == [order.txid]
    assert exchange.commit({"later": 1}) == []
    store.close()
    again = exchange_on(Store(tmp_path / "v.db"))
    assert ([fill.exec_id for fill in again.fills], again.event) == (again.orders[order.txid].trades, 1)
