"""Numbers survive the way from the venue's JSON, or are asked for again."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.broker.kraken_views import NotExact, booked_execution, streamed_execution, venue_order

EVENT = """{"order_id": "O1", "exec_id": "T1", "exec_type": "trade", "symbol": "BTC/USD", "side": "buy",
    "last_qty": %s, "last_price": 40000.1, "liquidity_ind": "t", "cost": %s, "timestamp": "2026-01-01T00:00:00.123456Z",
    "fees": [{"asset": "USD", "qty": 1.2841}], "cl_ord_id": "mine"}"""


def event(quantity: str = "0.01", cost: str = "400.001") -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(EVENT % (quantity, cost))
    return parsed


def test_a_fill_of_the_socket_is_read_exactly() -> None:
    execution = streamed_execution(event())
    assert (execution.quantity, execution.price) == (Decimal("0.01"), Decimal("40000.1"))
    assert (execution.cost, execution.fee) == (Decimal("400.001"), Decimal("1.2841"))
    assert execution.time == datetime(2026, 1, 1, microsecond=123456, tzinfo=UTC)
    assert execution.client_order_id == "mine"


@given(st.integers(1, 10**17))
def test_no_quantity_is_ever_changed_by_the_floats_on_the_way(lots: int) -> None:
    quantity = Decimal(lots).scaleb(-8)
    try:
        assert streamed_execution(event(quantity=f"{quantity:.8f}")).quantity == quantity
    except NotExact:
        assert quantity >= 10**7


def test_a_number_too_large_for_its_decimals_is_not_trusted() -> None:
    with pytest.raises(NotExact):
        streamed_execution(event(cost="12345678.1234"))


def test_whole_and_tiny_numbers_are_exact() -> None:
    assert streamed_execution(event(quantity="2", cost="1e-08")).cost == Decimal("1e-8")


def test_a_fee_in_another_currency_is_not_counted_as_ours() -> None:
    strange = event() | {"fees": [{"asset": "KFEE", "qty": 3}]}
    assert streamed_execution(strange).fee == 0


def test_an_order_of_a_type_we_never_place_is_shown_as_such() -> None:
    terms = {"ordertype": "trailing-stop", "type": "sell", "price": "+5.0%"}
    order = venue_order("O1", {"descr": terms, "status": "open", "vol": "1", "vol_exec": "0"}, "BTC/USD")
    assert order.order_type == "other"
    assert order.trigger_price is None


def test_the_time_of_a_booked_fill_is_exact_to_the_microsecond() -> None:
    names = {"ordertxid": "O1", "type": "sell", "vol": "1", "price": "1", "cost": "1", "fee": "0", "maker": False}
    info = names | {"time": "1767225600.123457"}
    assert booked_execution("T1", info, "BTC/USD", None).time.microsecond == 123457
