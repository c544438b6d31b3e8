"""Which verdicts become orders: limits, size and order of an instant, without a database."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trade_executor.core.entries import Desk, Entry, Limits, Standing, decide, in_order
from shared.risk.limits import EntryLimits
from shared.schemas.council import CouncilDecided
from shared.schemas.orders import OrderDenied
from tests.services.trade_executor.builders import ACCOUNT, BTC, LIMITS, VENUE, D, at, mark, verdict

ETH, SOL = "ETH/USD", "SOL/USD"
VENUES = {symbol: VENUE for symbol in (BTC, ETH, SOL)}
MARKS = {symbol: mark(symbol) for symbol in VENUES}
ALL_MAY_BE_LOST = EntryLimits(0.35, 5, 10**9, 10**9)
DESK = Desk(
    account=ACCOUNT,
    now=at(0),
    cash=D("10000"),
    reserved=D("0"),
    initial_balance=D("10000"),
    paused=False,
    halted=False,
    daily_result=D("0"),
    standing=(),
)


def decided(desk: Desk, *verdicts: CouncilDecided, limits: Limits = LIMITS) -> list[Entry | OrderDenied]:
    return decide(verdicts, desk, MARKS, VENUES, limits)


def reason(desk: Desk, asked: CouncilDecided, limits: Limits = LIMITS) -> str:
    (outcome,) = decided(desk, asked, limits=limits)
    assert isinstance(outcome, OrderDenied)
    return outcome.reason


def entry(outcome: Entry | OrderDenied) -> Entry:
    assert isinstance(outcome, Entry), outcome
    return outcome


def test_greater_score_comes_first_then_the_symbol() -> None:
    verdicts = [verdict(SOL, score=0.5), verdict(ETH, score=0.7), verdict(BTC, score=0.5)]
    assert [v.symbol for v in in_order(verdicts)] == [ETH, BTC, SOL]


@given(st.permutations([verdict(BTC, score=0.5), verdict(ETH, score=0.7), verdict(SOL, score=0.6)]))
def test_order_of_arrival_does_not_matter(verdicts: list[CouncilDecided]) -> None:
    tight = replace(LIMITS, max_exposure=400_000_000)
    outcomes = decided(DESK, *verdicts, limits=tight)
    assert [type(o).__name__ for o in outcomes] == ["Entry", "Entry", "OrderDenied"]
    assert [entry(o).trade.symbol for o in outcomes[:2]] == [ETH, SOL]


def test_size_whose_stop_the_venue_would_not_take_is_refused_with_its_numbers() -> None:
    # 1 % of 51 USD over 2 x 2.5 is 0.102: 10.20 USD at the ask, 9.69 at the stop.
    poor = replace(DESK, cash=D("51"))
    limits = replace(LIMITS, max_position=10**9)
    dear = replace(VENUE, min_cost=D("10"))
    (outcome,) = decide([verdict(atr="2.5")], poor, MARKS, {BTC: dear}, replace(limits, entry=ALL_MAY_BE_LOST))
    assert isinstance(outcome, OrderDenied)
    assert outcome.reason == "below_minimum"
    figures = {figure.name: figure.value for figure in outcome.figures}
    assert (figures["notional"], figures["notional_at_stop"], figures["min_cost"]) == ("10.20102", "9.69102", "10")
    small = replace(VENUE, min_cost=D("9.69"))
    (taken,) = decide([verdict(atr="2.5")], poor, MARKS, {BTC: small}, replace(limits, entry=ALL_MAY_BE_LOST))
    assert entry(taken).order.quantity == D("0.102")


def test_shared_cash_goes_to_the_first_and_the_next_gets_the_rest() -> None:
    poor = replace(DESK, cash=D("3000"), initial_balance=D("3000"))
    wide = replace(LIMITS, max_position=1_000_000_000, max_exposure=2_000_000_000, risk_per_trade=500_000_000)
    first, second = decided(poor, verdict(ETH, score=0.7), verdict(BTC, score=0.5), limits=wide)
    assert entry(first).order.reserved <= D("3000")
    assert isinstance(second, OrderDenied)
    assert second.reason == "cash"
    assert {figure.name: figure.value for figure in second.figures}["bound_by"] == "cash"


def test_hold_and_sell_become_nothing() -> None:
    assert decided(DESK, verdict(say="HOLD"), verdict(ETH, say="SELL", score=-0.6)) == []


@pytest.mark.parametrize(
    ("desk", "asked", "expected"),
    [
        (replace(DESK, paused=True), verdict(), "paused"),
        (replace(DESK, halted=True), verdict(), "halted"),
        (replace(DESK, now=at(2.1)), verdict(), "expired"),
        (DESK, verdict(score=0.1), "weak_signal"),
        (DESK, verdict(atr=None), "no_atr"),
        (DESK, verdict(atr="60"), "no_stop"),
        (replace(DESK, standing=(Standing(BTC, D("1"), D("100"), D("0")),)), verdict(), "already_open"),
        (replace(DESK, daily_result=D("-500")), verdict(), "daily_loss"),
        (replace(DESK, cash=D("7999.99")), verdict(), "drawdown"),
        (replace(DESK, cash=D("8000"), reserved=D("8000")), verdict(), "cash"),
        (DESK, verdict("DOT/USD"), "no_instrument"),
    ],
)
def test_each_limit_refuses_with_its_reason(desk: Desk, asked: CouncilDecided, expected: str) -> None:
    assert reason(desk, asked) == expected


def test_drawdown_of_exactly_the_limit_refuses_nothing() -> None:
    assert entry(decided(replace(DESK, cash=D("8000")), verdict())[0])


def test_position_count_includes_those_decided_a_moment_ago() -> None:
    one = replace(LIMITS, entry=EntryLimits(0.35, 1, 50_000_000, 200_000_000))
    outcomes = decided(DESK, verdict(BTC), verdict(ETH), limits=one)
    assert [type(o).__name__ for o in outcomes] == ["Entry", "OrderDenied"]


def test_what_is_held_counts_at_the_bid() -> None:
    standing = (Standing(ETH, D("20"), D("150"), D("0")),)
    desk = replace(DESK, cash=D("6000"), standing=standing)
    # 6000 + 20 x 99.99 is a loss of 2000.2 of 10000: beyond 20 %, whatever was paid
    assert reason(desk, verdict()) == "drawdown"


@given(
    cash=st.integers(1, 10**7),
    score=st.floats(0.35, 1),
    atr=st.integers(1, 4000),
    ask=st.integers(100, 10**6),
)
def test_reservation_always_covers_a_fill_that_slips_as_far_as_allowed(
    cash: int, score: float, atr: int, ask: int
) -> None:
    price = Decimal(ask).scaleb(-2)
    asked = verdict(score=round(score, 6), atr=str(Decimal(atr).scaleb(-2)), price=str(price))
    marks = {BTC: mark(bid=str(price), ask=str(price))}
    desk = replace(DESK, cash=Decimal(cash), initial_balance=Decimal(cash))
    (outcome,) = decide([asked], desk, marks, VENUES, LIMITS)
    if isinstance(outcome, OrderDenied):
        return
    slipped = outcome.order.quantity * price * D("1.005")
    assert slipped * D("1.0026") <= outcome.order.reserved <= desk.cash


def test_the_same_decision_gives_the_same_ids() -> None:
    first, again = entry(decided(DESK, verdict())[0]), entry(decided(DESK, verdict())[0])
    assert (first.trade.id, first.order.client_order_id) == (again.trade.id, again.order.client_order_id)
    assert len(first.order.client_order_id) == 36
