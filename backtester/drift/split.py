"""The difference of two results, split so that the parts add up to it exactly."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Context, Decimal, Inexact, localcontext

from backtester.runs.trade import Trade

EXACTLY = Context(prec=200, traps=[Inexact])
"""Digits for any product of a price and a quantity; a result that would not be exact is an error, not a rounding."""
PriceAt = Callable[[str, int], Decimal | None]
"""The market's price of a symbol at a time (microseconds), None where no bar tells."""
TickOf = Callable[[str], Decimal | None]
"""The step of a symbol's prices, None where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTrade(Trade):
    """A closed trade of the desk: `decided_at` is the close of the bar that it was decided on, `requested_at` when its
    exit was asked for, None where a resting stop went off by itself. Microseconds.
    """

    decided_at: int
    requested_at: int | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """By how much a desk's trade did better than the backtest's, in quote currency, by cause.

    quantity     it traded another quantity: at the backtest's prices
    delay        the market moved between the backtest's fill and the desk's later one: of the entry, and of an exit for
                 the same reason; of any other exit, between the desk's own request and its fill
    entry        it bought (sold short) at another price, beyond the delay
    exit         it left at another price, beyond the delay: another reason, another spread, an earlier time
    fee          it paid other fees
    rounding     what average prices leave, which are rounded: at most one tick times the quantity
    unexplained  what is left beyond that: its result does not follow from its prices, quantity and fees
    """

    quantity: Decimal
    delay: Decimal
    entry: Decimal
    exit: Decimal
    fee: Decimal
    rounding: Decimal
    unexplained: Decimal

    @property
    def total(self) -> Decimal:
        """The sum of all: exactly the difference of the two results."""
        with localcontext(EXACTLY):
            return sum((getattr(self, cause) for cause in CAUSES), Decimal(0))


CAUSES = tuple(part.name for part in fields(Parts))


def parts(live: LiveTrade, backtest: Trade, price_at: PriceAt, tick_of: TickOf = lambda symbol: None) -> Parts:
    """Why the two results differ. Delay is counted in whole base bars; a move within a bar is in the price.

    Without a tick nothing counts as rounding.
    """
    with localcontext(EXACTLY):
        held = live.side * live.quantity
        entry_delay = _moved(live.symbol, min(live.decided_at, backtest.entry_time), live.entry_time, price_at)
        exit_delay = _moved(live.symbol, _exit_due(live, backtest), live.exit_time, price_at)
        delay = held * (exit_delay - entry_delay)
        quantity = (live.quantity - backtest.quantity) * backtest.side * (backtest.exit_price - backtest.entry_price)
        entry = held * (backtest.entry_price - live.entry_price + entry_delay)
        exit_ = held * (live.exit_price - backtest.exit_price - exit_delay)
        fee = backtest.fees - live.fees
        rest = live.pnl - backtest.pnl - (quantity + delay + entry + exit_ + fee)
        rounded = abs(rest) <= (tick_of(live.symbol) or 0) * live.quantity
        rounding, unexplained = (rest, Decimal(0)) if rounded else (Decimal(0), rest)
        return Parts(quantity, delay, entry, exit_, fee, rounding, unexplained)


def _exit_due(live: LiveTrade, backtest: Trade) -> int | None:
    """When the desk should have been out: as the backtest was, where both left for the same reason."""
    if live.exit_reason != backtest.exit_reason:
        return live.requested_at
    return backtest.exit_time if live.requested_at is None else min(live.requested_at, backtest.exit_time)


def _moved(symbol: str, start: int | None, end: int, price_at: PriceAt) -> Decimal:
    """How far the market went from one time to a later one; 0 where it is not known."""
    if start is None or end <= start:
        return Decimal(0)
    before, after = price_at(symbol, start), price_at(symbol, end)
    return Decimal(0) if before is None or after is None else after - before
