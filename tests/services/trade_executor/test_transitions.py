"""The order's table of states, and the property that makes it safe: the order of events does not matter."""

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.trade_executor.core.entries import Entry, decide
from services.trade_executor.core.orders import is_live
from services.trade_executor.core.progress import progress
from services.trade_executor.core.trade_book import TradeBook
from services.trade_executor.core.transitions import LIVE, TRANSITIONS, moved
from shared.schemas.base import Message
from shared.schemas.orders import ExecutionReported, OrderReported
from tests.services.trade_executor.builders import BTC, LIMITS, TERMS, VENUE, D, executed, mark, reported, verdict
from tests.services.trade_executor.test_entries import DESK


def test_nothing_leads_out_of_a_terminal_state() -> None:
    assert {state for state, _ in TRANSITIONS} == LIVE
    assert moved("filled", "accepted") == "filled"
    assert moved("canceled", "executed") == "canceled"


def entry_book() -> TradeBook:
    (entry,) = decide([verdict()], DESK, {BTC: mark()}, {BTC: VENUE}, LIMITS)
    assert isinstance(entry, Entry)
    entry.order.state, entry.order.request = "submitting", "place"
    return TradeBook(entry.trade, {entry.order.client_order_id: entry.order}, {}, None)


@dataclass
class History:
    """What a venue did with one entry, as messages that may come in any order and more than once."""

    parts: list[int]
    canceled: bool
    messages: list[Message] = field(default_factory=list)


@st.composite
def histories(draw: st.DrawFn) -> History:
    book = entry_book()
    order = book.orders[book.trade.order_id]
    lots = int(order.quantity / D("0.001"))
    parts = draw(st.lists(st.integers(1, lots // 4), min_size=0, max_size=3))
    canceled = draw(st.booleans()) or sum(parts) == 0
    if not canceled:
        parts = [*parts, lots - sum(parts)]
    name = order.client_order_id
    fills: list[Message] = [
        executed(draw(st.sampled_from([name, None])), f"X{n}", quantity=str(Decimal(part).scaleb(-3)), minute=n)
        for n, part in enumerate(parts)
    ]
    total = Decimal(sum(parts)).scaleb(-3)
    accepted = reported(name, "accepted", venue_order_id="V1")
    over = reported(name, "canceled" if canceled else "closed", venue_order_id="V1", filled_total=total)
    unknown = reported(name, "unknown", error="no answer")
    events = [accepted, over, *fills, *draw(st.sampled_from([[], [unknown]]))]
    repeats = draw(st.lists(st.sampled_from(events), max_size=4))
    return History(parts, canceled, draw(st.permutations(events + repeats)))


def play(book: TradeBook, messages: list[Message]) -> None:
    order = book.orders[book.trade.order_id]
    for message in messages:
        if isinstance(message, OrderReported):
            book.report(message)
        elif isinstance(message, ExecutionReported):
            book.execution(order, message)
        progress(book, TERMS, message)


@given(histories())
def test_any_interleaving_of_reports_and_fills_leads_to_the_same_books(history: History) -> None:
    book = entry_book()
    order = book.orders[book.trade.order_id]
    reserved = order.reserved
    play(book, history.messages)
    bought = Decimal(sum(history.parts)).scaleb(-3)
    assert not is_live(order)
    assert order.state == ("filled" if order.filled == order.quantity else "canceled")
    assert order.filled == bought
    assert book.released == reserved
    assert book.cash == -(order.cost + order.fee)
    assert book.trade.quantity == bought
    assert book.trade.status == ("open" if bought >= D("0.005") else "closed")
    stops = [stop for stop in book.of("stop") if is_live(stop)]
    if book.trade.status == "open":
        assert [stop.quantity for stop in stops] == [book.trade.held]
    else:
        assert stops == []
    assert len([m for m in book.messages if m.kind == "TradeOpened"]) == (1 if bought else 0)
    ids = [m.message_id for m in book.messages]
    assert len(ids) == len(set(ids))


@given(histories())
def test_order_is_never_over_while_a_fill_is_missing(history: History) -> None:
    book = entry_book()
    order = book.orders[book.trade.order_id]
    for n in range(len(history.messages)):
        play(book, history.messages[n : n + 1])
        over = [
            m for m in history.messages[: n + 1] if isinstance(m, OrderReported) and m.status in ("canceled", "closed")
        ]
        if over and order.filled < over[0].filled_total:
            assert is_live(order)
            assert order.request == "find"
