"""What a trade needs next, decided from its whole book after every event: start-up and recovery are the same path.

opening -> open: guarded by a stop that rests at the broker for all that is held.
closing: cancel the working entry, cancel the resting stop, sell what is held; one attempt at a time.
closed: nothing of it is left at the venue; dust that the venue would not take is left with a record. What a late
fill adds while another trade of the symbol is open is sold from here, since only one of them may be open.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from services.trade_executor.core import orders
from services.trade_executor.core.exits import EAGER_ATTEMPTS, final_reason, may_try_again, outranks, stop_reason
from services.trade_executor.core.records import Order, Stop, Trade
from services.trade_executor.core.said import alert, closed, opened
from services.trade_executor.core.trade_book import NOTHING, TradeBook, average_price, position
from shared.ids import canonical
from shared.portfolio import ledger
from shared.portfolio.grid import Grid
from shared.risk.stops import initial_stop, take_profit
from shared.schemas.base import Message
from shared.schemas.market import BarsClosed
from shared.schemas.orders import ExitReason, ExitRequested, Purpose

STOP_FAILURES = 3
"""Resting stops that may fail before the trade is left: without one it would stand unguarded."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The venue's grid and minimums of the symbol, and the desk's stop and target distances."""

    grid: Grid
    min_quantity: Decimal
    min_cost: Decimal
    stop_atr: float
    take_profit_r: float


def progress(book: TradeBook, terms: Terms, cause: Message) -> None:
    """Want everything that the trade needs now and does not want yet. Doing it twice changes nothing."""
    if book.bought:
        _price(book, terms)
    if "entry" in book.ended:
        _entry_over(book, cause)
    came_late = book.late
    if came_late:
        _take_back(book, cause)
    if book.trade.status in ("opening", "open"):
        _guard(book, terms, cause)
    if book.trade.status == "closing" or came_late or _is_left_over(book, terms, cause):
        _leave(book, terms, cause)
    book.ended.discard("exit")


def request_exit(book: TradeBook, request: ExitRequested) -> None:
    """Begin to leave the trade; of requests of the same instant the one that matters most names the reason."""
    trade = book.trade
    if trade.status in ("opening", "open"):
        _begin_exit(book, request.reason, request.occurred_at)
    elif trade.status == "closing" and outranks(trade, request.reason, request.occurred_at):
        trade.exit_reason = request.reason


def _begin_exit(book: TradeBook, reason: ExitReason, at: datetime) -> None:
    book.trade.status = "closing"
    book.trade.exit_reason = reason
    book.trade.exit_requested_at = at


def _price(book: TradeBook, terms: Terms) -> None:
    """Entry price and target from the fills so far, and the first stop with the first of them."""
    trade, grid, bought = book.trade, terms.grid, book.filled_on("buy")
    price, began = average_price(bought, grid.tick), min(fill.time for fill in bought)
    trade.entry_price, trade.entry_time = price, began
    book.bought = False
    entry = ledger.average_ticks(position(bought, grid))
    if book.stop is None:
        # ATR is the decision's, fixed for the life of the trade. A stop below the grid would never be hit.
        ticks = max(initial_stop(entry, grid.atr_ticks(trade.atr or NOTHING), terms.stop_atr, ledger.LONG), 1)
        book.stop = _first_stop(trade, grid.from_ticks(ticks), price, began)
        trade.stop_loss_price = book.stop.price
    risked_to = grid.to_ticks(book.stop.initial_price, "floor")
    trade.take_profit_price = grid.from_ticks(take_profit(entry, risked_to, terms.take_profit_r, ledger.LONG))


def _first_stop(trade: Trade, price: Decimal, entry_price: Decimal, entry_time: datetime) -> Stop:
    return Stop(
        trade_id=trade.id,
        symbol=trade.symbol,
        initial_price=price,
        price=price,
        kind="stop",
        version=1,
        previous_price=None,
        effective_from=entry_time,
        high_water=entry_price,
        breached_at=None,
    )


def _entry_over(book: TradeBook, cause: Message) -> None:
    """The trade is what the entry got; without a fill it never was one."""
    book.ended.discard("entry")
    if book.trade.quantity == 0:
        book.trade.status = "closed"
        return
    if book.trade.status == "opening":
        book.trade.status = "open"
    book.messages.append(opened(book.trade, book.stop, cause))


def _take_back(book: TradeBook, cause: Message) -> None:
    """A fill after the trade was closed: the venue had said that there would be none. Sell what it left us with."""
    text = f"a fill of {book.trade.symbol} came after its trade was closed; {canonical(book.trade.held)} is held"
    book.messages.append(alert("critical", "late_fill", text, book.trade.id, cause))
    book.late = False
    if book.trade.held > 0:
        _begin_exit(book, "external", cause.occurred_at)
    if book.is_succeeded:
        book.trade.status = "closed"


def _is_left_over(book: TradeBook, terms: Terms, cause: Message) -> bool:
    """Whether a closed trade holds what can be sold, or has just sold it."""
    if book.trade.status != "closed" or book.trade.quantity == 0:
        return False
    return "exit" in book.ended or not (book.trade.held == 0 or _is_unsellable(book, terms, cause))


