"""The parts of a difference: each by hand, and always the whole difference together."""

from dataclasses import replace
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


def cent(symbol: str) -> Decimal:
    del symbol
    return Decimal("0.01")


def split(one: LiveTrade, other: Trade) -> dict[str, Decimal]:
    found = parts(one, other, rising, cent)
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
        (live(pnl="18.97"), {"rounding": Decimal("0.02")}),
        (live(pnl="18.98"), {"unexplained": Decimal("0.03")}),
        (live(pnl="11.95"), {"unexplained": Decimal(-7)}),
        (live(quantity="3", entry_price="101"), {"quantity": Decimal(10), "entry": Decimal(-3)}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_each_cause_alone_takes_the_difference(one: LiveTrade, expected: dict[str, Decimal]) -> None:
    assert split(one, made()) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # decided 15 minutes after the backtest bought, and filled at once: the market had risen by 15
        (live(15, entry_price="115", exit_price="125"), {"delay": Decimal(-30), "exit": Decimal(30)}),
        # decided 15 minutes late, filled 2 minutes after that
        (live(15, late=2, entry_price="117"), {"delay": Decimal(-34)}),
        # decided 5 minutes before the backtest, filled 1 minute after that: only its own lag is delay
        (live(-5, late=1, entry_price="96"), {"delay": Decimal(-2), "entry": Decimal(10)}),
    ],
    ids=["late signal", "late signal and fill", "early signal"],
)
def test_a_late_signal_is_delay_from_the_time_of_the_backtest(one: LiveTrade, expected: dict[str, Decimal]) -> None:
    assert split(replace(one, exit_time=made().exit_time, pnl=worth(one)), made()) == expected


LEFT_LATE = START + 110 * MINUTE


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # a resting stop that went off 50 minutes later, and 51 higher
        (live(exit_time=LEFT_LATE, exit_price="161"), {"delay": Decimal(100), "exit": Decimal(2)}),
        (live(exit_time=LEFT_LATE, exit_price="161", requested_at=LEFT_LATE - 9 * MINUTE), {"delay": 100, "exit": 2}),
        # for another reason the later time is another decision; what it took to carry it out is delay
        (live(exit_time=LEFT_LATE, exit_price="161", exit_reason="stop"), {"exit": Decimal(102)}),
        (
            live(exit_time=LEFT_LATE, exit_price="161", exit_reason="stop", requested_at=LEFT_LATE - 9 * MINUTE),
            {"delay": 18, "exit": 84},
        ),
        # to leave earlier is no delay
        (live(exit_time=START + 30 * MINUTE, exit_price="80"), {"exit": Decimal(-60)}),
    ],
    ids=["stop", "asked for late", "another reason", "another reason, asked for", "earlier"],
)
def test_a_late_exit_for_the_same_reason_is_delay(one: LiveTrade, expected: dict[str, Decimal]) -> None:
    assert split(one, made()) == expected


def worth(one: LiveTrade) -> Decimal:
    return one.side * one.quantity * (one.exit_price - one.entry_price) - one.fees


def test_without_a_tick_nothing_is_rounding() -> None:
    found = parts(live(pnl="18.96"), made(), rising)
    assert (found.rounding, found.unexplained) == (Decimal(0), Decimal("0.01"))


def test_a_short_gains_where_a_long_loses() -> None:
    short = made(side=-1, entry_price="110", exit_price="100")
    dearer = live(side=-1, entry_price="111", exit_price="100", late=2)
    assert split(dearer, short) == {"delay": Decimal(4), "entry": Decimal(-2)}


def test_without_bars_there_is_no_delay() -> None:
    found = parts(live(late=3, entry_price="103"), made(), nowhere)
    assert (found.delay, found.entry) == (Decimal(0), Decimal(-6))


AMOUNT = st.decimals("1e-10", "1e9", places=10)


@given(one=trades(LiveTrade), other=trades(), drawn=st.lists(AMOUNT, min_size=6), tick=st.none() | AMOUNT)
def test_the_parts_are_the_difference_exactly(
    one: LiveTrade, other: Trade, drawn: list[Decimal], tick: Decimal | None
) -> None:
    times = (one.decided_at, one.entry_time, one.requested_at, one.exit_time, other.entry_time, other.exit_time)
    known = dict(zip(times, drawn, strict=False))
    found = parts(one, other, lambda symbol, time: known[time], lambda symbol: tick)
    assert sum(Fraction(getattr(found, cause)) for cause in CAUSES) == Fraction(one.pnl) - Fraction(other.pnl)
    assert Fraction(found.total) == Fraction(one.pnl) - Fraction(other.pnl)
    assert isinstance(found, Parts)
