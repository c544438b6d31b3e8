"""What a process says of itself: /health and /metrics on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Report = Callable[[], Awaitable[Mapping[str, Any]]]


@asynccontextmanager
async def health_endpoint(port: int, report: Report) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port (that of the system's choice for 0)."""

    async def health(_request: web.Request) -> web.Response:
        answer = await report()
        return web.json_response(answer, status=200 if answer["status"] == "ok" else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
