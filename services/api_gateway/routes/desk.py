"""The desk as a whole: health, status, streams."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from services.api_gateway.adapters import FromSources
from services.api_gateway.examples import example
from services.api_gateway.health import health
from services.api_gateway.views import DeskStatus, Health, Streams
from shared.reports import queries

router = APIRouter(tags=["desk"])


@router.get("/health", responses=example("health"))
async def get_health(sources: FromSources, response: Response) -> Health:
    """Every service, each group's lag, database, Redis and venue. 503 where the desk is down."""
    found = await health(sources)
    if found.status == "down":
        response.status_code = 503
    return found


@router.get("/status", responses=example("status"))
async def get_status(sources: FromSources) -> DeskStatus:
    """Whether the desk may trade, its money, and why it does not trade right now."""
    found = await sources.ask(queries.status)
    settings = sources.settings
    return DeskStatus(
        **dict(found),
        mode=settings.trading_mode,
        desk=settings.desk,
        symbols=settings.symbols,
        timeframe=settings.timeframe,
        base_timeframe=settings.base_timeframe,
        council=settings.council,
        learning=settings.learning,
    )


@router.get("/streams", responses=example("streams"))
async def get_streams(sources: FromSources) -> Streams:
    """Length, lag, pending and dead letters of every stream, and who holds which partition."""
    return Streams.model_validate(asdict(await sources.overview()))
