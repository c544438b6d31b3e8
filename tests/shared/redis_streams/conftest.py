"""Each Redis we promise to work on, and a clean bus on it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from redis import Redis

from shared.redis_streams.bus import Bus
from tests.shared.redis_streams.servers import VERSIONS, Cluster, RedisProcess

PARTITIONS = 4


@pytest.fixture(scope="session", params=list(VERSIONS))
def shared_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """One server of each version for the session; not to be harmed."""
    binary = VERSIONS[request.param]
    if binary is None:
        pytest.skip("no redis-server on PATH")
    server = RedisProcess(binary, tmp_path_factory.mktemp("redis"), appendonly="no").start()
    yield server
    server.stop()


@pytest.fixture
async def bus(shared_server: RedisProcess) -> AsyncIterator[Bus]:
    """An empty bus with every group in place."""
    with Redis.from_url(shared_server.url) as client:
        client.flushall()
        client.config_set("maxmemory", 0)
    connected = await Bus.connect(shared_server.url, PARTITIONS)
    await connected.ensure_groups()
    yield connected
    await connected.close()


@pytest.fixture(params=list(VERSIONS))
def own_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A server of this test's own, to be harmed."""
    binary = VERSIONS[request.param]
    if binary is None:
        pytest.skip("no redis-server on PATH")
    server = RedisProcess(binary, tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
async def own_bus(own_server: RedisProcess) -> AsyncIterator[Bus]:
    """A bus on it."""
    connected = await Bus.connect(own_server.url, PARTITIONS)
    await connected.ensure_groups()
    yield connected
    await connected.close()


@pytest.fixture(scope="session", params=list(VERSIONS))
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real cluster of each version."""
    binary = VERSIONS[request.param]
    if binary is None:
        pytest.skip("no redis-server on PATH")
    three = Cluster(binary, tmp_path_factory.mktemp("cluster")).start()
    yield three
    three.stop()


@pytest.fixture
async def cluster_bus(cluster: Cluster) -> AsyncIterator[Bus]:
    """An empty bus on the cluster."""
    cluster.flush()
    connected = await Bus.connect(cluster.url, PARTITIONS)
    await connected.ensure_groups()
    yield connected
    await connected.close()


@pytest.fixture(autouse=True)
def _no_logs() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()
