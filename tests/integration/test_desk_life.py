"""A desk's life as its user sees it: asked, paused, closed, stopped, started again, and hurt."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.live_desk import MARKET, LiveDesk, until
from tests.integration.processes import parley

PAUSED = "refusals WHERE reason = 'paused'"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def the_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDesk]:
    found = LiveDesk(tmp_path_factory.mktemp("desks"))
    yield found
    found.end()


@pytest.fixture
def desk(the_desk: LiveDesk) -> LiveDesk:
    """The desk, running."""
    the_desk.ensure_running()
    return the_desk


def answer(desk: LiveDesk, *arguments: str) -> Any:
    """What a command says to programs."""
    done = parley(*arguments, "--json", settings=desk.settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def do(desk: LiveDesk, *arguments: str) -> str:
    done = parley(*arguments, settings=desk.settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_status_streams_and_signals_answer_while_it_runs(desk: LiveDesk) -> None:
    (status,) = answer(desk, "status")
    assert status["may_enter"] is True
    assert status["portfolio"]["currency"] == "USD"
    assert status["last_candle_at"] is not None
    streams = answer(desk, "streams")
    assert streams["streams"]["market:candles"]["messages"] > 0
    assert all(stream["dead"] == 0 for stream in streams["streams"].values())
    owners = {lease["owner"] for lease in streams["leases"]["trade_executor"].values()}
    assert owners == {"trade_executor-0"}
    assert {signal["symbol"] for signal in answer(desk, "signals")} <= {"BTC/USD", "ETH/USD", "SOL/USD"}
    assert "why no trade" in do(desk, "status")
    assert "started" in do(desk, "logs", "council")


def test_a_second_instance_is_told_who_runs(desk: LiveDesk) -> None:
    assert desk.process is not None
    for command in (("demo", *MARKET), ("reset", "--yes")):
        done = parley(*command, settings=desk.settings)
        assert done.returncode == 2
        assert f"already running (process {desk.process.pid})" in done.stderr
        assert "Traceback" not in done.stderr
    desk.moves_on()


def test_a_paused_desk_enters_nothing_until_it_is_resumed(desk: LiveDesk) -> None:
    do(desk, "pause", "--reason", "lunch")
    (status,) = answer(desk, "status")
    assert (status["system_status"], status["may_enter"]) == ("PAUSED", False)
    assert "lunch" in status["why_no_trade"]["sentence"]
    desk.moves_on()
    entered, refused = desk.count("trades"), desk.count(PAUSED)
    until(lambda: desk.count(PAUSED) > refused, "a BUY that is refused")
    assert desk.count("trades") == entered

    do(desk, "resume")
    (status,) = answer(desk, "status")
    assert (status["system_status"], status["may_enter"]) == ("ACTIVE", True)


def test_close_all_sells_everything_that_is_held(desk: LiveDesk) -> None:
    until(lambda: desk.ask("SELECT 1 FROM trades WHERE status = 'open'"), "an open trade")
    do(desk, "pause")
    wanted = [position["symbol"] for position in answer(desk, "positions")]
    said = do(desk, "close", "--all")
    assert set(re.findall(r"[A-Z]+/USD", said)) <= set(wanted)
    until(lambda: not answer_positions(desk), "flat books")
    manual = desk.ask("SELECT count(*) FROM trades WHERE exit_reason = 'manual' AND status = 'closed'")
    assert int(manual) == len(re.findall(r"[A-Z]+/USD", said))
    do(desk, "resume")


def answer_positions(desk: LiveDesk) -> bool:
    """Whether anything is still held or on its way."""
    return desk.ask("SELECT count(*) FROM trades WHERE status <> 'closed'") != "0"


@pytest.mark.parametrize("server", ["redis", "postgres"])
def test_a_server_that_is_killed_comes_back_and_the_desk_goes_on(desk: LiveDesk, server: str) -> None:
    pid = getattr(desk, server).pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: getattr(desk, server).pid not in (None, pid), f"a new {server}")
    until(lambda: desk.newest(), "books that can be read")
    desk.moves_on()
    desk.moves_on()
    assert answer(desk, "status")[0]["may_enter"] is True


def test_ctrl_c_stops_everything_and_a_second_start_goes_on_with_the_same_trades(desk: LiveDesk) -> None:
    until(lambda: desk.ask("SELECT 1 FROM trades WHERE quantity > 0"), "a trade")
    status = desk.interrupt()
    assert status == 0, desk.output
    assert "Ledger and venue agree" in desk.output
    assert "Traceback" not in desk.output
    until(lambda: desk.left() == [], f"an end of {desk.left()}", 20)

    kept = {trade["id"]: trade for trade in answer(desk, "trades", "--limit", "1000")}
    last = answer(desk, "status")[0]["last_candle_at"]
    assert kept
    assert desk.postgres.pid is None
    assert desk.redis.pid is None

    desk.start()
    desk.moves_on()
    after = {trade["id"]: trade for trade in answer(desk, "trades", "--limit", "1000")}
    closed = {key: trade for key, trade in kept.items() if trade["status"] == "closed"}
    assert {key: after[key] for key in closed} == closed
    assert kept.keys() <= after.keys()
    assert answer(desk, "status")[0]["last_candle_at"] > last


def test_after_a_kill_of_parley_itself_a_start_takes_everything_over(desk: LiveDesk) -> None:
    desk.note_processes()
    kept = desk.count("trades")
    servers = (desk.postgres.pid, desk.redis.pid)
    desk.kill()
    desk.start()
    assert (desk.postgres.pid, desk.redis.pid) == servers
    desk.moves_on()
    assert desk.count("trades") >= kept
    desk.note_processes()  # those started since the desk was ready
    services = [line for line in desk.left() if "services." in line]
    assert len([line for line in services if "trade_executor" in line]) == 1
    assert desk.interrupt() == 0, desk.output
    until(lambda: desk.left() == [], f"an end of {desk.left()}", 20)


def test_ctrl_c_during_the_start_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    desk = LiveDesk(tmp_path)
    desk.begin()
    try:
        until((desk.root / "logs" / "venue.log").exists, "the venue's start")
        assert desk.interrupt() == 1
        assert "Stopped before the desk was ready." in desk.output
        assert "Traceback" not in desk.output
        until(lambda: desk.left() == [], f"an end of {desk.left()}", 20)
    finally:
        desk.end()
