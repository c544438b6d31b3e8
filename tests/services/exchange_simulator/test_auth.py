"""Keys, signatures, nonces, tokens and rate limits, as Kraken enforces them."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import pytest
from ccxt.base import errors

from services.exchange_simulator.auth import signature
from services.exchange_simulator.errors import KrakenError
from services.exchange_simulator.rate_limit import Counter, RateLimits
from services.exchange_simulator.settings import DEFAULT_KEY, DEFAULT_SECRET
from tests.services.exchange_simulator.rig import Rig, Start

PATH = "/0/private/Balance"


def test_the_signature_is_that_of_krakens_documentation() -> None:
    """The worked example of Kraken's "Spot REST authentication" page."""
    secret = base64.b64decode(
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    )
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    assert signature(secret, "/0/private/AddOrder", "1616492376594", body) == (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    )


async def call(rig: Rig, nonce: str, key: str = DEFAULT_KEY, spoil: bool = False) -> list[str]:
    body = urlencode({"nonce": nonce})
    digest = hashlib.sha256((nonce + body).encode()).digest()
    seal = hmac.new(base64.b64decode(DEFAULT_SECRET), PATH.encode() + digest, hashlib.sha512).digest()
    sign = base64.b64encode(bytes([seal[0] ^ spoil]) + seal[1:]).decode()
    headers = {"API-Key": key, "API-Sign": sign, "Content-Type": "application/x-www-form-urlencoded"}
    async with rig.http.post(f"http://127.0.0.1:{rig.port}{PATH}", data=body, headers=headers) as reply:
        refusals: list[str] = (await reply.json())["error"]
        return refusals


async def test_a_wrong_key_signature_or_secret_is_refused(rig: Rig) -> None:
    assert await call(rig, "1", key="other") == ["EAPI:Invalid key"]
    assert await call(rig, "1", spoil=True) == ["EAPI:Invalid signature"]
    with pytest.raises(errors.ExchangeError, match="EAPI:Invalid signature"):
        await rig.client(secret=base64.b64encode(b"another").decode()).fetch_balance()


async def test_nonces_must_grow(rig: Rig) -> None:
    assert await call(rig, "10") == []
    assert await call(rig, "10") == ["EAPI:Invalid nonce"]
    assert await call(rig, "9") == ["EAPI:Invalid nonce"]
    assert await call(rig, "11") == []
    for nonsense in ("", "-1", "1.5", "9" * 30):
        assert await call(rig, nonsense) == ["EAPI:Invalid nonce"]


async def test_a_refused_signature_uses_up_no_nonce(rig: Rig) -> None:
    await call(rig, "5", spoil=True)
    assert await call(rig, "5") == []


async def test_too_many_private_calls_are_refused(rig: Rig) -> None:
    client = rig.client()
    for _ in range(20):
        await client.privatePostBalance()
    with pytest.raises(errors.DDoSProtection, match="EAPI:Rate limit exceeded"):
        await client.privatePostTradesHistory()


async def test_orders_are_counted_apart_from_calls(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    for _ in range(25):
        await client.create_order("BTC/USD", "limit", "buy", "0.01", "90", {"userref": 7})
    with pytest.raises(errors.DDoSProtection, match="EOrder:Rate limit exceeded"):
        await client.cancel_order("", params={"userref": 7})  # 25 orders at 8 each
    assert len(await client.fetch_open_orders()) == 25


async def test_fast_keys_know_no_limit(start: Start) -> None:
    client = (await start(fast_keys=True)).client()
    for _ in range(30):
        await client.privatePostBalance()


def test_a_counter_decays_by_the_clock_it_is_given() -> None:
    counter = Counter(limit=2, decay=0.5)
    assert [counter.add(1, 0), counter.add(1, 0), counter.add(1, 0)] == [True, True, False]
    assert not counter.add(1, 1.9)
    assert counter.add(1, 2.0)


def test_young_orders_cost_more_to_cancel() -> None:
    limits = RateLimits(lambda: 0.0, enabled=True)
    for _ in range(22):
        limits.cancel_order("BTC/USD", age=1)
    with pytest.raises(KrakenError, match="EOrder:Rate limit exceeded"):
        limits.cancel_order("BTC/USD", age=1)
    limits.cancel_order("ETH/USD", age=1)
    limits.cancel_order("BTC/USD", age=1000)


async def test_a_foreign_token_opens_no_private_channel(rig: Rig) -> None:
    token = (await rig.client().privatePostGetWebSocketsToken())["result"]["token"]
    refused: list[Any] = []
    for wrong in ("", "zz.zz", "5.AAAA", token[:-1] + ("A" if token[-1] != "A" else "B")):
        socket = await rig.socket()
        await socket.ask("subscribe", channel="executions", token=wrong)
        refused.append((await socket.next())["error"])
    assert set(refused) == {"ESession:Invalid session"}
