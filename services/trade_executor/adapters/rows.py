"""Model objects as rows: inserted whole, updated by the columns that changed."""

from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, insert, update

from services.trade_executor.ports import Connection
from shared.models import Base

Row = dict[str, Any]


def values(part: Base) -> Row:
    """Every column of an object that no session knows."""
    return {column.name: getattr(part, column.name) for column in table(part).columns}


def table(part: Base) -> Table:
    """Where its rows are."""
    return cast(Table, part.__table__)


def identity(part: Base) -> tuple[object, ...]:
    """Its table and primary key: the same for the same row."""
    rows = table(part)
    return rows.name, *(getattr(part, column.name) for column in rows.primary_key)


async def write(tx: Connection, part: Base, before: Row | None) -> None:
    """Insert what is new (`before` None), update what differs from `before`, else nothing."""
    rows, now = table(part), values(part)
    if before is None:
        await tx.execute(insert(rows), now)
        return
    changed = {name: value for name, value in now.items() if value != before[name]}
    if changed:
        keys = [column for column in rows.primary_key]
        where = and_(*(column == bindparam(f"key_{column.name}") for column in keys))
        named = {f"key_{column.name}": now[column.name] for column in keys}
        await tx.execute(update(rows).where(where).values({name: bindparam(name) for name in changed}), named | changed)
