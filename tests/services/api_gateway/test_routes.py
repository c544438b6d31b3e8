"""Every route, over a socket, on a small history."""

from typing import Any

import httpx
import pytest

from services.api_gateway.adapters import Sources
from shared.ids import derived_id
from tests.shared.reports.books import CLOSED, OPEN, at

pytestmark = pytest.mark.usefixtures("history")


async def read(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_status_says_mode_money_and_why_no_trade(client: httpx.AsyncClient) -> None:
    status = await read(client, "/status")
    assert (status["mode"], status["timeframe"], status["symbols"]) == ("demo", "5m", ["BTC/USD", "ETH/USD"])
    assert (status["may_enter"], status["open_positions"], status["portfolio"]["equity"]) == (True, 1, "898.75")
    assert status["why_no_trade"]["sentence"] == (
        "ETH/USD 09:05 BUY refused by risk (cash): the free cash buys nothing [free_cash 3]"
    )
    assert status["why_no_trade"]["last_refusal"]["figures"] == [{"name": "free_cash", "value": "3"}]
    assert status["why_no_trade"]["last_hold"]["votes"][1] == {
        "member": "sentiment",
        "weight": 0.2,
        "probability": None,
        "veto": False,
        "reason": "no news",
    }


async def test_portfolio_and_positions_give_money_as_strings(client: httpx.AsyncClient) -> None:
    portfolio = await read(client, "/portfolio")
    assert (portfolio["cash"], portfolio["realised_pnl"]) == ("690.25", "-10.75")
    (position,) = await read(client, "/positions")
    assert (position["trade_id"], position["pnl"], position["stop"]["kind"]) == (str(OPEN), "7", "trailing")
    assert await read(client, "/positions", symbol="eth-usd") == []


async def test_trades_by_filter_and_page(client: httpx.AsyncClient) -> None:
    first = await read(client, "/trades", limit=1)
    assert ([row["id"] for row in first["items"]], first["next_offset"]) == ([str(OPEN)], 1)
    second = await read(client, "/trades", limit=1, offset=1)
    assert ([row["id"] for row in second["items"]], second["next_offset"]) == ([str(CLOSED)], None)
    closed = await read(client, "/trades", status="closed", symbol="ETH/USD", exit_reason="stop")
    assert [row["pnl"] for row in closed["items"]] == ["-10.75"]
    assert (await read(client, "/trades", since="2026-01-05T09:06:00Z"))["items"] == []
    assert (await read(client, f"/trades/{CLOSED}"))["exit_reason"] == "stop"


async def test_time_without_a_zone_is_utc(client: httpx.AsyncClient) -> None:
    assert len((await read(client, "/trades", since="2026-01-05T09:05:00"))["items"]) == 1
    assert len((await read(client, "/trades", since="2026-01-05T10:05:00+01:00"))["items"]) == 1
    assert len((await read(client, "/trades", since="2026-01-05"))["items"]) == 2


async def test_orders_refusals_and_equity(client: httpx.AsyncClient) -> None:
    orders = await read(client, "/orders", purpose="stop", trade_id=str(OPEN))
    assert [row["client_order_id"] for row in orders["items"]] == ["stop-5"]
    refusals = await read(client, "/refusals", reason="cash")
    assert [row["symbol"] for row in refusals["items"]] == ["ETH/USD"]
    equity = await read(client, "/equity")
    assert [row["equity"] for row in equity["items"]] == ["898.25"]


async def test_signals_and_sessions(client: httpx.AsyncClient) -> None:
    signals = await read(client, "/signals", least_score=0.3)
    assert [row["score"] for row in signals["items"]] == [-0.4]
    sessions = await read(client, "/council/sessions", verdict="HOLD")
    (hold,) = sessions["items"]
    assert len(hold["votes"]) == 2
    assert await read(client, f"/council/sessions/{hold['id']}") == hold


async def test_strategies_with_their_weights_now_and_ever(client: httpx.AsyncClient) -> None:
    now = await read(client, "/strategies")
    assert [(row["name"], row["weight"]) for row in now["strategies"]] == [("momentum", 0.3)]
    assert [(row["name"], row["weight"]) for row in now["members"]] == [("sentiment", 0.2)]
    ever = await read(client, "/strategies/weights", scope="strategies")
    assert [row["weight"] for row in ever["items"]] == [0.3, 0.2]


@pytest.mark.parametrize("symbol", ["BTC/USD", "BTC-USD", "btc-usd"])
async def test_candles_by_either_spelling_of_a_pair(client: httpx.AsyncClient, symbol: str) -> None:
    found = await read(client, f"/candles/{symbol}", timeframe="1m", end=at(9).isoformat())
    assert (found["symbol"], [row["close"] for row in found["candles"]]) == ("BTC/USD", [103])


async def test_candles_default_to_the_decision_timeframe(client: httpx.AsyncClient) -> None:
    assert (await read(client, "/candles/BTC/USD"))["timeframe"] == "5m"


async def test_candles_are_kept_for_a_while(client: httpx.AsyncClient, sources: Sources) -> None:
    before = await read(client, "/candles/BTC-USD", timeframe="1m")
    await sources.database.close()
    assert await read(client, "/candles/BTC/USD", timeframe="1m") == before


async def test_streams_and_their_readers(client: httpx.AsyncClient) -> None:
    streams = await read(client, "/streams")
    assert streams["streams"]["signals:generated"] == {
        "messages": 0,
        "length": 0,
        "dead": 0,
        "groups": {"archiver": {"pending": 0, "lag": 0}, "council": {"pending": 0, "lag": 0}},
    }


async def test_what_does_not_exist_is_said_with_what_does(client: httpx.AsyncClient) -> None:
    nothing = derived_id("nothing", 1)
    for path, words in {
        f"/trades/{nothing}": "There is no trade",
        f"/council/sessions/{nothing}": "There is no council session",
        "/candles/DOGE/EUR": "DOGE/EUR is no pair of this desk",
        "/nothing": "There is nothing at /nothing",
    }.items():
        answer = await client.get(path)
        assert (answer.status_code, set(answer.json())) == (404, {"error", "detail", "fix"}), path
        assert words in answer.json()["detail"]


async def test_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    for path, named in {
        "/trades?limit=0": "limit",
        "/trades?limit=1001": "limit",
        "/trades?offset=-1": "offset",
        "/trades?status=maybe": "status",
        "/trades?since=yesterday": "since",
        "/trades/not-an-id": "trade_id",
        "/signals?least_score=2": "least_score",
        "/candles/BTC-USD?timeframe=7m": "timeframe",
        "/council/sessions?verdict=buy": "verdict",
    }.items():
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid"), path
        assert answer.json()["detail"].startswith(f"{named}: ")
