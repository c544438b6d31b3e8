"""Signals, council sessions, strategies and weights."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api_gateway.adapters import FromSources
from services.api_gateway.errors import NotFound
from services.api_gateway.examples import example
from services.api_gateway.routes.parameters import Part, Since, SymbolFilter, Until, one_more, page_of
from services.api_gateway.views import Page, Strategies
from shared.reports import queries
from shared.reports.rows import SessionRow, SignalRow, WeightRow
from shared.schemas.council import Verdict

router = APIRouter(tags=["decisions"])


@router.get("/signals", responses=example("signals"))
async def get_signals(
    sources: FromSources,
    part: Part,
    symbol: SymbolFilter = None,
    least_score: Annotated[float | None, Query(ge=0, le=1, description="in either direction")] = None,
    since: Since = None,
    until: Until = None,
) -> Page[SignalRow]:
    """What the strategies said about each bar, newest first."""
    found = await sources.ask(
        lambda connection: queries.signals(
            connection, symbol=symbol, least_score=least_score, since=since, until=until, page=one_more(part)
        )
    )
    return page_of(found, part)


@router.get("/council/sessions", responses=example("sessions"))
async def get_sessions(
    sources: FromSources,
    part: Part,
    symbol: SymbolFilter = None,
    verdict: Verdict | None = None,
    since: Since = None,
    until: Until = None,
) -> Page[SessionRow]:
    """The council's verdicts with every vote, newest first."""
    found = await sources.ask(
        lambda connection: queries.sessions(
            connection, symbol=symbol, verdict=verdict, since=since, until=until, page=one_more(part)
        )
    )
    return page_of(found, part)


@router.get("/council/sessions/{session_id}", responses=example("session"))
async def get_session(sources: FromSources, session_id: UUID) -> SessionRow:
    """One session with every vote and its reason."""
    found = await sources.ask(lambda connection: queries.session(connection, session_id))
    if found is None:
        raise NotFound(f"There is no council session {session_id}.", "GET /council/sessions lists them.")
    return found


@router.get("/strategies", responses=example("strategies"))
async def get_strategies(sources: FromSources) -> Strategies:
    """Every strategy with its weight now, and the weights of the council's members."""

    async def both(connection: AsyncConnection) -> Strategies:
        strategies = await queries.strategies(connection)
        members = await queries.weights_now(connection, "members")
        return Strategies(strategies=tuple(strategies), members=tuple(members))

    return await sources.ask(both)


@router.get("/strategies/weights", responses=example("weights"))
async def get_weights(
    sources: FromSources,
    part: Part,
    scope: Literal["strategies", "members"] | None = None,
    name: Annotated[str | None, Query(max_length=60, examples=["momentum"])] = None,
    since: Since = None,
    until: Until = None,
) -> Page[WeightRow]:
    """Every weight that was ever set and why, newest first."""
    found = await sources.ask(
        lambda connection: queries.weights(
            connection, scope=scope, name=name, since=since, until=until, page=one_more(part)
        )
    )
    return page_of(found, part)
