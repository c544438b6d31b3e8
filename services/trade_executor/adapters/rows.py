"""Records as rows: inserted whole, updated by the columns that changed."""

from dataclasses import fields
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, insert, update

from services.trade_executor.core.records import Fill, Order, Record, Stop, Trade
from services.trade_executor.ports import Connection
from shared import models

Row = dict[str, Any]
TABLES = {
    record: cast(Table, model.__table__)
    for record, model in ((Trade, models.Trade), (Order, models.Order), (Fill, models.Fill), (Stop, models.Stop))
}
COLUMNS = {record: tuple(field.name for field in fields(record)) for record in TABLES}


def values(record: Record) -> Row:
    """Every column of a record."""
    return {name: getattr(record, name) for name in COLUMNS[type(record)]}


def identity(record: Record) -> tuple[object, ...]:
    """Its table and primary key: the same for the same row."""
    rows = TABLES[type(record)]
    return rows.name, *(getattr(record, column.name) for column in rows.primary_key)


async def write(tx: Connection, record: Record, before: Row | None) -> None:
    """Insert what is new (`before` None), update what differs from `before`, else nothing."""
    rows, now = TABLES[type(record)], values(record)
    if before is None:
        await tx.execute(insert(rows), now)
        return
    changed = {name: value for name, value in now.items() if value != before[name]}
    if changed:
        keys = [column for column in rows.primary_key]
        where = and_(*(column == bindparam(f"key_{column.name}") for column in keys))
        named = {f"key_{column.name}": now[column.name] for column in keys}
        await tx.execute(update(rows).where(where).values({name: bindparam(name) for name in changed}), named | changed)
