"""The answers. Frozen, JSON-ready: money is a Decimal here and a string in JSON.

`mark` is the close of the symbol's newest closed candle. Null means not known, never zero.
"""

from typing import Any
from uuid import UUID

from shared.schemas.base import Exact, Time, Value


class StopRow(Value):
    """The stop of a trade; `initial_price` is where it began."""

    price: Exact
    kind: str
    initial_price: Exact
    version: int
    high_water: Exact
    effective_from: Time
    breached_at: Time | None


class PositionRow(Value):
    """A trade that is not closed, marked to the newest candle.

    `pnl` is what was sold and what is held are worth, less what was paid and the fees paid so far; the fee of the exit
    to come is not in it. So equity less the initial balance is the realised result and the `pnl` of all positions.
    """

    trade_id: UUID
    symbol: str
    timeframe: str
    status: str
    quantity: Exact
    held: Exact
    entry_price: Exact | None
    entry_time: Time | None
    decided_at: Time
    take_profit_price: Exact | None
    exit_reason: str | None
    fees: Exact
    stop: StopRow | None
    stop_price: Exact | None
    mark: Exact | None
    marked_at: Time | None
    value: Exact | None
    pnl: Exact | None
    pnl_fraction: float | None


class TradeRow(Value):
    """A trade from intent to close; `contributions` and `votes` are what argued for it."""

    id: UUID
    account: str
    symbol: str
    timeframe: str
    decision_id: UUID
    status: str
    side: str
    order_id: str
    decided_at: Time
    quantity: Exact
    held: Exact
    entry_price: Exact | None
    entry_time: Time | None
    atr: Exact | None
    stop_loss_price: Exact | None
    take_profit_price: Exact | None
    exit_reason: str | None
    exit_requested_at: Time | None
    exit_price: Exact | None
    exit_time: Time | None
    fees: Exact
    pnl: Exact | None
    score: float
    contributions: Any
    votes: Any


class OrderRow(Value):
    """An order: what we intended, and what the venue confirmed of it."""

    client_order_id: str
    account: str
    trade_id: UUID | None
    symbol: str
    purpose: str
    side: str
    order_type: str
    quantity: Exact
    trigger_price: Exact | None
    state: str
    cancel_wanted: bool
    trigger_wanted: Exact | None
    quantity_wanted: Exact | None
    venue_order_id: str | None
    filled: Exact
    cost: Exact
    fee: Exact
    error: str
    created_at: Time
    updated_at: Time


class RefusalRow(Value):
    """A BUY that our own risk limits denied, with the numbers."""

    id: UUID
    symbol: str
    time: Time
    decision_id: UUID
    reason: str
    detail: str
    figures: Any


class SignalRow(Value):
    """What the strategies said about one bar; `time` is its close."""

    id: UUID
    symbol: str
    timeframe: str
    time: Time
    score: float
    price: Exact
    contributions: Any
    technicals: Any


class VoteRow(Value):
    """One member's vote; a null probability is an abstention."""

    member: str
    weight: float
    probability: float | None
    veto: bool
    reason: str


class SessionRow(Value):
    """One council session with its verdict and every vote."""

    id: UUID
    signal_id: UUID
    symbol: str
    timeframe: str
    time: Time
    verdict: str
    probability: float | None
    quorum: bool
    vetoed_by: tuple[str, ...]
    reason: str
    score: float
    cost: Exact
    votes: tuple[VoteRow, ...]


class WeightRow(Value):
    """A weight from `effective_from` on."""

    scope: str
    name: str
    weight: float
    effective_from: Time
    reason: str


class StrategyRow(Value):
    """A strategy, its parameters and the newest weight of it."""

    name: str
    description: str
    parameters: Any
    is_active: bool
    weight: float | None
    effective_from: Time | None


class EquityRow(Value):
    """Equity marked to the bid at one instant; `drawdown` is the fraction below the initial balance."""

    account: str
    time: Time
    cash: Exact
    positions_value: Exact
    equity: Exact
    drawdown: float


class CandleRow(Value):
    """A closed bar, named by its open."""

    open_time: Time
    open: float
    high: float
    low: float
    close: float
    volume: float


class Portfolio(Value):
    """Money and positions of the account now. `equity` is null while an open position has no mark."""

    account: str
    currency: str
    initial_balance: Exact
    cash: Exact
    reserved: Exact
    positions_value: Exact | None
    equity: Exact | None
    drawdown: float | None
    realised_pnl: Exact
    fees: Exact
    trades_closed: int
    positions: tuple[PositionRow, ...]


class SymbolWhy(Value):
    """What was said last of one symbol. `kind`: refused, vetoed, hold, sell, bought, open; `score` is the newest."""

    symbol: str
    time: Time
    kind: str
    score: float | None
    sentence: str


class WhyNoTrade(Value):
    """`sentence` says it in plain words, `symbols` of each, the most telling first; the rest is what it rests on."""

    sentence: str
    symbols: tuple[SymbolWhy, ...]
    last_refusal: RefusalRow | None
    last_session: SessionRow | None
    last_hold: SessionRow | None
    last_signal: SignalRow | None


class Status(Value):
    """The desk at a glance. `may_enter` is whether a BUY can become an order at all."""

    system_status: str
    is_trading_active: bool
    may_enter: bool
    reason: str
    portfolio: Portfolio | None
    open_positions: int
    last_candle_at: Time | None
    why_no_trade: WhyNoTrade
