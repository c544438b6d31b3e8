"""The schema is what the models say, can be taken back, and keeps money exact."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Numeric, text

from shared.db import Database
from shared.migrations import downgrade, upgrade
from shared.models import Base


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


async def _tables(database: Database) -> set[str]:
    async with database.transaction() as connection:
        rows = await connection.execute(text("select tablename from pg_tables where schemaname = 'public'"))
        return set(rows.scalars()) - {"alembic_version"}


async def test_schema_is_what_the_models_say(database: Database) -> None:
    async with database.transaction() as connection:
        assert await connection.run_sync(_differences) == []


async def test_every_check_constraint_of_the_models_is_in_the_schema(database: Database) -> None:
    wanted = {
        constraint.name
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if str(constraint.name).startswith("ck_")
    }
    async with database.transaction() as connection:
        rows = await connection.execute(text("select conname from pg_constraint where contype = 'c'"))
        assert wanted <= set(rows.scalars())


async def test_up_down_up_leaves_the_whole_schema(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    upgrade(empty_database_url)
    assert await _tables(database) == set(Base.metadata.tables)
    downgrade(empty_database_url)
    assert await _tables(database) == set()
    upgrade(empty_database_url)
    assert await _tables(database) == set(Base.metadata.tables)
    await database.close()


def test_upgrading_twice_does_nothing(database_url: str) -> None:
    upgrade(database_url)


async def test_money_keeps_every_digit(database: Database) -> None:
    money = [column for table in Base.metadata.tables.values() for column in table.columns if _is_money(column.type)]
    assert money
    async with database.transaction() as connection:
        rows = await connection.execute(
            text(
                "select count(*) from information_schema.columns where table_schema = 'public' "
                "and data_type = 'numeric' and numeric_precision is null"
            )
        )
        assert rows.scalar_one() == len(money)


def _is_money(kind: object) -> bool:
    return isinstance(kind, Numeric) and kind.asdecimal
