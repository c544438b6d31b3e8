"""What the desk's database knows of a period: its trades, its candles, and what it decided with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from sqlalchemy import DateTime, Row, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backtester.drift.split import LiveTrade
from backtester.runs.plan import StrategyChoice
from shared import candles
from shared.models import Account, CouncilSession, EquityPoint, Refusal, Trade
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import to_microseconds

ALL_BARS = 2**31
_ROSTER = text("""
    select name, parameters, (
        select weight from weights
        where scope = 'strategies' and weights.name = strategies.name and effective_from <= :at
        order by effective_from desc limit 1
    ) as weight
    from strategies where is_active order by name
""").bindparams(bindparam("at", type_=DateTime(timezone=True)))


@dataclass(frozen=True, slots=True)
class Held:
    """A trade that is not closed, or bought nothing; `decided_at` in microseconds."""

    symbol: str
    decided_at: int
    status: str


@dataclass(frozen=True, slots=True)
class Said:
    """What was decided of a symbol on the bar that closed at `time` (microseconds), in words."""

    symbol: str
    time: int
    words: str


@dataclass(frozen=True, slots=True)
class Books:
    """Closed trades decided in the period, those of them that are not closed, refusals, and the council's verdicts.

    Times of `refusals` and `verdicts` are closes of decision bars.
    """

    trades: tuple[LiveTrade, ...]
    others: tuple[Held, ...]
    refusals: tuple[Said, ...]
    verdicts: tuple[Said, ...]


async def books(connection: AsyncConnection, since: datetime, until: datetime) -> Books:
    """What the desk did with bars that closed in [since, until)."""
    rows = await _rows(connection, Trade, Trade.decided_at, since, until)
    closed = [row for row in rows if row["status"] == "closed" and row["pnl"] is not None]
    others = [row for row in rows if row not in closed]
    refused = await _rows(connection, Refusal, Refusal.time, since, until)
    sessions = await _rows(connection, CouncilSession, CouncilSession.time, since, until)
    return Books(
        tuple(map(_live, closed)),
        tuple(Held(row["symbol"], to_microseconds(row["decided_at"]), row["status"]) for row in others),
        tuple(_said(row, f"refused ({row['reason']}): {row['detail']}") for row in refused),
        tuple(_said(row, f"the council said {row['verdict']}: {row['reason']}") for row in sessions),
    )


async def roster(connection: AsyncConnection, at: datetime) -> list[StrategyChoice]:
    """Active strategies with the parameters of now and the weights of then; one without weight does not count."""
    rows: Sequence[Row[Any]] = (await connection.execute(_ROSTER, {"at": at})).all()
    return [StrategyChoice(name=row.name, params=row.parameters, weight=row.weight) for row in rows if row.weight]


async def equity_at(connection: AsyncConnection, at: datetime) -> Decimal | None:
    """The account's equity at a time, else what it began with; None before the desk has opened its books."""
    query = select(EquityPoint.equity).where(EquityPoint.time <= at).order_by(EquityPoint.time.desc()).limit(1)
    known: Decimal | None = await connection.scalar(query)
    return known if known is not None else await connection.scalar(select(Account.initial_balance).limit(1))


async def markets(
    connection: AsyncConnection, symbols: Sequence[str], base: Timeframe, start: datetime, end: datetime
) -> dict[str, Market]:
    """Base bars that open in [start, end), of the symbols that have some."""
    found = {}
    for symbol in symbols:
        rows = await candles.between(connection, symbol, base, start, end, limit=ALL_BARS)
        if rows:
            opens = np.array([to_microseconds(row.open_time) for row in rows], np.int64)
            found[symbol] = Market(opens, *np.array([row[3:] for row in rows], np.float64).T)
    return found


async def _rows(
    connection: AsyncConnection, table: Any, column: Any, since: datetime, until: datetime
) -> list[Mapping[str, Any]]:
    query = select(table.__table__).where(column >= since, column < until).order_by(column, table.symbol)
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def _live(row: Mapping[str, Any]) -> LiveTrade:
    side: Literal[1, -1] = 1 if row["side"] == "long" else -1
    requested = row["exit_requested_at"]
    return LiveTrade(
        symbol=row["symbol"],
        side=side,
        decided_at=to_microseconds(row["decided_at"]),
        entry_time=to_microseconds(row["entry_time"]),
        requested_at=None if requested is None else to_microseconds(requested),
        exit_time=to_microseconds(row["exit_time"]),
        quantity=row["quantity"],
        entry_price=row["entry_price"],
        exit_price=row["exit_price"],
        fees=row["fees"],
        pnl=row["pnl"],
        exit_reason=row["exit_reason"] or "",
    )


def _said(row: Mapping[str, Any], words: str) -> Said:
    return Said(row["symbol"], to_microseconds(row["time"]), words)
