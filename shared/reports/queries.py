"""Every question in one place: `from shared.reports import queries`."""

from shared.reports.books import equity, orders, portfolio, positions, refusals, trade, trades
from shared.reports.decisions import session, sessions, signals, strategies, weights, weights_now
from shared.reports.market import candles, is_known, price_ticks
from shared.reports.select import Page
from shared.reports.status import status
from shared.reports.why import why_no_trade

__all__ = [
    "Page",
    "candles",
    "equity",
    "is_known",
    "orders",
    "portfolio",
    "positions",
    "price_ticks",
    "refusals",
    "session",
    "sessions",
    "signals",
    "status",
    "strategies",
    "trade",
    "trades",
    "weights",
    "weights_now",
    "why_no_trade",
]
