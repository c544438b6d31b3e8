"""May this verdict become an order? Every limit in one fixed order; each refusal has a stable code and its numbers.

`entry_refusal` and `size_refusal` are scalar and Numba-able; `refusal` turns their number into words at the edge.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from shared.portfolio.exact import FRACTION, mul_div_floor
from shared.portfolio.grid import from_money
from shared.risk.sizing import BOUND_NAMES, BY_CASH, BY_EXPOSURE, Sized
from shared.risk.stops import drawdown_exceeded

ALLOWED = 0
NOT_BUY = 1
EXPIRED = 2
PAUSED = 3
HALTED = 4
DRAWDOWN = 5
WEAK_SIGNAL = 6
NO_ATR = 7
NO_PRICE = 8
ALREADY_OPEN = 9
MAX_POSITIONS = 10
DAILY_LOSS = 11
EXPOSURE = 12
CASH = 13
BELOW_MINIMUM = 14

REASONS = (
    "allowed",
    "not_buy",
    "expired",
    "paused",
    "halted",
    "drawdown",
    "weak_signal",
    "no_atr",
    "no_price",
    "already_open",
    "max_positions",
    "daily_loss",
    "exposure",
    "cash",
    "below_minimum",
)
"""The stable code of each refusal on the wire, by its number."""

DETAILS = (
    "",
    "the verdict is not to buy",
    "the decision is too old by the venue's clock",
    "trading is paused",
    "trading is halted until a person enables it",
    "the loss against the initial balance is beyond the limit",
    "the score is below what an entry needs",
    "there is no ATR, so no stop can be set",
    "there is no price to buy at",
    "a trade of this symbol is not closed yet",
    "as many trades are open as are allowed at once",
    "today's realised loss has reached its limit",
    "the exposure limit leaves no room",
    "the free cash buys nothing",
    "the size is below the venue's minimum",
)


class EntryFacts(NamedTuple):
    """What is true at the instant. Money in units of 1e-10, times in microseconds, price (the ask) in ticks.

    `daily_result` is the realised result of the UTC day; `atr` is in ticks, nan where there is none.
    """

    is_buy: bool
    score: float
    expires_at: int
    now: int
    paused: bool
    halted: bool
    already_open: bool
    open_trades: int
    price: int
    atr: float
    equity: int
    initial_balance: int
    daily_result: int


class EntryLimits(NamedTuple):
    """The desk's limits; fractions in 1e-9 of equity (`max_drawdown` of the initial balance)."""

    entry_score: float
    max_positions: int
    max_daily_loss: int
    max_drawdown: int


class SizeFacts(NamedTuple):
    """A size and what it is held to: lots, money units. `cost` is its notional, `stop_cost` that at its first stop.

    The venue measures a resting stop at its trigger: a size that is too small there could not be guarded.
    """

    lots: int
    bound: int
    cost: int
    min_lots: int
    min_cost: int
    exposure: int
    cash: int
    stop_cost: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a stable code, plain words, and the numbers behind it."""

    reason: str
    detail: str
    figures: tuple[tuple[str, str], ...]


def entry_refusal(facts: EntryFacts, limits: EntryLimits) -> int:
    """The first limit that forbids the entry, or ALLOWED."""
    gate = _gate_refusal(facts)
    if gate != ALLOWED:
        return gate
    if drawdown_exceeded(facts.equity, facts.initial_balance, limits.max_drawdown):
        return DRAWDOWN
    if not facts.score >= limits.entry_score:
        return WEAK_SIGNAL
    if not (facts.atr > 0.0 and math.isfinite(facts.atr)):
        return NO_ATR
    if facts.price <= 0:
        return NO_PRICE
    if facts.already_open:
        return ALREADY_OPEN
    if facts.open_trades >= limits.max_positions:
        return MAX_POSITIONS
    if daily_loss_reached(facts.daily_result, facts.equity, limits.max_daily_loss):
        return DAILY_LOSS
    return ALLOWED


def _gate_refusal(facts: EntryFacts) -> int:
    if not facts.is_buy:
        return NOT_BUY
    if facts.expires_at < facts.now:
        return EXPIRED
    if facts.halted:
        return HALTED
    if facts.paused:
        return PAUSED
    return ALLOWED


def daily_loss_reached(daily_result: int, equity: int, limit: int) -> bool:
    """Whether the day's realised loss is at least `limit` (1e-9) of equity; a day without loss never is."""
    return daily_result < 0 and -daily_result >= mul_div_floor(max(equity, 0), limit, FRACTION)


def size_refusal(size: SizeFacts) -> int:
    """Whether a size can be ordered: names the limit that left less than the venue's minimum."""
    if size.lots > 0 and size.lots >= size.min_lots and min(size.cost, size.stop_cost) >= size.min_cost:
        return ALLOWED
    if size.bound == BY_EXPOSURE:
        return EXPOSURE
    if size.bound == BY_CASH:
        return CASH
    return BELOW_MINIMUM


def check_entry(facts: EntryFacts, limits: EntryLimits) -> Refusal | None:
    """The refusal of an entry before it is sized, in words and numbers; None where it may go on."""
    code = entry_refusal(facts, limits)
    return None if code == ALLOWED else _worded(code, _entry_figures(code, facts, limits))


def check_size(sized: Sized, size: SizeFacts) -> Refusal | None:
    """The refusal of a size, in words and numbers; None where it can be ordered."""
    code = size_refusal(size)
    if code == ALLOWED:
        return None
    figures = (
        ("lots", str(sized.lots)),
        ("bound_by", BOUND_NAMES[sized.bound]),
        ("notional", _money(size.cost)),
        ("notional_at_stop", _money(size.stop_cost)),
        ("min_lots", str(size.min_lots)),
        ("min_cost", _money(size.min_cost)),
        ("exposure", _money(size.exposure)),
        ("free_cash", _money(size.cash)),
    )
    return _worded(code, figures)


def _worded(code: int, figures: Sequence[tuple[str, str]]) -> Refusal:
    return Refusal(REASONS[code], DETAILS[code], tuple(figures))


def _entry_figures(code: int, facts: EntryFacts, limits: EntryLimits) -> Sequence[tuple[str, str]]:
    if code == EXPIRED:
        return (("late_by_s", str(Decimal(facts.now - facts.expires_at) / 1_000_000)),)
    if code == DRAWDOWN:
        return (
            ("equity", _money(facts.equity)),
            ("initial_balance", _money(facts.initial_balance)),
            ("max_drawdown", _share(limits.max_drawdown)),
        )
    if code == WEAK_SIGNAL:
        return (("score", str(facts.score)), ("entry_score", str(limits.entry_score)))
    if code == MAX_POSITIONS:
        return (("open_trades", str(facts.open_trades)), ("max_positions", str(limits.max_positions)))
    if code == DAILY_LOSS:
        return (
            ("daily_result", _money(facts.daily_result)),
            ("equity", _money(facts.equity)),
            ("max_daily_loss", _share(limits.max_daily_loss)),
        )
    return (("score", str(facts.score)),)


def _money(units: int) -> str:
    return format(from_money(units), "f")


def _share(billionths: int) -> str:
    return format((Decimal(billionths) / FRACTION).normalize(), "f")
