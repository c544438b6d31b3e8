"""The parts of a difference: each by hand, and always the whole difference together."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.drift.split import CAUSES, LiveTrade, Parts, parts
from backtester.runs.trade import Trade
from tests.backtester.drift.trades import MINUTE, START, live, made, trades


def nowhere(symbol: str, time: int) -> Decimal | None:
    del symbol, time
    return None


def rising(symbol: str, time: int) -> Decimal | None:
    """100 at the start, one more each minute."""
    del symbol
    return Decimal(100) + (time - START) // MINUTE


def split(one: LiveTrade, other: Trade) -> dict[str, Decimal]:
    found = parts(one, other, rising)
    return {cause: getattr(found, cause) for cause in CAUSES if getattr(found, cause)}


def test_equal_trades_differ_in_nothing() -> None:
    assert split(live(), made()) == {}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (live(fees="1.25"), {"fee": Decimal("-0.2")}),
        (live(entry_price="100.5"), {"entry": Decimal(-1)}),
        (live(exit_price="109"), {"exit": Decimal(-2)}),
        (live(quantity="1.5"), {"quantity": Decimal(-5)}),
        (live(late=3, entry_price="103"), {"delay": Decimal(-6)}),
        (live(late=3, entry_price="103.5"), {"delay": Decimal(-6), "entry": Decimal(-1)}),
        (live(late=3), {"delay": Decimal(-6), "entry": Decimal(6)}),
        (live(requested_at=START + 58 * MINUTE, exit_price="112"), {"delay": Decimal(4)}),
        (live(pnl="18.96"), {"rounding": Decimal("0.01")}),
        (live(quantity="3", entry_price="101"), {"quantity": Decimal(10), "entry": Decimal(-3)}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_each_cause_alone_takes_the_difference(one: LiveTrade, expected: dict[str, Decimal]) -> None:
    assert split(one, made()) == expected


def test_a_short_gains_where_a_long_loses() -> None:
    short = made(side=-1, entry_price="110", exit_price="100")
    dearer = live(side=-1, entry_price="111", exit_price="100", late=2)
    assert split(dearer, short) == {"delay": Decimal(4), "entry": Decimal(-2)}


def test_without_bars_there_is_no_delay() -> None:
    found = parts(live(late=3, entry_price="103"), made(), nowhere)
    assert (found.delay, found.entry) == (Decimal(0), Decimal(-6))


@given(one=trades(LiveTrade), other=trades(), drawn=st.lists(st.decimals("1e-10", "1e9", places=10), min_size=4))
def test_the_parts_are_the_difference_exactly(one: LiveTrade, other: Trade, drawn: list[Decimal]) -> None:
    known = dict(zip((one.decided_at, one.entry_time, one.requested_at, one.exit_time), drawn, strict=False))
    found = parts(one, other, lambda symbol, time: known[time])
    assert sum(Fraction(getattr(found, cause)) for cause in CAUSES) == Fraction(one.pnl) - Fraction(other.pnl)
    assert Fraction(found.total) == Fraction(one.pnl) - Fraction(other.pnl)
    assert isinstance(found, Parts)
