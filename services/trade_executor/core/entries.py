"""Which of an instant's verdicts become orders: one after the other, on what the books hold at that moment.

The order is written once, here: by timeframe, then the greater score, then the symbol. What an exit of the same
instant will bring in is not there yet, on any of our engines.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.trade_executor.core.orders import NOTHING, intent
from services.trade_executor.core.records import Order, Trade
from shared.ids import derived_id
from shared.portfolio.grid import Grid, from_money, to_money
from shared.risk.limits import EntryFacts, EntryLimits, Refusal, SizeFacts, check_entry, check_size
from shared.risk.sizing import reservation, size_entry
from shared.risk.stops import initial_stop
from shared.schemas.council import CouncilDecided
from shared.schemas.market import Mark
from shared.schemas.orders import Figure, OrderDenied, OrderReported

LONG = 1
ENTRY_SLACK = 5_000_000
"""What a market buy may slip from the ask it was sized at, in 1e-9: reserved, so that a fill is never unpaid for."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Venue:
    """What a symbol's orders must keep to at the venue."""

    grid: Grid
    min_quantity: Decimal
    min_cost: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """The desk's limits. Fractions and rates in units of 1e-9, stop distance in ATR.

    `slack` is how far a market buy may slip from the ask it was sized at before it is out of cash.
    """

    entry: EntryLimits
    risk_per_trade: int
    max_position: int
    max_exposure: int
    taker_fee: int
    slack: int
    stop_atr: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A trade that is not closed: what it holds, and what its working entry has reserved."""

    symbol: str
    held: Decimal
    entry_price: Decimal | None
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class Desk:
    """The books under the account's lock. `now` is the venue's clock, `daily_result` realised since midnight UTC."""

    account: str
    now: datetime
    cash: Decimal
    reserved: Decimal
    initial_balance: Decimal
    paused: bool
    halted: bool
    daily_result: Decimal
    standing: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A trade that begins, and its first order."""

    trade: Trade
    order: Order


def in_order(verdicts: Iterable[CouncilDecided]) -> list[CouncilDecided]:
    """The order in which an instant's verdicts get at the shared cash: live, in playback and in both engines."""
    return sorted(verdicts, key=lambda verdict: (verdict.timeframe, -verdict.score, verdict.symbol))


def decide(
    verdicts: Iterable[CouncilDecided],
    desk: Desk,
    marks: Mapping[str, Mark],
    venues: Mapping[str, Venue],
    limits: Limits,
) -> list[Entry | OrderDenied]:
    """Every BUY as an entry or as a refusal with its numbers; nothing for other verdicts."""
    outcomes: list[Entry | OrderDenied] = []
    for verdict in in_order(verdicts):
        if verdict.verdict != "BUY":
            continue
        outcome = _decide_one(verdict, desk, marks, venues, limits)
        outcomes.append(outcome)
        if isinstance(outcome, Entry):
            desk = _with(desk, outcome)
    return outcomes


def denied(verdict: CouncilDecided, reason: str, detail: str, figures: Sequence[tuple[str, str]] = ()) -> OrderDenied:
    """Our no to a verdict."""
    named = tuple(Figure(name=name, value=value) for name, value in figures)
    return OrderDenied(
        message_id=derived_id("OrderDenied", verdict.message_id),
        causation_id=verdict.message_id,
        occurred_at=verdict.occurred_at,
        symbol=verdict.symbol,
        decision_id=verdict.message_id,
        reason=reason,
        detail=detail,
        figures=named,
    )


