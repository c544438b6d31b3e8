"""What the database held when a recording began: every table that a service decides by, as rows of JSON text."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Base
from shared.schemas.base import Timeframe
from shared.timeframes import duration

WINDOW = 2_000
"""Bars before the beginning that are kept of each symbol; no strategy looks further back."""

FACTS = ("assets", "strategies", "sentiment_logs")
"""Written by people or by services that are never driven."""

BOOKS = (
    *("learning_outcomes", "learning_adjustments", "accounts", "trades", "orders", "fills", "stops"),
    *("decision_instants", "pending_verdicts", "equity_points", "system_config", "audit"),
)
"""Written by what a replay drives: empty where the whole life of a desk is recorded."""

LATE = ("assets", "sentiment_logs")
"""Read as of a time, or steps that never change: what was learnt while recording may be there from the start."""

_AT_ONCE = 500
_ROW: Mapping[str, str] = {"sentiment_logs": "to_jsonb(kept) - 'article_id'", "audit": "to_jsonb(kept) - 'id'"}
# the articles stay behind (no service decides by their text), and the audit trail counts its rows itself

_BY_HAND = """
    select * from weights where not exists (
        select from learning_adjustments made
        where made.scope = weights.scope and made.name = weights.name and made.effective_from = weights.effective_from)
"""
_CANDLES = """
    select * from candles where timeframe = :timeframe and open_time >= coalesce(
        (select max(open_time) from candles where timeframe = :timeframe) - cast(:window as interval), '-infinity')
    union all
    (select * from candles where timeframe = :base and timeframe <> :timeframe order by open_time desc limit 1)
"""


async def rows_of(
    connection: AsyncConnection, timeframe: Timeframe, base: Timeframe, *, from_start: bool
) -> AsyncIterator[tuple[str, list[str]]]:
    """(table, rows) in the order of their foreign keys. `from_start`: the books were empty then."""
    candles = "select * from candles where timeframe = :timeframe" if from_start else _CANDLES
    queries = {"candles": candles, "weights": _BY_HAND if from_start else "select * from weights"}
    queries |= {table: f"select * from {table}" for table in (FACTS if from_start else (*FACTS, *BOOKS))}
    asked = {"timeframe": timeframe, "base": base, "window": duration(timeframe) * WINDOW}
    for table in sorted_tables(queries):
        names = [name for name in asked if f":{name}" in queries[table]]
        async for rows in read_rows(connection, table, queries[table], {name: asked[name] for name in names}):
            yield table, rows


async def late_rows(connection: AsyncConnection) -> AsyncIterator[tuple[str, list[str]]]:
    """(table, rows) of what may have been learnt since."""
    for table in sorted_tables(LATE):
        async for rows in read_rows(connection, table, f"select * from {table}", {}):
            yield table, rows


async def restore(connection: AsyncConnection, *snapshots: Mapping[str, Sequence[str]]) -> None:
    """Insert the rows; of those given twice the later snapshot's stand."""
    for snapshot in reversed(snapshots):
        for table in sorted_tables(snapshot):
            await _insert(connection, table, snapshot[table])
    await connection.execute(text("insert into system_config (id) values (1) on conflict do nothing"))


def without_candles(rows: Sequence[str], announced: Iterable[tuple[str, str, str]]) -> list[str]:
    """The candles but those (symbol, timeframe, open time as of a message) that the recording itself announces."""
    known = {(symbol, timeframe, _same_form(opened)) for symbol, timeframe, opened in announced}
    return [row for row in rows if _name(json.loads(row)) not in known]


def _name(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["symbol"], row["timeframe"], _same_form(row["open_time"])


def _same_form(time: str) -> str:
    return time.replace("+00:00", "Z")


def sorted_tables(tables: Iterable[str]) -> list[str]:
    """Each after those it refers to."""
    wanted = set(tables)
    return [table.name for table in Base.metadata.sorted_tables if table.name in wanted]


async def read_rows(
    connection: AsyncConnection, table: str, query: str, parameters: Mapping[str, object]
) -> AsyncIterator[list[str]]:
    """What a query finds, as rows of JSON text, some hundreds at once."""
    # numbers never pass through Python's floats: PostgreSQL writes the text and reads it again
    row = _ROW.get(table, "row_to_json(kept)")
    found = await connection.stream(text(f"select cast({row} as text) as row from ({query}) kept"), parameters)
    async for part in found.partitions(_AT_ONCE):
        yield [one.row for one in part]


async def _insert(connection: AsyncConnection, table: str, rows: Sequence[str]) -> None:
    columns = ", ".join(column.name for column in Base.metadata.tables[table].columns if column.identity is None)
    insert = text(
        f"insert into {table} ({columns}) select {columns} from"
        f" json_populate_recordset(null::{table}, cast(:rows as json)) on conflict do nothing"
    )
    for start in range(0, len(rows), _AT_ONCE):
        await connection.execute(insert, {"rows": f"[{','.join(rows[start : start + _AT_ONCE])}]"})
