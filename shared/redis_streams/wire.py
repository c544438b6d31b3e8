"""Commands to one Redis at the least cost.

redis-py's own way packs arguments in Python, polls each connection before use, and starts a task per write:
at one message a hop that is most of the time. Its connections and hiredis do the rest.
"""

import asyncio
from typing import Any

import redis.exceptions as redis_errors
from hiredis import pack_command
from redis.asyncio import Connection
from redis.asyncio.connection import ConnectionPool

ANSWER_WITHIN = 10.0
"""Seconds for one command, blocking reads included; then the connection is given up."""


class Wire:
    """Connections of one server, used by one command at a time each. None is ever sent twice."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._make = pool.make_connection
        self._free: list[Connection] = []
        self._closed = False

    async def execute(self, *command: Any) -> Any:
        """The server's bare reply. Raises redis-py's errors, or TimeoutError; the connection is dropped then."""
        connection = self._free.pop() if self._free else self._make()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                if not connection.is_connected:
                    await connection.connect()
                await connection.send_packed_command(pack_command(command), check_health=False)
                return await connection.read_response()
        except (redis_errors.ConnectionError, OSError):
            await self._drop_idle()
            raise
        finally:
            if self._closed:
                await connection.disconnect()
            else:
                self._free.append(connection)

    async def close(self) -> None:
        """Close the idle connections now, those at work when they are done."""
        self._closed = True
        await self._drop_idle()

    async def _drop_idle(self) -> None:
        """A server that was restarted has closed them all: only one command shall fail for it."""
        idle, self._free = self._free, []
        for connection in idle:
            await connection.disconnect()
