"""What only a venue on the other side of a network can do to us."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ccxt.base.errors import NetworkError, RequestTimeout
from pydantic import SecretStr

from shared.broker.base import (
    BrokerError,
    BrokerUnavailable,
    OrderRefused,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
)
from shared.broker.ccxt_broker import CcxtBroker
from shared.broker.kraken_client import VenueAccess, kraken_client
from tests.shared.broker.desks import SYMBOL, VenueDesk

BTC = Decimal("0.01")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[VenueDesk]:
    desk = VenueDesk(tmp_path)
    await desk.broker.instruments((SYMBOL,))
    await desk.price("40000")
    yield desk
    await desk.end()


async def buy(broker: CcxtBroker, name: str) -> str:
    return await broker.place(
        OrderRequest(name, SYMBOL, "buy", "market", BTC), await broker.now() + timedelta(seconds=5)
    )


class WithATrailingStop(CcxtBroker):
    """Its account holds an order that a person placed at the venue's own screen."""

    async def _load(self) -> None:
        self._pair_of = {SYMBOL: "XXBTZUSD"}

    async def _read(self, method: str, request: dict[str, str]) -> Any:
        terms = {"pair": "XBTUSD", "type": "sell", "ordertype": "trailing-stop", "price": "+5.0%"}
        return {"open": {"O1": {"status": "open", "opentm": "1.0", "vol": "1", "vol_exec": "0", "descr": terms}}}


async def test_an_order_of_a_type_we_never_place_is_shown_but_is_none_of_ours() -> None:
    broker = WithATrailingStop(VenueAccess("http://127.0.0.1:9", SecretStr("k"), SecretStr("c2VjcmV0"), False, 1.0))
    assert [order.venue_order_id for order in await broker.open_orders()] == ["O1"]
    with pytest.raises(BrokerError, match="trailing-stop"):
        await broker.find("ours", SYMBOL)
    await broker.close()


async def test_a_lost_reply_is_unknown_and_the_order_is_found(desk: VenueDesk) -> None:
    desk.venue.post("faults", kind="reply_lost", method="AddOrder")
    with pytest.raises(OutcomeUnknown):
        await buy(desk.broker, "lost")
    found = await desk.broker.find("lost", SYMBOL)
    assert found is not None
    assert found.status == "closed"
    assert len(await desk.broker.executions_of(found.venue_order_id, SYMBOL)) == 1


async def test_a_refusal_for_haste_books_nothing(desk: VenueDesk) -> None:
    desk.venue.post("faults", kind="refuse_429", method="AddOrder")
    with pytest.raises(RateLimited):
        await buy(desk.broker, "hasty")
    assert await desk.broker.find("hasty", SYMBOL) is None


@pytest.mark.parametrize("kind", ["service_unavailable", "cancel_only"])
async def test_a_venue_that_says_it_is_closed_has_booked_nothing(desk: VenueDesk, kind: str) -> None:
    desk.venue.post("faults", kind=kind, method="AddOrder")
    with pytest.raises(BrokerUnavailable):
        await buy(desk.broker, "closed")
    assert await desk.broker.find("closed", SYMBOL) is None


async def test_a_venue_that_is_gone_is_unavailable_and_comes_back(desk: VenueDesk) -> None:
    deadline = await desk.broker.now() + timedelta(seconds=30)
    desk.venue.kill()
    await asyncio.sleep(0.05)
    order = OrderRequest("again", SYMBOL, "buy", "market", BTC)
    with pytest.raises(BrokerUnavailable):
        await desk.broker.place(order, deadline)
    with pytest.raises(BrokerUnavailable):
        await desk.broker.balances()
    desk.venue.start()
    await desk.broker.place(order, deadline)
    assert (await desk.broker.balances())["BTC"] == BTC


async def test_a_venue_that_cannot_be_reached_from_the_start_is_unavailable(tmp_path: Path) -> None:
    desk = VenueDesk(tmp_path)
    desk.venue.kill()
    broker = desk.broker
    for call in (broker.now(), broker.instruments((SYMBOL,)), broker.open_orders(), anext(broker.executions())):
        with pytest.raises(BrokerUnavailable):
            await call
    await broker.close()


async def test_a_venue_killed_between_accepting_and_answering_still_has_the_order(desk: VenueDesk) -> None:
    desk.venue.post("faults", kind="delay_ms", method="AddOrder", ms=60_000)
    placing = asyncio.create_task(buy(desk.broker, "cut"))
    await asyncio.sleep(0.3)
    desk.venue.kill()
    with pytest.raises(OutcomeUnknown):
        await placing
    desk.venue.start()
    found = await desk.broker.find("cut", SYMBOL)
    executions = [] if found is None else await desk.broker.executions_of(found.venue_order_id, SYMBOL)
    cash = 10_000 - sum((e.cost + e.fee for e in executions), Decimal(0))
    assert (await desk.broker.balances())["USD"] == cash, "booked or not, but never half"