def denied_late(trade: Trade, withheld: OrderReported, late: timedelta) -> OrderDenied:
    """Our no to a trade whose entry had been decided, and was too old when it could have been sent."""
    return OrderDenied(
        message_id=derived_id("OrderDenied", trade.decision_id),
        causation_id=withheld.message_id,
        occurred_at=trade.decided_at,
        symbol=trade.symbol,
        decision_id=trade.decision_id,
        reason="expired",
        detail="the decision was too old by the venue's clock before its order could be sent",
        figures=(Figure(name="late_by_s", value=str(Decimal(late // MICROSECOND) / 1_000_000)),),
    )


def equity(desk: Desk, marks: Mapping[str, Mark], venues: Mapping[str, Venue]) -> int:
    """Cash and all that is held, marked to the bid, in money units. Without a bid: what was paid."""
    return to_money(desk.cash, "floor") + sum(_worth(trade, marks, venues) for trade in desk.standing)


def exposure(desk: Desk, marks: Mapping[str, Mark], venues: Mapping[str, Venue]) -> int:
    """All that is held and all that working entries have reserved, in money units."""
    reserved = sum((trade.reserved for trade in desk.standing), NOTHING)
    return to_money(reserved, "ceil") + sum(_worth(trade, marks, venues) for trade in desk.standing)


def _decide_one(
    verdict: CouncilDecided,
    desk: Desk,
    marks: Mapping[str, Mark],
    venues: Mapping[str, Venue],
    limits: Limits,
) -> Entry | OrderDenied:
    venue = venues.get(verdict.symbol)
    if venue is None:
        return denied(verdict, "no_instrument", "the venue's price and lot steps of this symbol are not known yet")
    facts = _facts(verdict, desk, marks, venues)
    if (refusal := check_entry(facts, limits.entry)) is not None:
        return _refused(verdict, refusal)
    return _sized(verdict, desk, facts, exposure(desk, marks, venues), venue, limits)


def _sized(
    verdict: CouncilDecided, desk: Desk, facts: EntryFacts, exposed: int, venue: Venue, limits: Limits
) -> Entry | OrderDenied:
    grid, price = venue.grid, facts.price
    stop = initial_stop(price, facts.atr, limits.stop_atr, LONG)
    if stop <= 0:
        return denied(verdict, "no_stop", "the stop would lie below zero", (("atr", str(verdict.atr)),))
    free = to_money(desk.cash - desk.reserved, "floor")
    shares = (limits.risk_per_trade, limits.max_position, limits.max_exposure, limits.taker_fee, limits.slack)
    sized = size_entry(price, stop, facts.equity, free, exposed, *shares, grid.mul, grid.div)
    notional = grid.notional_up(price, sized.lots)
    smallest = (grid.to_lots(venue.min_quantity, "ceil"), to_money(venue.min_cost, "ceil"))
    at_stop = grid.notional(stop, sized.lots)
    size = SizeFacts(sized.lots, sized.bound, notional, *smallest, exposed, free, at_stop)
    if (refusal := check_size(sized, size)) is not None:
        return _refused(verdict, refusal)
    held_back = from_money(reservation(notional, limits.taker_fee, limits.slack))
    return _entry(verdict, desk.account, grid.from_lots(sized.lots), held_back)


def _facts(verdict: CouncilDecided, desk: Desk, marks: Mapping[str, Mark], venues: Mapping[str, Venue]) -> EntryFacts:
    grid, mark = venues[verdict.symbol].grid, marks.get(verdict.symbol)
    return EntryFacts(
        is_buy=True,
        score=verdict.score,
        expires_at=_microseconds(verdict.expires_at),
        now=_microseconds(desk.now),
        paused=desk.paused,
        halted=desk.halted,
        already_open=any(trade.symbol == verdict.symbol for trade in desk.standing),
        open_trades=len(desk.standing),
        price=grid.to_ticks(verdict.price if mark is None else mark.ask, "ceil"),
        atr=math.nan if verdict.atr is None else grid.atr_ticks(verdict.atr),
        equity=equity(desk, marks, venues),
        initial_balance=to_money(desk.initial_balance, "ceil"),
        daily_result=to_money(desk.daily_result, "floor"),
    )


def _worth(trade: Standing, marks: Mapping[str, Mark], venues: Mapping[str, Venue]) -> int:
    mark = marks.get(trade.symbol)
    price = trade.entry_price if mark is None else mark.bid
    if price is None or trade.symbol not in venues:
        return 0
    grid = venues[trade.symbol].grid
    return grid.notional(grid.to_ticks(price, "floor"), grid.to_lots(trade.held))


def _entry(verdict: CouncilDecided, account: str, quantity: Decimal, reserved: Decimal) -> Entry:
    trade_id = derived_id("Trade", verdict.message_id)
    at = verdict.occurred_at
    order = intent(account, trade_id, verdict.symbol, "entry", 1, quantity, at, reserved=reserved)
    trade = Trade(
        id=trade_id,
        account=account,
        symbol=verdict.symbol,
        timeframe=verdict.timeframe,
        decision_id=verdict.message_id,
        status="opening",
        side="long",
        order_id=order.client_order_id,
        decided_at=at,
        quantity=NOTHING,
        held=NOTHING,
        entry_price=None,
        entry_time=None,
        atr=verdict.atr,
        stop_loss_price=None,
        take_profit_price=None,
        exit_attempt=0,
        exit_reason=None,
        exit_requested_at=None,
        exit_price=None,
        exit_time=None,
        fees=NOTHING,
        pnl=None,
        score=verdict.score,
        contributions=[part.model_dump(mode="json") for part in verdict.contributions],
        votes=[vote.model_dump(mode="json") for vote in verdict.votes],
    )
    return Entry(trade, order)


def _with(desk: Desk, entry: Entry) -> Desk:
    begun = Standing(entry.trade.symbol, NOTHING, None, entry.order.reserved)
    return replace(desk, reserved=desk.reserved + entry.order.reserved, standing=(*desk.standing, begun))


def _refused(verdict: CouncilDecided, refusal: Refusal) -> OrderDenied:
    return denied(verdict, refusal.reason, refusal.detail, refusal.figures)


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
