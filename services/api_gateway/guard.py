"""Who may ask, and how: by a loopback name, and only to read."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api_gateway.errors import problem

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})


def host_of(header: str) -> str:
    """The name in a Host header, without its port.

    >>> host_of("localhost:8000"), host_of("[::1]:8000")
    ('localhost', '[::1]')
    """
    if header.startswith("["):
        return header.partition("]")[0].lower() + "]"
    return header.partition(":")[0].lower()


class LoopbackOnly:
    """A page of the internet may point its own name at 127.0.0.1 and let a browser ask (DNS rebinding): its name is
    in the Host header, and not a loopback one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            if host_of(host) not in LOOPBACK:
                fix = "Ask http://127.0.0.1 or http://localhost."
                return await problem(400, "wrong_host", f"This is not {host[:100]!r}.", fix)(scope, receive, send)
        return await self._app(scope, receive, send)


class ReadOnly:
    """Writes wait for authentication."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READS:
            fix = "Use the command line: parley pause, resume, close."
            refusal = problem(405, "read_only", "This API only reads for now.", fix)
            refusal.headers["Allow"] = "GET"
            return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)
