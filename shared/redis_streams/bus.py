"""The connection to Redis, one server or a cluster, and the consumer groups of the topology."""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError

from shared.errors import ConfigError, Retryable
from shared.redis_streams.keys import GROUPS, PARTITIONS_KEY, streams_of
from shared.redis_streams.scripts import Script
from shared.redis_streams.wire import ANSWER_WITHIN, Wire

Reply = Any
"""What Redis answers: bytes, int, None or lists of these."""

MEMORY_LIMIT = 0.85
"""Part of Redis's memory from which sources stop; consumers go on, for they free it."""

_NEVER = Retry(NoBackoff(), 0)
# A retried XADD whose first reply was only slow stands in the stream twice.


def _client(url: str) -> Redis | RedisCluster:
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "socket_connect_timeout": 5,
        "socket_read_size": 1 << 18,
        "protocol": 2,
    }
    if parts.scheme == "redis+cluster":
        if parts.hostname is None:
            raise ConfigError("REDIS_URL: a cluster needs redis+cluster://host:port of one of its nodes")
        node = ClusterNode(parts.hostname, parts.port or 6379)
        return RedisCluster(
            startup_nodes=[node],
            retry=_NEVER,
            username=parts.username,
            password=parts.password,
            socket_timeout=ANSWER_WITHIN,
            **options,
        )
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigError("REDIS_URL: use redis://host:port/db, unix:///path or redis+cluster://host:port")
    return Redis.from_url(url, retry=_NEVER, socket_timeout=None, **options)


class Bus:
    """One process's connections to Redis."""

    def __init__(self, client: Any, partitions: int, *, clustered: bool) -> None:
        self.redis = client
        self.partitions = partitions
        self.clustered = clustered
        self._partitions_agreed = False
        self._memory_checked = 0.0
        self._memory_used = 0.0
        self._wire = None if clustered else Wire(client.connection_pool)
        for command in ("XREADGROUP", "XRANGE", "XINFO GROUPS"):
            client.set_response_callback(command, lambda reply, **_: reply)

    @classmethod
    async def connect(cls, url: str, partitions: int) -> "Bus":
        """redis://host:port/db, unix:///path or redis+cluster://host:port. Connects at the first command."""
        client = _client(url)
        return cls(client, partitions, clustered=isinstance(client, RedisCluster))

    async def close(self) -> None:
        """Give every connection back."""
        if self._wire is not None:
            await self._wire.close()
        await self.redis.aclose()

    async def execute(self, *command: Any) -> Reply:
        """One command, its reply as Redis gave it. Never sent twice."""
        if self._wire is not None:
            return await self._wire.execute(*command)
        return await self.redis.execute_command(*command)

    async def call(self, script: Script, keys: Sequence[str | bytes], *arguments: Any) -> Reply:
        """Run a script; Redis forgets them when it restarts, so it is sent again where it is missing."""
        try:
            return await self.execute("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.execute("EVAL", script.text, len(keys), *keys, *arguments)

    async def ensure_groups(self) -> None:
        """Create what is missing of every group of the topology on every partition, from the first entry on."""
        await self.require_partitions()
        for partition in range(self.partitions):
            for group in GROUPS:
                for key in streams_of(group, partition):
                    await self._ensure_group(key, group)

    async def ensure_groups_of(self, group: str, partition: int) -> None:
        """The same for one group in one partition."""
        for key in streams_of(group, partition):
            await self._ensure_group(key, group)

    async def _ensure_group(self, key: str, group: str) -> None:
        # redis-py finds the slot of a two-word command only where both words are one argument
        command = ("XGROUP CREATE",) if self.clustered else ("XGROUP", "CREATE")
        try:
            await self.execute(*command, key, group, "0", "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def require_partitions(self) -> None:
        """ConfigError where this desk began with another number. The first process of all settles it."""
        if self._partitions_agreed:
            return
        ours = str(self.partitions).encode()
        await self.execute("SET", PARTITIONS_KEY, ours, "NX")
        stored = await self.execute("GET", PARTITIONS_KEY)
        if stored not in (None, ours):
            raise ConfigError(
                f"PARTITIONS: this desk was started with {stored.decode('utf-8', 'replace')} partitions, and"
                f" {self.partitions} are set: other ones would tear the keys' order apart. Set it back."
            )
        self._partitions_agreed = True

    async def require_memory(self) -> None:
        """Retryable while Redis is nearly full. Asked at most once a second."""
        now = time.monotonic()
        if now - self._memory_checked > 1.0:
            self._memory_used = await self._memory_part()
            self._memory_checked = now
        if self._memory_used >= MEMORY_LIMIT:
            raise Retryable(
                f"Redis memory is {self._memory_used:.0%} full: sources pause. Raise maxmemory or mend slow readers."
            )

    async def _memory_part(self) -> float:
        """The fullest node's part of its `maxmemory`; 0 where there is no limit."""
        if self.clustered:
            nodes = [info for info in (await self.redis.info("memory", target_nodes="all")).values()]
        else:
            nodes = [await self.redis.info("memory")]
        return max((node["used_memory"] / node["maxmemory"] for node in nodes if node.get("maxmemory")), default=0.0)
