"""A desk's database: candles of one seeded market, strategies with weights, and whatever it traded."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backtester.check.drawn import drawn
from backtester.drift.split import LiveTrade
from shared import candles, models
from shared.config import Settings, load_settings
from shared.ids import derived_id
from shared.timeframes import MINUTE, from_microseconds
from tests.backtester.drift.trades import BTC

BARS = 7_000
MARKET = drawn(5, BARS, MINUTE)
SINCE = from_microseconds(int(MARKET.open_time[0])) + timedelta(minutes=5 * 620)
UNTIL = from_microseconds(int(MARKET.open_time[-1])) + timedelta(minutes=1)
ENVIRONMENT = {"SYMBOLS": BTC, "TIMEFRAME": "5m", "COUNCIL": "none", "LEARNING": "off", "INITIAL_BALANCE": "10000"}


def settings(**more: str) -> Settings:
    """The desk's."""
    return load_settings(**{name.lower(): value for name, value in ENVIRONMENT.items()} | more)


async def write_market(connection: AsyncConnection, weights: Sequence[tuple[str, float, datetime]] = ()) -> None:
    """Every bar; mean_reversion and momentum from 1970 on, and the `weights` given (name, weight, from when)."""
    columns = np.column_stack([MARKET.open, MARKET.high, MARKET.low, MARKET.close, MARKET.volume]).tolist()
    opens = map(from_microseconds, MARKET.open_time.tolist())
    bars = [candles.Stored(BTC, "1m", at, *row) for at, row in zip(opens, columns, strict=True)]
    await candles.upsert(connection, bars)
    for table in (models.Strategy, models.Weight):
        await connection.execute(delete(table))
    names = ("mean_reversion", "momentum")
    rows = [{"name": name, "description": name, "parameters": {}, "is_active": True} for name in names]
    await connection.execute(insert(models.Strategy).values(rows))
    began = from_microseconds(0)
    given = [*((name, 0.5, began) for name in names), *weights]
    columns_ = [
        {"scope": "strategies", "name": name, "weight": weight, "effective_from": at, "reason": ""}
        for name, weight, at in given
    ]
    await connection.execute(insert(models.Weight).values(columns_))


async def write_trades(connection: AsyncConnection, trades: Iterable[LiveTrade]) -> None:
    """As the executor leaves them."""
    for trade in trades:
        await connection.execute(insert(models.Trade).values(row(trade)))


def row(trade: LiveTrade, **values: Any) -> dict[str, Any]:
    """A closed trade's row."""
    at = from_microseconds(trade.decided_at)
    requested = trade.requested_at
    return {
        "id": derived_id("Trade", trade.symbol, at),
        "account": "desk",
        "symbol": trade.symbol,
        "timeframe": "5m",
        "decision_id": derived_id("decision", trade.symbol, at),
        "status": "closed",
        "side": "long" if trade.side == 1 else "short",
        "order_id": f"entry {at}",
        "decided_at": at,
        "quantity": trade.quantity,
        "held": Decimal(0),
        "entry_price": trade.entry_price,
        "entry_time": from_microseconds(trade.entry_time),
        "exit_price": trade.exit_price,
        "exit_time": from_microseconds(trade.exit_time),
        "exit_reason": trade.exit_reason,
        "exit_requested_at": None if requested is None else from_microseconds(requested),
        "fees": trade.fees,
        "pnl": trade.pnl,
        "score": 0.5,
        "contributions": [],
        "votes": [],
    } | values


def refusal(at: datetime, reason: str, detail: str) -> dict[str, Any]:
    """A BUY that was denied."""
    ids = {"id": derived_id("OrderDenied", at), "decision_id": derived_id("decision", at)}
    return {**ids, "symbol": BTC, "time": at, "reason": reason, "detail": detail, "figures": []}


def session(at: datetime, verdict: str, reason: str) -> dict[str, Any]:
    """What the council said."""
    return {
        "id": derived_id("CouncilDecided", at),
        "signal_id": derived_id("SignalGenerated", at),
        "symbol": BTC,
        "timeframe": "5m",
        "time": at,
        "verdict": verdict,
        "probability": 0.5,
        "quorum": True,
        "vetoed_by": [],
        "reason": reason,
        "score": 0.1,
        "cost": Decimal(0),
    }
