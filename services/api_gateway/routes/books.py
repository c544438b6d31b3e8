"""Money and trades: portfolio, positions, trades, orders, refusals, equity."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from services.api_gateway.adapters import FromSources
from services.api_gateway.errors import NotFound
from services.api_gateway.examples import example
from services.api_gateway.routes.parameters import Part, Since, SymbolFilter, Until, one_more, page_of
from services.api_gateway.views import Page
from shared.reports import queries
from shared.reports.rows import EquityRow, OrderRow, Portfolio, PositionRow, RefusalRow, TradeRow
from shared.schemas.orders import ExitReason, Purpose

router = APIRouter(tags=["books"])

TradeStatus = Literal["opening", "open", "closing", "closed"]
OrderState = Literal["intended", "submitting", "unknown", "open", "filled", "canceled", "rejected"]


@router.get("/portfolio", responses=example("portfolio"))
async def get_portfolio(sources: FromSources) -> Portfolio:
    """Cash, equity, drawdown and realised result of the account, with its positions."""
    found = await sources.ask(queries.portfolio)
    if found is None:
        raise NotFound("There is no account yet.", "It is opened when trade_executor first starts: see GET /health.")
    return found


@router.get("/positions", responses=example("positions"))
async def get_positions(sources: FromSources, symbol: SymbolFilter = None) -> list[PositionRow]:
    """Trades that are not closed, with stop, target and unrealised result."""
    return await sources.ask(lambda connection: queries.positions(connection, symbol=symbol))


@router.get("/trades", responses=example("trades"))
async def get_trades(
    sources: FromSources,
    part: Part,
    symbol: SymbolFilter = None,
    status: TradeStatus | None = None,
    exit_reason: ExitReason | None = None,
    since: Since = None,
    until: Until = None,
) -> Page[TradeRow]:
    """Trades by the time of their decision, newest first."""
    filters = {"symbol": symbol, "status": status, "exit_reason": exit_reason}
    found = await sources.ask(
        lambda connection: queries.trades(connection, **filters, since=since, until=until, page=one_more(part))
    )
    return page_of(found, part)


@router.get("/trades/{trade_id}", responses=example("trade"))
async def get_trade(sources: FromSources, trade_id: UUID) -> TradeRow:
    """One trade, with what argued for it."""
    found = await sources.ask(lambda connection: queries.trade(connection, trade_id))
    if found is None:
        raise NotFound(f"There is no trade {trade_id}.", "GET /trades lists them.")
    return found


@router.get("/orders", responses=example("orders"))
async def get_orders(
    sources: FromSources,
    part: Part,
    symbol: SymbolFilter = None,
    state: OrderState | None = None,
    purpose: Purpose | None = None,
    trade_id: UUID | None = None,
) -> Page[OrderRow]:
    """Orders, newest first: what was intended, and what the venue confirmed of it."""
    found = await sources.ask(
        lambda connection: queries.orders(
            connection, symbol=symbol, state=state, purpose=purpose, trade_id=trade_id, page=one_more(part)
        )
    )
    return page_of(found, part)


@router.get("/refusals", responses=example("refusals"))
async def get_refusals(
    sources: FromSources,
    part: Part,
    symbol: SymbolFilter = None,
    reason: Annotated[str | None, Query(max_length=40, examples=["cash", "max_positions"])] = None,
    since: Since = None,
    until: Until = None,
) -> Page[RefusalRow]:
    """BUYs that the risk limits denied, with the numbers, newest first."""
    found = await sources.ask(
        lambda connection: queries.refusals(
            connection, symbol=symbol, reason=reason, since=since, until=until, page=one_more(part)
        )
    )
    return page_of(found, part)


@router.get("/equity", responses=example("equity"))
async def get_equity(sources: FromSources, part: Part, since: Since = None, until: Until = None) -> Page[EquityRow]:
    """Equity marked to the bid at each close of the decision timeframe, newest first."""
    found = await sources.ask(
        lambda connection: queries.equity(connection, since=since, until=until, page=one_more(part))
    )
    return page_of(found, part)
