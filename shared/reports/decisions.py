"""Signals, council sessions with their votes, strategies and weights."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import CouncilSession, CouncilVote, Signal, Strategy, Weight
from shared.reports.rows import SessionRow, SignalRow, StrategyRow, VoteRow, WeightRow
from shared.reports.select import FIRST_PAGE, Page, between, columns, equals, fetch


async def signals(
    connection: AsyncConnection,
    *,
    symbol: str | None = None,
    least_score: float | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Page = FIRST_PAGE,
) -> list[SignalRow]:
    """Signals of bars that closed in [since, until), newest first; `least_score` holds for either direction."""
    query = (
        select(*columns(Signal, SignalRow))
        .where(*equals((Signal.symbol, symbol)), *between(Signal.time, since, until))
        .order_by(Signal.time.desc(), Signal.symbol)
    )
    if least_score is not None:
        query = query.where(func.abs(Signal.score) >= least_score)
    return await fetch(connection, page.of(query), SignalRow)


async def sessions(
    connection: AsyncConnection,
    *,
    symbol: str | None = None,
    verdict: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Page = FIRST_PAGE,
) -> list[SessionRow]:
    """Council sessions, newest first, with every vote."""
    query = (
        select(CouncilSession)
        .where(*equals((CouncilSession.symbol, symbol), (CouncilSession.verdict, verdict)))
        .where(*between(CouncilSession.time, since, until))
        .order_by(CouncilSession.time.desc(), CouncilSession.symbol)
    )
    return await _with_votes(connection, page.of(query))


async def session(connection: AsyncConnection, session_id: UUID) -> SessionRow | None:
    """One session with its votes, or None."""
    found = await _with_votes(connection, select(CouncilSession).where(CouncilSession.id == session_id))
    return found[0] if found else None


async def _with_votes(connection: AsyncConnection, query: Select[Any]) -> list[SessionRow]:
    found = (await connection.execute(query)).mappings().all()
    votes = await _votes(connection, [row["id"] for row in found])
    return [SessionRow(**row, votes=tuple(votes[row["id"]])) for row in found]


async def _votes(connection: AsyncConnection, session_ids: Sequence[UUID]) -> dict[UUID, list[VoteRow]]:
    query = select(CouncilVote).where(CouncilVote.session_id.in_(session_ids)).order_by(CouncilVote.member)
    votes: dict[UUID, list[VoteRow]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        votes[row["session_id"]].append(VoteRow(**{name: row[name] for name in VoteRow.model_fields}))
    return votes


async def weights_now(connection: AsyncConnection, scope: str) -> list[WeightRow]:
    """The newest weight of each name in a scope, by name."""
    query = select(*columns(Weight, WeightRow)).where(Weight.scope == scope).ext(distinct_on(Weight.name))
    return await fetch(connection, query.order_by(Weight.name, Weight.effective_from.desc()), WeightRow)


async def strategies(connection: AsyncConnection) -> list[StrategyRow]:
    """Every strategy with its newest weight, by name."""
    newest = (
        select(Weight.name, Weight.weight, Weight.effective_from)
        .where(Weight.scope == "strategies")
        .ext(distinct_on(Weight.name))
        .order_by(Weight.name, Weight.effective_from.desc())
        .subquery()
    )
    query = (
        select(*columns(Strategy, StrategyRow), newest.c.weight, newest.c.effective_from)
        .outerjoin(newest, newest.c.name == Strategy.name)
        .order_by(Strategy.name)
    )
    return await fetch(connection, query, StrategyRow)


async def weights(
    connection: AsyncConnection,
    *,
    scope: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Page = FIRST_PAGE,
) -> list[WeightRow]:
    """Every weight that was ever set, newest first."""
    query = (
        select(*columns(Weight, WeightRow))
        .where(*equals((Weight.scope, scope), (Weight.name, name)), *between(Weight.effective_from, since, until))
        .order_by(Weight.effective_from.desc(), Weight.scope, Weight.name)
    )
    return await fetch(connection, page.of(query), WeightRow)
