"""The books: account, orders, fills, trades, stops, refusals, and the instants being decided.

One writer each: the executor writes all of it, but for the columns of `stops` that position_manager raises.
"""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Json, Money, Name

ZERO = text("0")


class Account(Base):
    """Cash of one account at one broker. Its row is the lock under which exposure and cash are reserved."""

    __tablename__ = "accounts"

    name: Mapped[Name] = mapped_column(primary_key=True)
    currency: Mapped[Name]
    initial_balance: Mapped[Money]
    cash: Mapped[Money]
    reserved: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)

    __table_args__ = (CheckConstraint("reserved >= 0", name="reserved_not_negative"),)


class Trade(Base):
    """From the first intent to buy until everything is sold. `order_id` is the entry's client order id.

    `quantity` is what was bought, `held` what is left of it; prices are averages over fills.
    """

    __tablename__ = "trades"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[Name]
    symbol: Mapped[Name]
    timeframe: Mapped[Name]
    decision_id: Mapped[UUID]
    status: Mapped[Name]
    side: Mapped[Name] = mapped_column(default="long", server_default="long")
    order_id: Mapped[Name]
    decided_at: Mapped[Instant]
    quantity: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    held: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    entry_price: Mapped[Money | None]
    entry_time: Mapped[Instant | None]
    atr: Mapped[Money | None]
    stop_loss_price: Mapped[Money | None]
    take_profit_price: Mapped[Money | None]
    exit_attempt: Mapped[int] = mapped_column(default=0, server_default=ZERO)
    exit_reason: Mapped[Name | None]
    exit_requested_at: Mapped[Instant | None]
    exit_price: Mapped[Money | None]
    exit_time: Mapped[Instant | None]
    fees: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    pnl: Mapped[Money | None]
    score: Mapped[float]
    contributions: Mapped[Json]
    votes: Mapped[Json]

    __table_args__ = (
        CheckConstraint("status in ('opening', 'open', 'closing', 'closed')", name="status"),
        CheckConstraint("held >= 0 and quantity >= held", name="held"),
        Index(
            "uq_trades_one_per_symbol",
            "account",
            "symbol",
            unique=True,
            postgresql_where=text("status in ('opening', 'open', 'closing')"),
        ),
        Index("ix_trades_exit_time", "exit_time"),
    )


class Order(Base):
    """An intent, then an order. What the venue confirmed stands in `trigger_price` and `quantity`,
    what we want of it in `*_wanted`; the sender brings the venue to what is wanted.

    state: intended, submitting, unknown, open, filled, canceled, rejected.
    """

    __tablename__ = "orders"

    client_order_id: Mapped[Name] = mapped_column(primary_key=True)
    account: Mapped[Name]
    trade_id: Mapped[UUID | None] = mapped_column(ForeignKey("trades.id"))
    symbol: Mapped[Name]
    purpose: Mapped[Name]
    side: Mapped[Name]
    order_type: Mapped[Name]
    quantity: Mapped[Money]
    trigger_price: Mapped[Money | None]
    state: Mapped[Name]
    cancel_wanted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    trigger_wanted: Mapped[Money | None]
    quantity_wanted: Mapped[Money | None]
    request: Mapped[Name | None]
    request_deadline: Mapped[Instant | None]
    venue_order_id: Mapped[Name | None]
    filled: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    venue_filled: Mapped[Money | None]
    cost: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    fee: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    reserved: Mapped[Money] = mapped_column(default=Decimal(0), server_default=ZERO)
    error: Mapped[Name] = mapped_column(default="", server_default="")
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint(
            "state in ('intended', 'submitting', 'unknown', 'open', 'filled', 'canceled', 'rejected')", name="state"
        ),
        CheckConstraint("purpose in ('entry', 'exit', 'stop')", name="purpose"),
        Index("ix_orders_trade_id", "trade_id"),
        Index("ix_orders_venue_order_id", "venue_order_id"),
        Index(
            "ix_orders_live",
            "account",
            postgresql_where=text("state in ('intended', 'submitting', 'unknown', 'open')"),
        ),
    )


class Fill(Base):
    """One execution as the venue booked it, named by the venue's id."""

    __tablename__ = "fills"

    execution_id: Mapped[Name] = mapped_column(primary_key=True)
    client_order_id: Mapped[Name] = mapped_column(ForeignKey("orders.client_order_id"), index=True)
    trade_id: Mapped[UUID | None]
    symbol: Mapped[Name]
    side: Mapped[Name]
    quantity: Mapped[Money]
    price: Mapped[Money]
    cost: Mapped[Money]
    fee: Mapped[Money]
    liquidity: Mapped[Name]
    time: Mapped[Instant]


class Stop(Base):
    """The stop of an open trade. The executor inserts it with the fill; position_manager raises `price`
    by compare-and-set on `version`. `previous_price` was valid until `effective_from`.
    """

    __tablename__ = "stops"

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trades.id"), primary_key=True)
    symbol: Mapped[Name]
    initial_price: Mapped[Money]
    price: Mapped[Money]
    kind: Mapped[Name]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    previous_price: Mapped[Money | None]
    effective_from: Mapped[Instant]
    high_water: Mapped[Money]
    breached_at: Mapped[Instant | None]


class Refusal(Base):
    """An OrderDenied, kept: why there was no trade, with the numbers."""

    __tablename__ = "refusals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    symbol: Mapped[Name]
    time: Mapped[Instant] = mapped_column(index=True)
    decision_id: Mapped[UUID]
    reason: Mapped[Name]
    detail: Mapped[Name]
    figures: Mapped[Json]


class DecisionInstant(Base):
    """An ended instant whose entries are decided together, once every listed symbol has its verdict."""

    __tablename__ = "decision_instants"

    time: Mapped[Instant] = mapped_column(primary_key=True)
    timeframe: Mapped[Name] = mapped_column(primary_key=True)
    message_id: Mapped[UUID]
    symbols: Mapped[Json]
    marks: Mapped[Json]
    decided_at: Mapped[Instant | None]


class PendingVerdict(Base):
    """A council decision (the message's JSON) waiting for its instant."""

    __tablename__ = "pending_verdicts"

    time: Mapped[Instant] = mapped_column(primary_key=True)
    timeframe: Mapped[Name] = mapped_column(primary_key=True)
    symbol: Mapped[Name] = mapped_column(primary_key=True)
    body: Mapped[Json]


class EquityPoint(Base):
    """Equity marked to the bid. `drawdown` is the fraction below the initial balance, 0 when above."""

    __tablename__ = "equity_points"

    account: Mapped[Name] = mapped_column(primary_key=True)
    time: Mapped[Instant] = mapped_column(primary_key=True)
    cash: Mapped[Money]
    positions_value: Mapped[Money]
    equity: Mapped[Money]
    drawdown: Mapped[float]
