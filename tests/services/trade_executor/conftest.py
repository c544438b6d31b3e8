"""One database for all of the executor's tests, emptied for each: cheaper than a fresh copy a test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.models import Base
from tests.conftest import TEMPLATE

NAME = "trade_executor"


@pytest.fixture(scope="package")
def executor_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    postgres_server.query('create database :"name" template :"template"', name=NAME, template=TEMPLATE)
    yield postgres_server.url(NAME)
    postgres_server.query('drop database :"name" with (force)', name=NAME)


@pytest.fixture
def database_url(executor_database_url: str) -> str:
    return executor_database_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool of connections to an empty, migrated database."""
    pool = Database(database_url)
    tables = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    async with pool.transaction() as connection:
        await connection.execute(text(f"TRUNCATE {tables} CASCADE"))
    yield pool
    await pool.close()
