"""What holds for every market and every setting: nothing skipped, nothing known early, no money made of nothing."""

from decimal import Decimal

import numpy as np
from hypothesis import given

from backtester.vector.engine import Result
from backtester.vector.state import HIGH, LOW
from shared.portfolio.grid import from_money
from tests.backtester.vector.markets import INSTRUMENT, Case, cases


def plain(result: Result) -> tuple[object, ...]:
    kept = (result.rows.tolist(), result.equity.tolist(), result.refused.tolist())
    return (*kept, result.cash, result.held, result.worth)


@given(cases)
def test_going_to_the_next_event_changes_nothing(case: Case) -> None:
    assert plain(case.played(skip=True)) == plain(case.played(skip=False))


@given(cases)
def test_compiled_and_plain_python_give_the_same_bits(case: Case) -> None:
    assert plain(case.played(pure=False)) == plain(case.played(pure=True))


@given(cases)
def test_the_future_changes_no_trade_of_the_past(case: Case) -> None:
    kept = len(case.tape.time) // 2
    if kept:
        whole, begun = case.played(), case.cut(kept).played()
        end = case.tape.time[kept - 1] + case.terms.base
        assert [row for row in whole.rows.tolist() if row[3] < end] == begun.rows.tolist()
        assert (whole.equity[:kept] == begun.equity).all()


@given(cases)
def test_cash_is_what_the_fills_left(case: Case) -> None:
    result = case.played()
    earned = sum((trade.pnl for trade in result.trades), Decimal(0))
    start = from_money(case.terms.balance)
    if not result.held:
        assert result.cash == start + earned == from_money(result.worth)
    assert result.equity[0] == case.terms.balance
    assert all(trade.side == 1 for trade in result.trades) or case.terms.short


@given(cases)
def test_fills_lie_inside_their_bars(case: Case) -> None:
    tape, tick = case.tape, INSTRUMENT.tick
    for trade in case.played().trades:
        symbol = "ABCDE".index(trade.symbol[0])
        for time, price in ((trade.entry_time, trade.entry_price), (trade.exit_time, trade.exit_price)):
            bar = int(np.searchsorted(tape.time, time, side="right")) - 1
            high, low = tape.prices[HIGH, symbol, bar], tape.prices[LOW, symbol, bar]
            assert high == 0 or int(low) <= price / tick <= int(high)


@given(cases)
def test_doubled_fees_never_help(case: Case) -> None:
    """Trade by trade, as the size of one follows from the money that those before it left."""
    free = case.terms._replace(max_drawdown=10**9, max_daily_loss=10**9)
    cheap = Case(case.tape, free).played()
    dear = Case(case.tape, free).played(taker_fee=2 * free.taker_fee)
    rates = {(t.symbol, t.entry_time): t.pnl / (t.quantity * t.entry_price) for t in cheap.trades}
    for trade in dear.trades:
        known = rates.get((trade.symbol, trade.entry_time))
        if known is not None:
            assert trade.pnl / (trade.quantity * trade.entry_price) <= known + Decimal("1e-5")
