"""One order, reported on and executed: the cases that an unlucky order of events makes."""

from decimal import Decimal

import pytest

from services.trade_executor.core import orders
from services.trade_executor.core.entries import Entry, decide
from services.trade_executor.core.orders import execute, intent, is_live, report, want
from services.trade_executor.core.trade_book import TradeBook
from shared.errors import InvariantBroken
from shared.ids import derived_id
from shared.models import Order
from tests.services.trade_executor.builders import (
    BTC,
    LIMITS,
    VENUE,
    D,
    at,
    executed,
    exit_requested,
    mark,
    reported,
    verdict,
)
from tests.services.trade_executor.test_entries import DESK


def resting(quantity: str = "1", trigger: str = "98") -> Order:
    """A stop at the venue."""
    order = intent("desk", derived_id("Trade", 1), BTC, "stop", 1, D(quantity), at(0), trigger=D(trigger))
    order.state, order.venue_order_id = "open", "V1"
    return order


def test_stop_that_may_have_been_granted_more_is_not_over_when_its_old_quantity_is_sold() -> None:
    order = resting("1")
    want(order, D("2"), D("98"))
    order.request = "amend"
    execute(order, "V1", D("1"), D("98"), D("0.2"))
    assert is_live(order)
    report(order, reported(order.client_order_id, "amended", quantity=D("2"), trigger_price=D("98")))
    assert (order.state, order.quantity) == ("open", D("2"))
    execute(order, "V1", D("1"), D("98"), D("0.2"))
    assert order.state == "filled"


def test_amendment_that_came_too_late_ends_with_what_the_venue_filled() -> None:
    order = resting("1")
    want(order, D("2"), D("98"))
    order.request = "amend"
    execute(order, "V1", D("1"), D("98"), D("0.2"))
    report(order, reported(order.client_order_id, "closed", filled_total=D("1")))
    assert order.state == "filled"
    assert order.request is None
    assert order.quantity_wanted is None


def test_raise_that_is_wanted_while_an_older_one_is_on_its_way_stays_wanted() -> None:
    order = resting(trigger="98")
    want(order, D("1"), D("99"))
    order.request = "amend"
    want(order, D("1"), D("99.5"))
    report(order, reported(order.client_order_id, "amended", quantity=D("1"), trigger_price=D("99")))
    assert (order.trigger_price, order.trigger_wanted) == (D("99"), D("99.5"))


def test_answer_to_one_request_does_not_end_another() -> None:
    order = resting()
    order.cancel_wanted, order.request = True, "cancel"
    report(order, reported(order.client_order_id, "accepted", venue_order_id="V1"))
    report(order, reported(order.client_order_id, "amended", quantity=D("1"), trigger_price=D("98")))
    assert order.request == "cancel"


def test_missing_entry_may_be_sent_again_and_a_missing_stop_is_another_attempt() -> None:
    entry = intent("desk", derived_id("Trade", 1), BTC, "entry", 1, D("1"), at(0))
    stop = resting()
    for order in (entry, stop):
        order.state, order.request, order.venue_order_id = "unknown", "place", None
        report(order, reported(order.client_order_id, "missing"))
    assert (entry.state, entry.request) == ("intended", None)
    assert (stop.state, stop.error) == ("canceled", "missing at the venue")


def test_attempts_of_one_trade_have_ids_of_their_own() -> None:
    trade = derived_id("Trade", 1)
    ids = {orders.client_order_id("desk", trade, purpose, n) for purpose in ("entry", "stop", "exit") for n in (1, 2)}
    assert len(ids) == 6
    assert orders.client_order_id("desk", trade, "exit", 1) != orders.client_order_id("other", trade, "exit", 1)


def book() -> TradeBook:
    (entry,) = decide([verdict()], DESK, {BTC: mark()}, {BTC: VENUE}, LIMITS)
    assert isinstance(entry, Entry)
    return TradeBook(entry.trade, {entry.order.client_order_id: entry.order}, {}, None)


def test_same_execution_with_other_content_breaks_the_books() -> None:
    trade = book()
    (order,) = trade.orders.values()
    assert trade.execution(order, executed(order.client_order_id, "X1", quantity="1"))
    assert not trade.execution(order, executed(order.client_order_id, "X1", quantity="1"))
    other = executed(order.client_order_id, "X1", quantity="1", price="100.02")
    with pytest.raises(InvariantBroken, match=str(other.message_id)):
        trade.execution(order, other)


def test_selling_more_than_is_held_breaks_the_books() -> None:
    trade = book()
    (order,) = trade.orders.values()
    trade.execution(order, executed(order.client_order_id, "X1", quantity="1"))
    sold = executed(order.client_order_id, "X2", side="sell", quantity=str(Decimal("1.001")))
    with pytest.raises(InvariantBroken, match=str(sold.message_id)):
        trade.execution(order, sold)


@pytest.mark.parametrize("status", ["not_sent", "missing"])
def test_entry_that_was_taken_back_while_its_request_was_lost_is_over(status: str) -> None:
    trade = book()
    (order,) = trade.orders.values()
    held_back = order.reserved
    order.state, order.request = "submitting", "place"
    trade.withdraw(order, "manual", exit_requested(trade.trade.id))
    trade.report(reported(order.client_order_id, status))
    assert order.state == "canceled"
    assert order.request is None
    assert trade.released == held_back > 0
    assert [message.kind for message in trade.messages] == ["OrderCanceled"]


@pytest.mark.parametrize("status", ["not_sent", "missing"])
def test_stop_that_was_taken_back_while_its_request_was_lost_is_over(status: str) -> None:
    order = resting()
    order.state, order.request, order.venue_order_id, order.cancel_wanted = "submitting", "place", None, True
    report(order, reported(order.client_order_id, status))
    assert order.state == "canceled"
    assert order.request is None
