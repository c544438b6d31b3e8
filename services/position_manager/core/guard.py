"""What a price does to an open trade. Prices are ticks, ATR is in ticks too; pure.

A bar is judged in one fixed order: the soft stop that waits, the stop, the target, the time, then a higher stop. So the
stop comes first where a bar reached both, as an adverse move may have come first inside it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.config import Settings
from shared.portfolio.ledger import LONG
from shared.risk import stops
from shared.risk.stops import StopState
from shared.schemas.orders import ExitReason
from shared.schemas.trades import StopKind

STOP_KINDS: tuple[StopKind, ...] = ("stop", "breakeven", "trailing")


@dataclass(frozen=True, slots=True)
class Rules:
    """The slice of the settings that guards trades; ATR multiples are floats, as ATR is."""

    trailing_atr: float
    trailing_step_atr: float
    max_hold_bars: int
    soft_stop_grace: timedelta
    breakeven_atr: float = 2.0


def rules_of(settings: Settings) -> Rules:
    """The slice of the settings that guards trades."""
    return Rules(
        trailing_atr=float(settings.stop_atr),
        trailing_step_atr=float(settings.trailing_step_atr),
        max_hold_bars=settings.max_hold_bars,
        soft_stop_grace=settings.soft_stop_grace,
    )


@dataclass(frozen=True, slots=True)
class HeldTrade:
    """A trade with something held and its stop. `target` 0: none; `atr` None: the stop stays where it is.

    `in_hand` is False while an exit is under way: that is the executor's then. `previous` was the stop until
    `effective_from`. From `breached_at` on the soft stop's grace runs.
    """

    trade_id: UUID
    symbol: str
    bar_length: timedelta
    in_hand: bool
    entry: int
    entry_time: datetime
    target: int
    atr: float | None
    stop: int
    kind: int
    version: int
    previous: int | None
    effective_from: datetime
    high_water: int
    breached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A closed base bar's extremes."""

    open_time: datetime
    close_time: datetime
    low: int
    high: int
    close: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to do: ask for an exit, let the soft stop's grace run from `grace_from`, move the stop. Or nothing."""

    exit: ExitReason | None = None
    grace_from: datetime | None = None
    raised: StopState | None = None


NOTHING = Judgement()


def judge_bar(trade: HeldTrade, bar: Bar, rules: Rules, *, older: bool = False) -> Judgement:
    """`older`: a bar from before what was seen already; its extremes are held to the stop of then, and nothing else."""
    part = since_entry(trade, bar)
    if part is None or not trade.in_hand:
        return NOTHING
    if trade.breached_at is not None:
        return soft_stop(trade, bar.close_time, rules)
    hit = stops.check_bar(stop_at(trade, bar.open_time), trade.target, part.low, part.high, part.low, LONG).code
    if hit == stops.STOP_HIT:
        return Judgement(grace_from=bar.close_time)
    if older:
        return NOTHING
    if hit == stops.TARGET_HIT:
        return Judgement(exit="target")
    if stops.time_is_up((bar.close_time - trade.entry_time) // trade.bar_length, rules.max_hold_bars):
        return Judgement(exit="time")
    return raised_by(trade, part, rules)


def judge_price(trade: HeldTrade, time: datetime, bid: int, rules: Rules) -> Judgement:
    """A ticker never moves a stop: only its bid is held to the stop that was valid then."""
    if not trade.in_hand or time <= trade.entry_time:
        return NOTHING
    if trade.breached_at is not None:
        return soft_stop(trade, time, rules)
    if stops.breached(stop_at(trade, time), bid, LONG):
        return Judgement(grace_from=time)
    return NOTHING


def since_entry(trade: HeldTrade, bar: Bar) -> Bar | None:
    """The part of a bar that the trade has lived through; None where the bar ended before it.

    Of the bar during which it was entered only the close is surely later than the entry.
    """
    if bar.close_time <= trade.entry_time:
        return None
    if bar.open_time >= trade.entry_time:
        return bar
    return Bar(bar.open_time, bar.close_time, bar.close, bar.close, bar.close)


def stop_at(trade: HeldTrade, time: datetime) -> int:
    """The stop that was valid at a time."""
    return trade.stop if trade.previous is None or time >= trade.effective_from else trade.previous


def soft_stop(trade: HeldTrade, now: datetime, rules: Rules) -> Judgement:
    """Ask for the exit where the resting stop has not done it within its grace; the grace then runs anew."""
    assert trade.breached_at is not None
    if now <= trade.breached_at or now < trade.breached_at + rules.soft_stop_grace:
        return NOTHING
    return Judgement(exit=STOP_KINDS[trade.kind], grace_from=now)


def raised_by(trade: HeldTrade, bar: Bar, rules: Rules) -> Judgement:
    """The higher stop that a closed bar's high earns. A bar not newer than the last move has had its say."""
    if trade.atr is None or bar.close_time <= trade.effective_from:
        return NOTHING
    old = StopState(trade.stop, trade.kind, trade.high_water)
    multiples = (rules.breakeven_atr, rules.trailing_atr, rules.trailing_step_atr)
    new = stops.raise_stop(trade.entry, old, bar.high, trade.atr, *multiples, LONG)
    return NOTHING if (new.stop, new.kind) == (old.stop, old.kind) else Judgement(raised=new)


def leaves_on_sell(trade: HeldTrade, decided_at: datetime) -> bool:
    """Whether the council's SELL of a bar that closed at `decided_at` closes this trade."""
    return trade.in_hand and trade.entry_time < decided_at


def may_be_repeated(trade: HeldTrade, time: datetime) -> bool:
    """Whether what a message of this time did may be in the database already, its outputs not yet on their way.

    Then the transaction has to be asked even where there is nothing (more) to do: it knows those outputs.
    """
    return time <= trade.effective_from or (trade.breached_at is not None and time <= trade.breached_at)
