"""Money, positions, trades, orders, refusals, equity."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Account, Candle, EquityPoint, Fill, Order, Refusal, Stop, Trade
from shared.reports.rows import EquityRow, OrderRow, Portfolio, PositionRow, RefusalRow, StopRow, TradeRow
from shared.reports.select import FIRST_PAGE, Page, between, columns, equals, fetch, first

HELD = ("opening", "open", "closing")
_OF_POSITION = (
    *("symbol", "timeframe", "status", "quantity", "held", "entry_price", "entry_time", "decided_at"),
    *("take_profit_price", "exit_reason", "fees"),
)


async def trades(
    connection: AsyncConnection,
    *,
    symbol: str | None = None,
    status: str | None = None,
    exit_reason: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Page = FIRST_PAGE,
) -> list[TradeRow]:
    """Trades decided in [since, until), newest first."""
    query = (
        select(*columns(Trade, TradeRow))
        .where(*equals((Trade.symbol, symbol), (Trade.status, status), (Trade.exit_reason, exit_reason)))
        .where(*between(Trade.decided_at, since, until))
        .order_by(Trade.decided_at.desc(), Trade.symbol)
    )
    return await fetch(connection, page.of(query), TradeRow)


async def trade(connection: AsyncConnection, trade_id: UUID) -> TradeRow | None:
    """One trade, or None."""
    return await first(connection, select(*columns(Trade, TradeRow)).where(Trade.id == trade_id), TradeRow)


async def orders(
    connection: AsyncConnection,
    *,
    symbol: str | None = None,
    state: str | None = None,
    purpose: str | None = None,
    trade_id: UUID | None = None,
    page: Page = FIRST_PAGE,
) -> list[OrderRow]:
    """Orders, newest first."""
    asked = ((Order.symbol, symbol), (Order.state, state), (Order.purpose, purpose), (Order.trade_id, trade_id))
    query = select(*columns(Order, OrderRow)).where(*equals(*asked))
    return await fetch(connection, page.of(query.order_by(Order.created_at.desc(), Order.client_order_id)), OrderRow)


async def refusals(
    connection: AsyncConnection,
    *,
    symbol: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Page = FIRST_PAGE,
) -> list[RefusalRow]:
    """BUYs that our risk denied, newest first."""
    query = (
        select(*columns(Refusal, RefusalRow))
        .where(*equals((Refusal.symbol, symbol), (Refusal.reason, reason)), *between(Refusal.time, since, until))
        .order_by(Refusal.time.desc(), Refusal.symbol)
    )
    return await fetch(connection, page.of(query), RefusalRow)


async def equity(
    connection: AsyncConnection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Page = FIRST_PAGE,
) -> list[EquityRow]:
    """Equity points, newest first."""
    query = select(*columns(EquityPoint, EquityRow)).where(*between(EquityPoint.time, since, until))
    return await fetch(connection, page.of(query.order_by(EquityPoint.time.desc())), EquityRow)


async def positions(connection: AsyncConnection, *, symbol: str | None = None) -> list[PositionRow]:
    """Trades not closed, by symbol, each with its stop and marked to the newest closed candle."""
    stop = [getattr(Stop, name).label(f"stop_{name}") for name in StopRow.model_fields]
    newest = (
        select(Candle.close.label("mark"), Candle.open_time.label("marked_at"))
        .where(Candle.symbol == Trade.symbol)
        .order_by(Candle.open_time.desc())
        .limit(1)
        .lateral("newest")
    )
    filled = (
        select(
            func.coalesce(func.sum(Fill.cost).filter(Fill.side == "buy"), 0).label("paid"),
            func.coalesce(func.sum(Fill.cost).filter(Fill.side == "sell"), 0).label("proceeds"),
        )
        .join(Order, Order.client_order_id == Fill.client_order_id)
        .where(Order.trade_id == Trade.id)
        .lateral("filled")
    )
    query = (
        select(Trade.id.label("trade_id"), *(getattr(Trade, name) for name in _OF_POSITION), *stop)
        .add_columns(newest.c.mark, newest.c.marked_at, filled.c.paid, filled.c.proceeds)
        .outerjoin(Stop, Stop.trade_id == Trade.id)
        .outerjoin(newest, Trade.id == Trade.id)
        .outerjoin(filled, Trade.id == Trade.id)
        .where(Trade.status.in_(HELD), *equals((Trade.symbol, symbol)))
        .order_by(Trade.symbol)
    )
    return [_position(row) for row in (await connection.execute(query)).mappings()]


def _position(row: RowMapping) -> PositionRow:
    mark = None if row["mark"] is None else Decimal(repr(row["mark"]))
    known = {name: row[name] for name in ("trade_id", *_OF_POSITION, "stop_price", "marked_at")}
    return PositionRow(**known, stop=_stop(row), mark=mark, **_marked(row, mark))


def _stop(row: RowMapping) -> StopRow | None:
    if row["stop_version"] is None:
        return None
    return StopRow(**{name: row[f"stop_{name}"] for name in StopRow.model_fields})


def _marked(row: RowMapping, mark: Decimal | None) -> dict[str, Any]:
    """Value of what is still held, and the trade's profit or loss at it: what it has done to equity so far.

    By the fills' own amounts, not the average price, which is rounded: the sum must be exact.
    """
    value = None if mark is None else row["held"] * mark
    worth = value if row["held"] else Decimal(0)
    if worth is None or not row["paid"]:
        return {"value": value, "pnl": None, "pnl_fraction": None}
    pnl = worth + row["proceeds"] - row["paid"] - row["fees"]
    return {"value": value, "pnl": pnl, "pnl_fraction": float(pnl / row["paid"])}


async def portfolio(connection: AsyncConnection) -> Portfolio | None:
    """The account's money and positions, or None before the executor has opened its books."""
    account = (await connection.execute(select(*columns(Account, Portfolio), Account.name).limit(1))).mappings().first()
    if account is None:
        return None
    held = await positions(connection)
    values = [position.value for position in held if position.held]
    value = None if None in values else sum((v for v in values if v is not None), Decimal(0))
    total = None if value is None else account["cash"] + value
    return Portfolio(
        account=account["name"],
        **{name: account[name] for name in ("currency", "initial_balance", "cash", "reserved")},
        positions_value=value,
        equity=total,
        drawdown=None if total is None else _drawdown(total, account["initial_balance"]),
        positions=tuple(held),
        **await _realised(connection),
    )


def _drawdown(total: Decimal, initial: Decimal) -> float:
    return float(max(Decimal(0), (initial - total) / initial))


async def _realised(connection: AsyncConnection) -> dict[str, Any]:
    closed = Trade.status == "closed"
    query = select(
        func.coalesce(func.sum(Trade.pnl).filter(closed), 0).label("realised_pnl"),
        func.coalesce(func.sum(Trade.fees), 0).label("fees"),
        func.count().filter(closed).label("trades_closed"),
    )
    return dict((await connection.execute(query)).mappings().one())
