"""Trades as every engine gives them, exact: those that were closed, and those that are still open at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from backtester.metrics.trades import ClosedTrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """Times in microseconds since the epoch, UTC; money in the quote currency; `pnl` after the fees of both sides.

    `side` is +1 long, -1 short; `shares` each strategy's part in the signal that opened it.
    """

    symbol: str
    side: Literal[1, -1] = 1
    entry_time: int
    exit_time: int
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal
    pnl: Decimal
    exit_reason: str
    shares: Mapping[str, float] = field(default_factory=dict)

    def for_statistics(self) -> ClosedTrade:
        """The same in floats."""
        return ClosedTrade(
            symbol=self.symbol,
            side=self.side,
            quantity=float(self.quantity),
            entry_time=self.entry_time,
            exit_time=self.exit_time,
            entry_price=float(self.entry_price),
            exit_price=float(self.exit_price),
            fees=float(self.fees),
            pnl=float(self.pnl),
            exit_reason=self.exit_reason,
            shares=self.shares,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrade:
    """What is still held at the end; units as of Trade. `fees` are the entry's.

    `price` is the last close's bid, for a short its ask, as equity is marked; `pnl` what closing there would have
    brought after the entry's fees and before the exit's. So initial balance, `pnl` of all closed and of all open trades
    add up to the final equity.
    """

    symbol: str
    side: Literal[1, -1] = 1
    entry_time: int
    quantity: Decimal
    entry_price: Decimal
    fees: Decimal
    price: Decimal
    pnl: Decimal
