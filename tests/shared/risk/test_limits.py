"""Each limit refuses with its own code and its numbers, in one fixed order."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.risk import limits
from shared.risk.limits import EntryFacts, EntryLimits, SizeFacts, check_entry, check_size
from shared.risk.sizing import BY_CASH, BY_EXPOSURE, BY_RISK, Sized

MONEY = 10**10
LIMITS = EntryLimits(entry_score=0.35, max_positions=5, max_daily_loss=50_000_000, max_drawdown=200_000_000)
FINE = EntryFacts(
    is_buy=True,
    score=0.35,
    expires_at=1_000,
    now=1_000,
    paused=False,
    halted=False,
    already_open=False,
    open_trades=4,
    price=100,
    atr=2.5,
    equity=8_000 * MONEY,
    initial_balance=10_000 * MONEY,
    daily_result=-399 * MONEY,
)


def test_an_entry_just_inside_every_limit_is_allowed() -> None:
    assert check_entry(FINE, LIMITS) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (FINE._replace(is_buy=False), "not_buy"),
        (FINE._replace(now=1_001), "expired"),
        (FINE._replace(paused=True), "paused"),
        (FINE._replace(halted=True), "halted"),
        (FINE._replace(equity=8_000 * MONEY - 1), "drawdown"),
        (FINE._replace(score=0.349999), "weak_signal"),
        (FINE._replace(score=math.nan), "weak_signal"),
        (FINE._replace(atr=math.nan), "no_atr"),
        (FINE._replace(atr=0.0), "no_atr"),
        (FINE._replace(price=0), "no_price"),
        (FINE._replace(already_open=True), "already_open"),
        (FINE._replace(open_trades=5), "max_positions"),
        (FINE._replace(daily_result=-400 * MONEY), "daily_loss"),
    ],
)
def test_each_limit_refuses_with_its_code_and_numbers(facts: EntryFacts, reason: str) -> None:
    refusal = check_entry(facts, LIMITS)
    assert refusal is not None
    assert refusal.reason == reason
    assert refusal.detail
    assert refusal.figures


def test_a_halted_desk_says_halted_even_while_paused() -> None:
    refusal = check_entry(FINE._replace(paused=True, halted=True), LIMITS)
    assert refusal is not None
    assert refusal.reason == "halted"


def test_the_figures_are_readable_numbers() -> None:
    refusal = check_entry(FINE._replace(daily_result=-500 * MONEY), LIMITS)
    assert refusal is not None
    assert refusal.figures == (("daily_result", "-500"), ("equity", "8000"), ("max_daily_loss", "0.05"))


def test_a_day_without_loss_is_never_over_its_limit() -> None:
    assert check_entry(FINE._replace(equity=10_000 * MONEY, daily_result=0), LIMITS._replace(max_daily_loss=0)) is None


@pytest.mark.parametrize(
    ("bound", "reason"), [(BY_RISK, "below_minimum"), (BY_EXPOSURE, "exposure"), (BY_CASH, "cash")]
)
def test_a_size_below_the_minimum_names_what_bound_it(bound: int, reason: str) -> None:
    size = SizeFacts(lots=4, bound=bound, cost=50, min_lots=5, min_cost=40, exposure=1, cash=2, stop_cost=45)
    refusal = check_size(Sized(4, bound), size)
    assert refusal is not None
    assert refusal.reason == reason
    assert dict(refusal.figures)["lots"] == "4"


def test_both_minimums_bind_and_cost_at_the_stop_too() -> None:
    size = SizeFacts(lots=5, bound=BY_RISK, cost=40, min_lots=5, min_cost=40, exposure=1, cash=2, stop_cost=40)
    assert check_size(Sized(5, BY_RISK), size) is None
    assert check_size(Sized(5, BY_RISK), size._replace(cost=39)) is not None
    assert check_size(Sized(5, BY_RISK), size._replace(cost=50, stop_cost=39)) is not None
    assert check_size(Sized(4, BY_RISK), size._replace(lots=4)) is not None
    assert check_size(Sized(0, BY_RISK), size._replace(lots=0, min_lots=0, min_cost=0)) is not None


facts = st.builds(
    EntryFacts,
    is_buy=st.booleans(),
    score=st.floats(-1, 1),
    expires_at=st.integers(0, 3),
    now=st.integers(0, 3),
    paused=st.booleans(),
    halted=st.booleans(),
    already_open=st.booleans(),
    open_trades=st.integers(0, 6),
    price=st.integers(0, 2),
    atr=st.sampled_from((math.nan, 0.0, 1.0)),
    equity=st.integers(0, 10**15),
    initial_balance=st.integers(1, 10**15),
    daily_result=st.integers(-(10**14), 10**14),
)


@given(facts)
def test_numba_decides_alike(fact: EntryFacts) -> None:
    assert compiled(limits.entry_refusal)(fact, LIMITS) == limits.entry_refusal(fact, LIMITS)


@given(st.builds(SizeFacts, *[st.integers(0, 3)] * 8))
def test_numba_judges_sizes_alike(size: SizeFacts) -> None:
    assert compiled(limits.size_refusal)(size) == limits.size_refusal(size)


def test_every_code_has_its_words() -> None:
    assert len(limits.REASONS) == len(limits.DETAILS) == len(set(limits.REASONS)) == limits.BELOW_MINIMUM + 1
