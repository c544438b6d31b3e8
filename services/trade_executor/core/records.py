"""The executor's records: a trade, its orders, their fills, its stop. Fields are the columns of `shared.models`.

Plain objects, which a backtest keeps as they are and the live desk as rows (services/trade_executor/adapters/rows.py).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(slots=True, eq=False)
class Trade:
    """See `shared.models.Trade`."""

    id: UUID
    account: str
    symbol: str
    timeframe: str
    decision_id: UUID
    status: str
    side: str
    order_id: str
    decided_at: datetime
    quantity: Decimal
    held: Decimal
    entry_price: Decimal | None
    entry_time: datetime | None
    atr: Decimal | None
    stop_loss_price: Decimal | None
    take_profit_price: Decimal | None
    exit_attempt: int
    exit_reason: str | None
    exit_requested_at: datetime | None
    exit_price: Decimal | None
    exit_time: datetime | None
    fees: Decimal
    pnl: Decimal | None
    score: float
    contributions: Any
    votes: Any


@dataclass(slots=True, eq=False)
class Order:
    """See `shared.models.Order`."""

    client_order_id: str
    account: str
    trade_id: UUID | None
    symbol: str
    purpose: str
    side: str
    order_type: str
    quantity: Decimal
    trigger_price: Decimal | None
    state: str
    cancel_wanted: bool
    trigger_wanted: Decimal | None
    quantity_wanted: Decimal | None
    request: str | None
    request_deadline: datetime | None
    venue_order_id: str | None
    filled: Decimal
    venue_filled: Decimal | None
    cost: Decimal
    fee: Decimal
    reserved: Decimal
    error: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, eq=False)
class Fill:
    """See `shared.models.Fill`."""

    execution_id: str
    client_order_id: str
    trade_id: UUID | None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    liquidity: str
    time: datetime


@dataclass(slots=True, eq=False)
class Stop:
    """See `shared.models.Stop`."""

    trade_id: UUID
    symbol: str
    initial_price: Decimal
    price: Decimal
    kind: str
    version: int
    previous_price: Decimal | None
    effective_from: datetime
    high_water: Decimal
    breached_at: datetime | None


Record = Trade | Order | Fill | Stop
