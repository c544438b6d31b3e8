"""Parameters that many routes share, and how a long answer is cut into pages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Query
from pydantic import AfterValidator

from services.api_gateway.views import Page
from shared.reports import queries

Item = TypeVar("Item")


def _as_symbol(symbol: str) -> str:
    """
    >>> _as_symbol("btc-usd")
    'BTC/USD'
    """
    return symbol.upper().replace("-", "/")


def _as_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


SymbolName = Annotated[str, AfterValidator(_as_symbol)]
SymbolFilter = Annotated[
    SymbolName | None, Query(max_length=30, description="only this pair", examples=["BTC/USD", "BTC-USD"])
]
Moment = Annotated[datetime, AfterValidator(_as_utc)]
Since = Annotated[
    Moment | None, Query(description="from this time on; without a zone it is UTC", examples=["2026-01-05T09:00:00Z"])
]
Until = Annotated[Moment | None, Query(description="before this time", examples=["2026-01-06T00:00:00Z"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="how many to pass over")]


def _part(limit: Limit = 50, offset: Offset = 0) -> queries.Page:
    return queries.Page(limit, offset)


Part = Annotated[queries.Page, Depends(_part)]


def one_more(part: queries.Page) -> queries.Page:
    """The part and one item behind it, which tells whether there is a next part."""
    return queries.Page(part.limit + 1, part.offset)


def page_of(items: Sequence[Item], part: queries.Page) -> Page[Item]:
    """The answer to a question for `one_more`."""
    more = len(items) > part.limit
    return Page(
        items=tuple(items[: part.limit]),
        limit=part.limit,
        offset=part.offset,
        next_offset=part.offset + part.limit if more else None,
    )
