"""From a SELECT to rows, and the filters that most questions share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from shared.schemas.base import Value

RowType = TypeVar("RowType", bound=Value)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a long answer, newest first."""

    limit: int = 50
    offset: int = 0

    def of(self, query: Select[Any]) -> Select[Any]:
        """The query cut to this page."""
        return query.limit(self.limit).offset(self.offset)


FIRST_PAGE = Page()


def between(
    column: InstrumentedAttribute[Any], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """since <= column < until; either end may be open."""
    bounds = [] if since is None else [column >= since]
    return bounds if until is None else [*bounds, column < until]


def equals(*pairs: tuple[InstrumentedAttribute[Any], object]) -> list[ColumnElement[bool]]:
    """A condition for every pair whose value is asked for (not None)."""
    return [column == value for column, value in pairs if value is not None]


async def fetch(connection: AsyncConnection, query: Select[Any], row: type[RowType]) -> list[RowType]:
    """Every result of the query as `row`, whose fields are its columns."""
    result = await connection.execute(query)
    return [row.model_validate(dict(found)) for found in result.mappings()]


async def first(connection: AsyncConnection, query: Select[Any], row: type[RowType]) -> RowType | None:
    """The first result, or None."""
    found: Sequence[RowType] = await fetch(connection, query.limit(1), row)
    return found[0] if found else None


def columns(table: Any, row: type[Value]) -> list[Any]:
    """The table's columns that `row` has fields for."""
    return [getattr(table, name) for name in row.model_fields if hasattr(table, name)]
