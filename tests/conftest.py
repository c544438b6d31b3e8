"""Real servers for the whole session, and a clean place in them for every test."""

import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.redis import EmbeddedRedis
from shared.migrations import upgrade

# The same examples on every run, so that a red test is red for its change; `make explore` looks for new ones.
_FREE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.register_profile("parley", parent=_FREE, derandomize=True, max_examples=60)
settings.register_profile("explore", parent=_FREE, max_examples=int(os.environ.get("EXAMPLES", "2000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "parley"))

TEMPLATE = "template_parley"
_numbers = count(1)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One Redis 6.2 for the session."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """An empty Redis."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the session, with a migrated template database. Power cuts are not tested: no fsync."""
    relaxed = {"fsync": "off", "full_page_writes": "off"}
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), relaxed) as server:
        upgrade(server.url(TEMPLATE))
        yield server


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table."""
    name = f"empty_{next(_numbers)}"
    yield postgres_server.url(name)
    postgres_server.query('drop database :"name" with (force)', name=name)


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of this test's own."""
    name = f"test_{next(_numbers)}"
    postgres_server.query('create database :"name" template :"template"', name=name, template=TEMPLATE)
    yield postgres_server.url(name)
    postgres_server.query('drop database :"name" with (force)', name=name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool of connections to a migrated database of this test's own."""
    pool = Database(database_url)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of recorded candles; skips where there is none."""
    folder = Path(os.environ.get("PARLEY_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recorded candles in {folder}; set PARLEY_DATA")
    return folder
