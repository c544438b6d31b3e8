"""uvicorn as one loop of the service, on a loopback port that is surely ours."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from shared.errors import ConfigError

LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # the service's runner handles SIGTERM for everything in the process
        yield


def listen(port: int) -> socket.socket:
    """A listening loopback socket; port 0 is any free one. ConfigError where the port is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigError(f"API_PORT {port}: {error.strerror}. Stop what uses it, or set another port.") from None
    return listening


class Api:
    """Serves until told to stop."""

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        self._listening = listening
        self.port: int = listening.getsockname()[1]
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2)
        self._server = _Server(config)

    async def serve(self, stop: asyncio.Event) -> None:
        """Until `stop`, then finish what is being answered."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        self._server.should_exit = True
        await serving
