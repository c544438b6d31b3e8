"""The first schema.

Candles and equity points become hypertables where the server has TimescaleDB.

Revision ID: 0001
Revises:
"""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "assets",
    "candles",
    "articles",
    "sentiment_logs",
    "strategies",
    "weights",
    "signals",
    "council_sessions",
    "council_votes",
    "learning_outcomes",
    "learning_adjustments",
    "accounts",
    "trades",
    "orders",
    "fills",
    "stops",
    "refusals",
    "decision_instants",
    "pending_verdicts",
    "equity_points",
    "system_config",
    "handled",
    "outbox",
    "audit",
)
"""Each after those it refers to."""

HYPERTABLES = {"candles": ("open_time", "30 days"), "equity_points": ("time", "90 days")}


def _column(
    kind: type[sa.types.TypeEngine[object]] | sa.types.TypeEngine[object], name: str, *args: object, **options: object
) -> sa.Column[object]:
    return sa.Column(name, kind, *args, **{"nullable": False, **options})


text = partial(_column, sa.Text())
money = partial(_column, sa.Numeric())
instant = partial(_column, sa.DateTime(timezone=True))
json = partial(_column, JSONB())
uuid = partial(_column, sa.Uuid())
number = partial(_column, sa.Double())
flag = partial(_column, sa.Boolean())
integer = partial(_column, sa.Integer())


def serial(name: str) -> sa.Column[int]:
    """A key that the database counts up."""
    return sa.Column(name, sa.BigInteger(), sa.Identity(), primary_key=True)


def upgrade() -> None:
    market_and_news()
    decisions()
    books()
    system()
    if timescale_is_available():
        hypertables()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def market_and_news() -> None:
    op.create_table(
        "assets",
        text("symbol", primary_key=True),
        text("base"),
        text("quote"),
        text("name"),
        flag("is_active"),
        money("price_tick", nullable=True),
        money("lot_step", nullable=True),
        money("min_quantity", nullable=True),
        money("min_cost", nullable=True),
    )
    op.create_table(
        "candles",
        text("symbol", primary_key=True),
        text("timeframe", primary_key=True),
        instant("open_time", primary_key=True),
        number("open"),
        number("high"),
        number("low"),
        number("close"),
        number("volume"),
    )
    op.create_index("ix_candles_open_time", "candles", ["open_time"])
    op.create_table(
        "articles",
        uuid("id", primary_key=True),
        text("source"),
        text("url", unique=True),
        text("title"),
        text("body"),
        instant("published_at", nullable=True),
        instant("first_seen_at"),
    )
    op.create_index("ix_articles_first_seen_at", "articles", ["first_seen_at"])
    op.create_table(
        "sentiment_logs",
        uuid("id", primary_key=True),
        uuid("article_id", sa.ForeignKey("articles.id"), nullable=True),
        text("symbol", sa.ForeignKey("assets.symbol")),
        text("source"),
        text("scorer"),
        number("score"),
        number("probability"),
        instant("known_at"),
    )
    op.create_index("ix_sentiment_logs_symbol_known_at", "sentiment_logs", ["symbol", "known_at"])


