"""The HTTP server: REST, WebSocket and admin on one port of the loopback interface."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from services.exchange_simulator.assembly import Simulator
from services.exchange_simulator.errors import BadConfiguration, KrakenError, WrongPhase
from services.exchange_simulator.hub import Connection
from services.exchange_simulator.websocket import Session
from services.exchange_simulator.wire import encode

HOST = "127.0.0.1"
ORDER_METHODS = ("AddOrder",)
Answer = web.StreamResponse


class Server:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._numbers = count(1)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_get("/0/public/{method}", self.public)
        app.router.add_post("/0/public/{method}", self.public)
        app.router.add_post("/0/private/{method}", self.private)
        app.router.add_get("/v2", self.websocket)
        app.router.add_route("*", "/sim/{call}", self.admin)
        return app

    async def public(self, request: web.Request) -> Answer:
        call = self._simulator.public.methods.get(request.match_info["method"])
        parameters = dict(request.query)
        if request.method == "POST":
            parameters |= _form(await request.read(), request.content_type)
        return _answered(lambda: _known(call)(parameters))

    async def private(self, request: web.Request) -> Answer:
        method = request.match_info["method"]
        body = await request.read()
        faults = self._simulator.faults
        if late := faults.take("delay_ms", method):
            await asyncio.sleep(late.ms / 1000)
        if faults.take("refuse_429", method):
            return web.Response(status=429, text="Too Many Requests")
        answer = _answered(lambda: self._private(method, request, body))
        if faults.take("reply_lost", method):
            _hang_up(request)
        return answer

    def _private(self, method: str, request: web.Request, body: bytes) -> Any:
        simulator = self._simulator
        parameters = _form(body, request.content_type)
        key, signed = request.headers.get("API-Key", ""), request.headers.get("API-Sign", "")
        simulator.gatekeeper.admit(key, signed, request.path, parameters.get("nonce", ""), body)
        if simulator.faults.take("service_unavailable", method):
            raise KrakenError("EService:Unavailable")
        simulator.limits.call(method)
        if method in ORDER_METHODS and simulator.faults.take("cancel_only", method):
            raise KrakenError("EService:Market in cancel_only mode")
        return _known(simulator.private.methods.get(method))(parameters)

    async def websocket(self, request: web.Request) -> Answer:
        socket = web.WebSocketResponse(compress=False, max_msg_size=1024 * 1024)
        await socket.prepare(request)
        if request.transport is None:
            return socket
        connection = Connection(request.transport)
        hub = self._simulator.hub
        hub.connections.add(connection)
        session = Session(self._simulator.venue, connection, next(self._numbers))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    session.receive(message.data)
        finally:
            hub.forget(connection)
        return socket

    async def admin(self, request: web.Request) -> Answer:
        call = self._simulator.admin.calls.get((request.method, request.match_info["call"]))
        if call is None:
            return _json(404, {"error": f"no such call: {request.method} {request.path}"})
        text = await request.text()
        try:
            body = json.loads(text) if text else {}
            if not isinstance(body, dict):
                raise BadConfiguration("the body must be a JSON object")
            return _json(200, call(body))
        except WrongPhase as error:
            return _json(409, {"error": str(error)})
        except (BadConfiguration, ValueError) as error:
            return _json(400, {"error": str(error)})


@asynccontextmanager
async def serving(simulator: Simulator, port: int) -> AsyncIterator[int]:
    """Listens on the port (0: a free one) while the block runs, and yields it. Raises OSError where it is taken."""
    runner = web.AppRunner(Server(simulator).app(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    tasks: list[asyncio.Task[None]] = []
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        tasks.append(asyncio.create_task(_beat(simulator)))
        if simulator.live is not None:
            tasks.append(asyncio.create_task(simulator.live.run()))
            tasks[-1].add_done_callback(_die_with)
        yield runner.addresses[0][1]
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        simulator.hub.drop_all()
        await runner.cleanup()
        simulator.store.close()


def _die_with(market: "asyncio.Task[None]") -> None:
    """A market that stopped printing by an error must not look like a quiet one."""
    if not market.cancelled() and (error := market.exception()) is not None:
        raise SystemExit("exchange_simulator: the market failed") from error


async def _beat(simulator: Simulator) -> None:
    while True:
        await asyncio.sleep(1)
        simulator.hub.heartbeat()


def _known(call: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if call is None:
        raise KrakenError("EGeneral:Unknown method")
    return call


def _answered(call: Callable[[], Any]) -> web.Response:
    """Kraken refuses with status 200 and its code in ``error``."""
    try:
        body = {"error": [], "result": call()}
    except KrakenError as refusal:
        body = {"error": [str(refusal)]}
    return web.Response(text=encode(body), content_type="application/json")


def _form(body: bytes, content_type: str) -> dict[str, str]:
    try:
        if content_type == "application/json":
            sent = json.loads(body)
            return {str(k): str(v) for k, v in sent.items()} if isinstance(sent, dict) else {}
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        raise KrakenError("EGeneral:Invalid arguments") from None


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")
