"""Equity marked to the bid, and whether too much is lost. Exact Decimals in, no float decides; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.portfolio.grid import EXACT, from_money, to_fraction, to_money
from shared.risk.stops import drawdown_exceeded


@dataclass(frozen=True, slots=True)
class Holding:
    """A trade that is not closed. `in_hand`: nobody has asked for its exit yet."""

    trade_id: UUID
    symbol: str
    held: Decimal
    entry_price: Decimal | None
    in_hand: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An account, and what it holds."""

    account: str
    initial_balance: Decimal
    cash: Decimal
    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class Equity:
    """Money of one account at one instant; `drawdown` is the fraction below the initial balance, 0 above."""

    account: str
    initial_balance: Decimal
    cash: Decimal
    positions_value: Decimal
    equity: Decimal
    drawdown: float


def equity_of(standing: Standing, bids: Mapping[str, Decimal]) -> Equity:
    """Each holding at its bid; one that was never quoted counts at its entry price."""
    value = Decimal(0)
    for holding in standing.holdings:
        value = EXACT.add(value, _worth(holding, bids))
    total = EXACT.add(standing.cash, value)
    lost = EXACT.subtract(standing.initial_balance, total)
    drawdown = float(EXACT.divide(max(lost, Decimal(0)), standing.initial_balance))
    return Equity(standing.account, standing.initial_balance, standing.cash, value, total, drawdown)


def _worth(holding: Holding, bids: Mapping[str, Decimal]) -> Decimal:
    price = bids.get(holding.symbol, holding.entry_price)
    return EXACT.multiply(holding.held, price) if price is not None else Decimal(0)


def is_beyond(equity: Equity, max_drawdown: Decimal) -> bool:
    """Strictly more than the limit is lost; exactly the limit does nothing."""
    # flooring the equity to 1e-10 rounds the loss up, which cannot pass a limit that lies on the same grid
    worth = to_money(equity.equity, "floor")
    return drawdown_exceeded(worth, to_money(equity.initial_balance), to_fraction(max_drawdown))


def beyond(equities: Sequence[Equity], max_drawdown: Decimal) -> Equity | None:
    """The first account that has lost too much, or None."""
    return next((equity for equity in equities if is_beyond(equity, max_drawdown)), None)


def in_words(equity: Equity, max_drawdown: Decimal) -> str:
    """The halt with its numbers, for the alert and the flag's reason."""
    worth = format(from_money(to_money(equity.equity, "floor")), "f")
    return (
        f"drawdown {equity.drawdown:.2%} of account {equity.account}: equity {worth} against an initial balance of "
        f"{equity.initial_balance:f}, limit {max_drawdown:.0%}"
    )
