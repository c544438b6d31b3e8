"""Which trades are a pair, which stand alone, and what the whole drift is."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from backtester.drift.compare import NEAR_BARS, Alone, Pair, compared
from backtester.drift.split import LiveTrade
from backtester.runs.trade import Trade
from tests.backtester.drift.trades import STEP, live, made, trades


def test_the_nearest_entry_of_the_same_symbol_and_side_is_the_counterpart() -> None:
    theirs = [made(0), made(10, side=-1), made(10, symbol="ETH/USD"), made(10)]
    drift = compared([live(10)], theirs, STEP)
    (pair,) = drift.pairs
    assert pair.backtest is theirs[3]
    assert pair.bars_late == 0
    assert {id(one.trade) for one in drift.missing} == {id(one) for one in theirs[:3]}
    assert drift.extra == ()


def test_a_trade_has_one_counterpart_and_the_nearer_one_takes_it() -> None:
    near, far = live(5), live(10)
    drift = compared([far, near], [made(5)], STEP)
    assert [pair.live for pair in drift.pairs] == [near]
    assert [one.trade for one in drift.extra] == [far]


def test_entries_too_far_apart_are_no_pair() -> None:
    last = 5 * NEAR_BARS
    assert len(compared([live(last)], [made(0)], STEP).pairs) == 1
    drift = compared([live(last + 5)], [made(0)], STEP)
    assert (len(drift.pairs), len(drift.missing), len(drift.extra)) == (0, 1, 1)
    assert compared([live(last)], [made(0)], STEP).pairs[0].bars_late == NEAR_BARS


def test_alone_trades_count_with_their_whole_result_and_say_why() -> None:
    drift = compared(
        [live(0)], [made(600)], STEP, why_missing=lambda trade: "refused", why_extra=lambda trade: "sentiment"
    )
    (missing,), (extra,) = drift.missing, drift.extra
    assert (missing.difference, missing.why) == (Decimal("-18.95"), "refused")
    assert (extra.difference, extra.why) == (Decimal("18.95"), "sentiment")
    assert (drift.sums["missing"], drift.sums["extra"], drift.difference) == (
        Decimal("-18.95"),
        Decimal("18.95"),
        Decimal(0),
    )


def test_worst_come_first_and_the_very_worst_is_named_with_its_cause() -> None:
    ours = [live(0, fees="2"), live(300, exit_price="90"), live(600)]
    drift = compared(ours, [made(0), made(300), made(600), made(900, exit_price="120")], STEP)
    assert [pair.live for pair in drift.pairs] == [ours[1], ours[0], ours[2]]
    worst = drift.worst
    assert isinstance(worst, Pair)
    assert (worst.live, worst.worst_cause) == (ours[1], "exit")
    alone = compared([live(0)], [made(0), made(300, exit_price="120")], STEP).worst
    assert isinstance(alone, Alone)
    assert compared([live(0, fees="1")], [made(0)], STEP).worst is None
    assert compared([], [], STEP).worst is None


@given(ours=st.lists(trades(LiveTrade), max_size=12), theirs=st.lists(trades(), max_size=12))
def test_every_trade_stands_once_and_the_sums_are_the_difference(ours: list[LiveTrade], theirs: list[Trade]) -> None:
    drift = compared(ours, theirs, STEP)
    assert sorted(id(one) for one in ours) == sorted(
        [*(id(pair.live) for pair in drift.pairs), *(id(one.trade) for one in drift.extra)]
    )
    assert sorted(id(one) for one in theirs) == sorted(
        [*(id(pair.backtest) for pair in drift.pairs), *(id(one.trade) for one in drift.missing)]
    )
    exact = sum(Fraction(one.pnl) for one in ours) - sum(Fraction(one.pnl) for one in theirs)
    assert Fraction(drift.difference) == exact
    assert sum(map(Fraction, drift.sums.values())) == exact