def decisions() -> None:
    op.create_table(
        "strategies",
        text("name", primary_key=True),
        text("description"),
        json("parameters"),
        flag("is_active"),
    )
    op.create_table(
        "weights",
        text("scope", primary_key=True),
        text("name", primary_key=True),
        instant("effective_from", primary_key=True),
        number("weight"),
        text("reason"),
    )
    op.create_table(
        "signals",
        uuid("id", primary_key=True),
        text("symbol"),
        text("timeframe"),
        instant("time"),
        number("score"),
        money("price"),
        json("contributions"),
        json("technicals"),
    )
    op.create_index("ix_signals_symbol_time", "signals", ["symbol", "time"])
    op.create_index("ix_signals_time", "signals", ["time"])
    op.create_table(
        "council_sessions",
        uuid("id", primary_key=True),
        uuid("signal_id"),
        text("symbol"),
        text("timeframe"),
        instant("time"),
        text("verdict"),
        number("probability", nullable=True),
        flag("quorum"),
        json("vetoed_by"),
        text("reason"),
        number("score"),
        money("cost"),
    )
    op.create_index("ix_council_sessions_symbol_time", "council_sessions", ["symbol", "time"])
    op.create_index("ix_council_sessions_time", "council_sessions", ["time"])
    op.create_table(
        "council_votes",
        uuid("session_id", sa.ForeignKey("council_sessions.id", ondelete="CASCADE"), primary_key=True),
        text("member", primary_key=True),
        number("weight"),
        number("probability", nullable=True),
        flag("veto"),
        text("reason"),
    )
    op.create_table(
        "learning_outcomes",
        uuid("trade_id", primary_key=True),
        text("scope", primary_key=True),
        text("name", primary_key=True),
        instant("time"),
        number("credit"),
        money("pnl"),
        number("pnl_fraction"),
    )
    op.create_index("ix_learning_outcomes_scope_name_time", "learning_outcomes", ["scope", "name", "time"])
    op.create_table(
        "learning_adjustments",
        uuid("id", primary_key=True),
        uuid("trade_id"),
        text("scope"),
        text("name"),
        number("before"),
        number("after"),
        instant("effective_from"),
        integer("trades"),
        text("reason"),
    )


def books() -> None:
    op.create_table(
        "accounts",
        text("name", primary_key=True),
        text("currency"),
        money("initial_balance"),
        money("cash"),
        money("reserved", server_default=sa.text("0")),
        sa.CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    )
    op.create_table(
        "trades",
        uuid("id", primary_key=True),
        text("account"),
        text("symbol"),
        text("timeframe"),
        uuid("decision_id"),
        text("status"),
        text("side", server_default="long"),
        text("order_id"),
        instant("decided_at"),
        money("quantity", server_default=sa.text("0")),
        money("held", server_default=sa.text("0")),
        money("entry_price", nullable=True),
        instant("entry_time", nullable=True),
        money("atr", nullable=True),
        money("stop_loss_price", nullable=True),
        money("take_profit_price", nullable=True),
        integer("exit_attempt", server_default=sa.text("0")),
        text("exit_reason", nullable=True),
        instant("exit_requested_at", nullable=True),
        money("exit_price", nullable=True),
        instant("exit_time", nullable=True),
        money("fees", server_default=sa.text("0")),
        money("pnl", nullable=True),
        number("score"),
        json("contributions"),
        json("votes"),
        sa.CheckConstraint("status in ('opening', 'open', 'closing', 'closed')", name="status"),
        sa.CheckConstraint("held >= 0 and quantity >= held", name="held"),
    )
    op.create_index("ix_trades_exit_time", "trades", ["exit_time"])
    op.create_index(
        "uq_trades_one_per_symbol",
        "trades",
        ["account", "symbol"],
        unique=True,
        postgresql_where=sa.text("status in ('opening', 'open', 'closing')"),
    )
    op.create_table(
        "orders",
        text("client_order_id", primary_key=True),
        text("account"),
        uuid("trade_id", sa.ForeignKey("trades.id"), nullable=True),
        text("symbol"),
        text("purpose"),
        text("side"),
        text("order_type"),
        money("quantity"),
        money("trigger_price", nullable=True),
        text("state"),
        flag("cancel_wanted", server_default=sa.text("false")),
        money("trigger_wanted", nullable=True),
        money("quantity_wanted", nullable=True),
        text("request", nullable=True),
        instant("request_deadline", nullable=True),
        text("venue_order_id", nullable=True),
        money("filled", server_default=sa.text("0")),
        money("venue_filled", nullable=True),
        money("cost", server_default=sa.text("0")),
        money("fee", server_default=sa.text("0")),
        money("reserved", server_default=sa.text("0")),
        text("error", server_default=""),
        instant("created_at"),
        instant("updated_at"),
        sa.CheckConstraint("purpose in ('entry', 'exit', 'stop')", name="purpose"),
        sa.CheckConstraint(
            "state in ('intended', 'submitting', 'unknown', 'open', 'filled', 'canceled', 'rejected')", name="state"
        ),
    )
    op.create_index(
        "ix_orders_live",
        "orders",
        ["account"],
        postgresql_where=sa.text("state in ('intended', 'submitting', 'unknown', 'open')"),
    )
    op.create_index("ix_orders_trade_id", "orders", ["trade_id"])
    op.create_index("ix_orders_venue_order_id", "orders", ["venue_order_id"])
    op.create_table(
        "fills",
        text("execution_id", primary_key=True),
        text("client_order_id", sa.ForeignKey("orders.client_order_id")),
        uuid("trade_id", nullable=True),
        text("symbol"),
        text("side"),
        money("quantity"),
        money("price"),
        money("cost"),
        money("fee"),
        text("liquidity"),
        instant("time"),
    )
    op.create_index("ix_fills_client_order_id", "fills", ["client_order_id"])
    op.create_table(
        "stops",
        uuid("trade_id", sa.ForeignKey("trades.id"), primary_key=True),
        text("symbol"),
        money("initial_price"),
        money("price"),
        text("kind"),
        integer("version", server_default=sa.text("1")),
        money("previous_price", nullable=True),
        instant("effective_from"),
        money("high_water"),
        instant("breached_at", nullable=True),
    )
    op.create_table(
        "refusals",
        uuid("id", primary_key=True),
        text("symbol"),
        instant("time"),
        uuid("decision_id"),
        text("reason"),
        text("detail"),
        json("figures"),
    )
    op.create_index("ix_refusals_time", "refusals", ["time"])
    op.create_table(
        "decision_instants",
        instant("time", primary_key=True),
        text("timeframe", primary_key=True),
        uuid("message_id"),
        json("symbols"),
        json("marks"),
        instant("decided_at", nullable=True),
    )
    op.create_table(
        "pending_verdicts",
        instant("time", primary_key=True),
        text("timeframe", primary_key=True),
        text("symbol", primary_key=True),
        json("body"),
    )
    op.create_table(
        "equity_points",
        text("account", primary_key=True),
        instant("time", primary_key=True),
        money("cash"),
        money("positions_value"),
        money("equity"),
        number("drawdown"),
    )