def _guard(book: TradeBook, terms: Terms, cause: Message) -> None:
    """See that a stop rests at the broker for all that is held."""
    stop, entry_over = book.stop, book.live("entry") is None
    hit = next((order for order in book.of("stop") if order.filled > 0), None)
    if stop is None or (book.trade.held == 0 and not entry_over and hit is None):
        return
    if hit is not None:
        _begin_exit(book, stop_reason(stop, hit), cause.occurred_at)
    elif book.live("stop") is None and _is_below_minimum(book, terms, stop.price):
        if entry_over:
            _begin_exit(book, "dust", cause.occurred_at)
    elif (resting := book.live("stop")) is not None:
        orders.want(resting, resting.filled + book.trade.held, stop.price)
    else:
        _place_stop(book, stop, cause)


def _place_stop(book: TradeBook, stop: Stop, cause: Message) -> None:
    failed = [order for order in book.of("stop") if not order.cancel_wanted]
    if failed:
        text = f"the stop of {stop.symbol} at {canonical(stop.price)} does not rest at the broker: {failed[-1].error}"
        book.messages.append(alert("critical", "stop_lost", text, failed[-1].client_order_id, cause))
    if len(failed) >= STOP_FAILURES:
        _begin_exit(book, "external", cause.occurred_at)
        return
    book.add(_next_order(book, "stop", cause, stop.price))


def _leave(book: TradeBook, terms: Terms, cause: Message) -> None:
    """One step towards nothing: first no order of ours may buy or sell, then one sells what is left."""
    reason = book.trade.exit_reason or ""
    for working in (book.live("entry"), book.live("stop")):
        # A stop that has begun to fill is the exit: it has until the clock moves to finish.
        begun = working is not None and working.purpose == "stop" and working.filled > 0
        if working is not None and (not begun or isinstance(cause, BarsClosed)):
            book.withdraw(working, reason, cause)
    if any(orders.is_live(order) for order in book.orders.values()):
        return
    attempts = book.of("exit")
    if book.trade.held == 0 or _is_unsellable(book, terms, cause):
        _close(book, terms, cause)
    elif may_try_again(attempts, cause.occurred_at):
        if attempts and attempts[-1].filled == 0:
            text = f"{book.trade.symbol} could not be sold: {attempts[-1].error or attempts[-1].state}"
            book.messages.append(alert("critical", "exit_failed", text, attempts[-1].client_order_id, cause))
        book.trade.exit_attempt = len(attempts) + 1
        book.add(_next_order(book, "exit", cause))


def _close(book: TradeBook, terms: Terms, cause: Message) -> None:
    trade = book.trade
    was_said = trade.exit_time is not None
    trade.status = "closed"
    if trade.quantity == 0:
        return
    sold = book.filled_on("sell")
    trade.exit_reason = final_reason(trade, book.stop, list(book.orders.values()))
    trade.exit_price = average_price(sold, terms.grid.tick) if sold else None
    trade.exit_time = max((fill.time for fill in sold), default=cause.occurred_at)
    proceeds = sum((fill.cost for fill in sold), NOTHING)
    paid = sum((fill.cost for fill in book.filled_on("buy")), NOTHING)
    trade.pnl = proceeds - paid - trade.fees
    if not was_said:
        # The others have booked it once; what a late fill changes of it stands in the row and in the alert.
        book.messages.append(closed(trade, paid, cause))
    if trade.held > 0:
        text = f"{canonical(trade.held)} {trade.symbol} is below what the venue takes and stays with us"
        book.messages.append(alert("warning", "dust", text, trade.id, cause))


def is_dust(book: TradeBook, terms: Terms) -> bool:
    """Whether what is held is less than the venue lets us sell."""
    return _is_below_minimum(book, terms, book.trade.entry_price or NOTHING)


def _is_unsellable(book: TradeBook, terms: Terms, cause: Message) -> bool:
    """Whether it is dust, or has become dust: refused again and again, and worth too little at the bid."""
    attempts = book.of("exit")
    if is_dust(book, terms) or len(attempts) < EAGER_ATTEMPTS or attempts[-1].filled > 0:
        return is_dust(book, terms)
    marks = cause.marks if isinstance(cause, BarsClosed) else ()
    return any(m.symbol == book.trade.symbol and _is_below_minimum(book, terms, m.bid) for m in marks)


def _is_below_minimum(book: TradeBook, terms: Terms, price: Decimal) -> bool:
    """Whether the venue refuses to sell what is held at that price, or to let a stop rest there."""
    return book.trade.held < terms.min_quantity or book.trade.held * price < terms.min_cost


def _next_order(book: TradeBook, purpose: Purpose, cause: Message, trigger: Decimal | None = None) -> Order:
    """The next attempt to sell all that is held."""
    trade, attempt = book.trade, len(book.of(purpose)) + 1
    return orders.intent(
        trade.account, trade.id, trade.symbol, purpose, attempt, trade.held, cause.occurred_at, trigger=trigger
    )
