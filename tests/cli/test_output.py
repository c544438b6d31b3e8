"""How numbers look."""

from decimal import Decimal

import pytest

from cli.output import amount, console, errors, fitting, price
from shared.schemas.base import Value


@pytest.mark.parametrize(
    ("value", "tick", "shown"),
    [
        (Decimal("1.31824"), "0.00001", "1.31824"),
        (Decimal("1.3"), "0.00001", "1.30000"),
        (Decimal("66550"), "0.1", "66550.0"),
        (66550.1, "0.1", "66550.1"),
        (123456.7, "0.10", "123456.7"),
        (Decimal("100"), "1", "100"),
        (Decimal("120"), "10", "120"),
        (Decimal("1.318247"), "0.00001", "1.318247"),
        (Decimal("0.00001234"), None, "0.00001234"),
        (None, "0.1", "—"),
    ],
)
def test_a_price_is_shown_at_its_tick_and_never_rounded(
    value: Decimal | float | None, tick: str | None, shown: str
) -> None:
    assert price(value, Decimal(tick) if tick else None) == shown


def test_a_gain_is_shown_in_cents_where_there_are_cents() -> None:
    assert amount(Decimal("-1234.567"), "BTC/USD") == "-1,234.57"
    assert amount(Decimal("0.00012345"), "ETH/BTC") == "0.00012345"


def test_what_stands_between_colons_stays_text() -> None:
    for printer in (console, errors):
        assert printer.render_str("swing:x:0.5").plain == "swing:x:0.5"


class Held(Value):
    symbol: str
    entry: Decimal
    held: Decimal


@pytest.mark.parametrize("width", [60, 24])
def test_a_narrow_terminal_loses_whole_columns_and_says_which(width: int) -> None:
    row = Held(symbol="BTC/USD", entry=Decimal("66550.1"), held=Decimal("0.12345678"))
    columns = {"symbol": "symbol", "entry": "entry", "held": "held"}
    drawn = fitting("Held", [row], columns, getattr, "after fees paid", width, ["held"])
    shown, caption = [column.header for column in drawn.columns], "after fees paid"
    if width == 60:
        assert (shown, drawn.caption) == (["symbol", "entry", "held"], caption)
    else:
        assert (shown, drawn.caption) == (["symbol", "entry"], f"{caption} Not shown for want of room: held.")