def system() -> None:
    op.create_table(
        "system_config",
        integer("id", primary_key=True),
        text("system_status", server_default="ACTIVE"),
        flag("is_trading_active", server_default=sa.text("true")),
        text("reason", server_default=""),
        sa.CheckConstraint("system_status in ('ACTIVE', 'PAUSED')", name="system_status"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "handled",
        text("group_name", primary_key=True),
        uuid("message_id", primary_key=True),
        json("outputs"),
        instant("handled_at", server_default=sa.text("now()")),
    )
    op.create_index("ix_handled_group_name_handled_at", "handled", ["group_name", "handled_at"])
    op.create_table(
        "outbox",
        serial("id"),
        uuid("message_id", unique=True),
        text("kind"),
        text("body"),
        instant("created_at", server_default=sa.text("now()")),
        instant("published_at", nullable=True),
    )
    op.create_index("ix_outbox_unpublished", "outbox", ["id"], postgresql_where=sa.text("published_at is null"))
    op.create_table(
        "audit",
        serial("id"),
        instant("time", server_default=sa.text("now()")),
        text("who"),
        text("action"),
        text("subject"),
        json("details"),
    )
    op.create_index("ix_audit_time", "audit", ["time"])


def timescale_is_available() -> bool:
    """Installed on the server and loaded by it; without the latter `create extension` would fail."""
    found = op.get_bind().execute(
        sa.text(
            "select 1 from pg_available_extensions where name = 'timescaledb' "
            "and current_setting('shared_preload_libraries') like '%timescaledb%'"
        )
    )
    return found.first() is not None


def hypertables() -> None:
    """Chunks by time, compressed when they are old. The plain tables behave the same, only larger."""
    op.execute("create extension if not exists timescaledb")
    for table, (column, chunk) in HYPERTABLES.items():
        op.execute(f"select create_hypertable('{table}', '{column}', chunk_time_interval => interval '{chunk}')")
    op.execute(
        "alter table candles set (timescaledb.compress, timescaledb.compress_segmentby = 'symbol, timeframe', "
        "timescaledb.compress_orderby = 'open_time desc')"
    )
    op.execute("select add_compression_policy('candles', interval '90 days')")