async def test_a_dropped_socket_is_said_and_the_next_one_repeats_what_was_missed(desk: VenueDesk) -> None:
    listening = desk.broker.executions()
    first = await buy(desk.broker, "first")
    assert (await asyncio.wait_for(anext(listening), 10)).venue_order_id == first
    desk.venue.post("faults", kind="drop_socket")
    with pytest.raises(BrokerUnavailable):
        await asyncio.wait_for(anext(listening), 10)
    missed = await buy(desk.broker, "missed")
    again = desk.broker.executions()
    assert {(await asyncio.wait_for(anext(again), 10)).venue_order_id for _ in range(2)} == {first, missed}


async def test_a_socket_that_fails_wakes_its_listener(desk: VenueDesk) -> None:
    client = kraken_client(desk.venue.access())
    heard = client.hear()
    socket = SimpleNamespace(url="ws://nowhere", error=None)
    client.on_error(socket, RequestTimeout("two pings went unanswered"))
    assert isinstance(await heard.get(), NetworkError)
    await client.close()


async def test_fills_that_come_while_nobody_waits_are_not_kept_back(desk: VenueDesk) -> None:
    listening = desk.broker.executions()
    await buy(desk.broker, "first")
    await asyncio.wait_for(anext(listening), 10)
    for name in ("second", "third"):
        await buy(desk.broker, name)
    await asyncio.sleep(0.2)
    heard = [(await asyncio.wait_for(anext(listening), 5)).client_order_id for _ in range(2)]
    assert heard == ["second", "third"]


async def test_duplicate_and_late_events_keep_their_ids(desk: VenueDesk) -> None:
    listening = desk.broker.executions()
    await buy(desk.broker, "first")
    await asyncio.wait_for(anext(listening), 10)
    desk.venue.post("faults", kind="duplicate_event")
    await buy(desk.broker, "twice")
    twice = [await asyncio.wait_for(anext(listening), 5) for _ in range(2)]
    assert twice[0] == twice[1]


async def test_requests_that_overtake_each_other_are_sent_again(desk: VenueDesk) -> None:
    names = [f"at-once-{number}" for number in range(12)]
    await asyncio.gather(*(buy(desk.broker, name) for name in names))
    assert (await desk.broker.balances())["BTC"] == BTC * 12


async def spend_nonce(desk: VenueDesk, nonce: int) -> None:
    other = kraken_client(desk.venue.access())
    other.last_nonce = nonce
    await other.request("Balance", "private", "POST", {})
    await other.close()


async def test_a_clock_that_went_back_a_little_is_made_up_for(desk: VenueDesk) -> None:
    await spend_nonce(desk, time.time_ns() // 1_000 + 30_000_000)
    await buy(desk.broker, "behind")
    assert (await desk.broker.balances())["BTC"] == BTC


async def test_a_clock_that_went_back_far_makes_us_unavailable_not_refused(desk: VenueDesk) -> None:
    await spend_nonce(desk, 2**62)
    with pytest.raises(BrokerUnavailable, match="Invalid nonce"):
        await buy(desk.broker, "behind")


async def test_wrong_keys_are_no_refusal_of_an_order(desk: VenueDesk) -> None:
    access = desk.venue.access()
    stranger = CcxtBroker(replace(access, key=SecretStr("somebody")))
    with pytest.raises(BrokerUnavailable, match="Invalid key"):
        await buy(stranger, "stranger")
    await stranger.close()


async def test_a_real_venue_would_only_validate(desk: VenueDesk) -> None:
    careful = CcxtBroker(desk.venue.access(validate_only=True))
    with pytest.raises(OrderRefused, match="ORDER_VALIDATE_ONLY"):
        await buy(careful, "checked")
    assert await careful.find("checked", SYMBOL) is None
    assert (await careful.balances()) == {"USD": Decimal(10_000)}
    await careful.close()


async def test_a_pair_that_is_not_listed_is_named(desk: VenueDesk) -> None:
    with pytest.raises(BrokerError, match="XYZ/USD"):
        await desk.broker.instruments((SYMBOL, "XYZ/USD"))
    with pytest.raises(OrderRefused, match="XYZ/USD"):
        await desk.broker.place(
            OrderRequest("x", "XYZ/USD", "buy", "market", BTC), await desk.broker.now() + timedelta(seconds=5)
        )


async def test_secrets_stay_out_of_errors(desk: VenueDesk) -> None:
    desk.venue.kill()
    with pytest.raises(BrokerUnavailable) as failure:
        await desk.broker.balances()
    access = desk.venue.access()
    for secret in (access.key.get_secret_value(), access.secret.get_secret_value()):
        assert secret not in str(failure.value)
        assert secret not in repr(access)
    desk.venue.start()
