"""Candles."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api_gateway.adapters import FromSources
from services.api_gateway.errors import NotFound
from services.api_gateway.examples import example
from services.api_gateway.routes.parameters import Since, SymbolName, Until
from services.api_gateway.views import Candles
from shared.reports import queries
from shared.schemas.base import Timeframe

router = APIRouter(tags=["market"])

SymbolPath = Annotated[SymbolName, Path(max_length=30, description="a pair", examples=["BTC-USD", "BTC/USD"])]


@router.get("/candles/{symbol:path}", responses=example("candles"))
async def get_candles(
    sources: FromSources,
    symbol: SymbolPath,
    timeframe: Timeframe | None = None,
    start: Since = None,
    end: Until = None,
    limit: Annotated[int, Query(ge=1, le=5000, description="the newest so many")] = 500,
) -> Candles:
    """Closed bars that opened in [start, end), oldest first; kept for 60 seconds. Default: TIMEFRAME."""
    of = timeframe or sources.settings.timeframe

    async def read(connection: AsyncConnection) -> Candles:
        found = await queries.candles(connection, symbol, of, start=start, end=end, limit=limit)
        if not found and not await queries.is_known(connection, symbol):
            raise NotFound(
                f"{symbol} is no pair of this desk.", f"It watches {', '.join(sources.settings.symbols)}; see SYMBOLS."
            )
        return Candles(symbol=symbol, timeframe=of, candles=tuple(found))

    return await sources.candles.get((symbol, of, start, end, limit), lambda: sources.ask(read))
