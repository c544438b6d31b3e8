"""How numbers are written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics.performance import METRICS, Unit
from backtester.report.words import NOT_DEFINED, change, counted, duration, figure, gain, listing, money, price, share
from shared.timeframes import MINUTE

BY_UNIT = {metric.unit: metric for metric in METRICS}


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        ("share", 0.05, "5.00%"),
        ("share", -0.00001, "0.00%"),
        ("ratio", -1.234, "-1.23"),
        ("ratio", -0.001, "0.00"),
        ("days", 1.5, "1 d 12 h"),
        ("quote", -18.505, "-18.50 USD"),
        ("times a year", 12.34, "12.3x a year"),
        ("ratio", None, NOT_DEFINED),
        ("share", None, NOT_DEFINED),
    ],
)
def test_a_figure_is_written_in_its_unit(unit: Unit, value: float | None, said: str) -> None:
    assert figure(BY_UNIT[unit], value, "USD") == said


def test_a_change_has_its_sign() -> None:
    assert [change(value) for value in (0.5, -0.5, -1e-9, None)] == ["+50.00%", "-50.00%", "+0.00%", NOT_DEFINED]
    assert share(1234.5) == "123,450.00%"


@pytest.mark.parametrize(
    ("value", "quote", "said"),
    [
        (1234.567, "USD", "1,234.57"),
        (Decimal("0.00012345"), "BTC", "0.00012345"),
        (2.0, "ETH", "2.00000000"),
        (9124.5984793, "BTC", "9,124.59847930"),
        (-0.001, "USD", "0.00"),
        (None, "USD", NOT_DEFINED),
    ],
)
def test_money_has_cents_only_where_there_are_cents(value: float | Decimal | None, quote: str, said: str) -> None:
    assert money(value, quote) == said


def test_a_price_keeps_all_its_digits() -> None:
    assert [price(Decimal(text)) for text in ("66550.10", "1E-8", "1200")] == ["66,550.1", "0.00000001", "1,200"]


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (5, "5 min"), (74, "1 h 14 min"), (1440, "1 d"), (4565, "3 d 4 h")]
)
def test_a_duration_has_its_two_largest_units(minutes: int, said: str) -> None:
    assert duration(minutes * MINUTE) == said


@given(st.floats(0, 1e16))
def test_every_duration_can_be_said(microseconds: float) -> None:
    assert duration(microseconds).split()[1] in ("d", "h", "min")


def test_counts_and_names() -> None:
    assert [counted(1, "trade"), counted(2000, "trade")] == ["1 trade", "2,000 trades"]
    assert listing(("A", "B"), most=2) == "A, B"
    assert listing(("A", "B", "C", "D"), most=2) == "A, B and 2 more"


def test_a_gain_has_its_sign_and_the_decimals_of_its_currency() -> None:
    assert [gain(Decimal("1234.5"), "USD"), gain(-0.5, "BTC"), gain(-0.001, "USD")] == [
        "+1,234.50",
        "-0.50000000",
        "+0.00",
    ]
