"""A running simulator, the clients that talk to it, and the small markets it plays."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from ccxt.pro.kraken import kraken

from services.exchange_simulator.assembly import Simulator
from services.exchange_simulator.auth import Credentials
from services.exchange_simulator.connection import point_at_simulator
from services.exchange_simulator.settings import DEFAULT_KEY, DEFAULT_SECRET, Settings

START = 1_640_995_200  # 2022-01-01
BARS = ((100, 104, 96, 102, 10), (103, 110, 101, 108, 20), (107, 109, 90, 95, 30), (94, 99, 93, 98, 40))
# Longer than any test of a market that runs by itself may take.
LONG = BARS * 500
Row = Sequence[float | str]
_nonces = count(10**15)


def write_candles(path: Path, bars: Sequence[Row] = BARS, minutes: int = 1, skip: Sequence[int] = ()) -> Path:
    """A CSV of bars from 2022-01-01 on; ``skip`` names indices to leave out."""
    rows = [
        ",".join(map(str, (START + index * 60 * minutes, *bar))) for index, bar in enumerate(bars) if index not in skip
    ]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return path


def settings_for(state: Path, data: Sequence[str] = (), **changes: Any) -> Settings:
    chosen: dict[str, Any] = {
        "port": 0,
        "state": state,
        "data": tuple(data),
        "market": "recorded" if data else "seeded",
        "symbols": ("BTC/USD", "ETH/USD"),
        "seed": 7,
        "speed": None,
        "balance": Decimal(10_000),
        "credentials": Credentials.of(DEFAULT_KEY, DEFAULT_SECRET),
        "half_spread_bps": Decimal(0),
        "taker_fee": Decimal("0.0026"),
        "maker_fee": Decimal("0.0016"),
        "history": 0,
        "fast_keys": False,
    }
    return Settings(**(chosen | changes))


def new_client(
    port: int, secret: str = DEFAULT_SECRET, key: str = DEFAULT_KEY, number: Any = str, **options: Any
) -> Any:
    """An unmodified ccxt client; only its URLs, and nonces finer than a millisecond, are ours."""
    client = kraken({"apiKey": DEFAULT_KEY, "secret": secret, "enableRateLimit": False, "verify": False} | options)
    client.number = number
    client.timeout_on_exit = 0
    client.nonce = lambda: next(_nonces)
    point_at_simulator(client, port)
    return client


@dataclass
class Rig:
    port: int
    simulator: Simulator
    http: aiohttp.ClientSession
    clients: list[Any] = field(default_factory=list)

    def client(self, **options: Any) -> Any:
        client = new_client(self.port, session=self.http, **options)
        self.clients.append(client)
        return client

    async def state(self) -> dict[str, Any]:
        return await self.sim("state", "GET")

    async def books(self) -> dict[str, Any]:
        return await self.sim("books", "GET")

    async def sim(self, call: str, verb: str = "POST", **body: Any) -> dict[str, Any]:
        """An admin call's answer; raises for a refusal."""
        status, answer = await self.sim_status(call, verb, **body)
        assert status == 200, answer
        return answer

    async def sim_status(self, call: str, verb: str = "POST", **body: Any) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.port}/sim/{call}"
        async with self.http.request(verb, url, data=json.dumps(body) if body else None) as reply:
            return reply.status, await reply.json()

    async def socket(self) -> "Socket":
        return Socket(await self.http.ws_connect(f"ws://127.0.0.1:{self.port}/v2"))


class Socket:
    """A raw WebSocket v2 client that keeps digits as the venue wrote them."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.connection = connection

    async def ask(self, method: str, **params: Any) -> None:
        await self.connection.send_json({"method": method, "params": params, "req_id": 1})

    async def next(self, wanted: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        while True:
            message = json.loads(await self.connection.receive_str(timeout=10), parse_float=str)
            if message.get("channel") not in ("heartbeat", "status") and wanted(message):
                return dict(message)

    async def on(self, channel: str, kind: str = "update") -> dict[str, Any]:
        return await self.next(lambda m: m.get("channel") == channel and m.get("type") == kind)


Start = Callable[..., Awaitable[Rig]]
