"""The pure part: what a price does to a trade."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.position_manager.core.guard import (
    NOTHING,
    Bar,
    HeldTrade,
    Judgement,
    Rules,
    judge_bar,
    judge_price,
    leaves_on_sell,
    may_be_repeated,
    stop_at,
)
from services.position_manager.core.seen import SeenBars
from shared.ids import derived_id
from shared.risk.stops import BREAKEVEN, INITIAL, TRAILING, StopState
from tests.services.position_manager.desk import BTC, NINE, at

RULES = Rules(trailing_atr=2.0, trailing_step_atr=0.25, max_hold_bars=4, soft_stop_grace=timedelta(seconds=5))
HELD = HeldTrade(
    trade_id=derived_id("Trade", 1),
    symbol=BTC,
    bar_length=timedelta(minutes=5),
    in_hand=True,
    entry=1000,
    entry_time=NINE,
    target=1300,
    atr=50.0,
    stop=900,
    kind=INITIAL,
    version=1,
    previous=None,
    effective_from=NINE,
    high_water=1000,
    breached_at=None,
)


def bar(minute: int, low: int, high: int, close: int | None = None) -> Bar:
    return Bar(at(minute), at(minute + 1), low, high, close if close is not None else low)


def moved(trade: HeldTrade, judged: Judgement, when: Bar) -> HeldTrade:
    """The trade after its judgement was written."""
    if judged.raised:
        stop, kind, high_water = judged.raised
        return replace(
            trade,
            stop=stop,
            kind=kind,
            high_water=high_water,
            previous=trade.stop,
            version=trade.version + 1,
            effective_from=when.close_time,
        )
    return replace(trade, breached_at=judged.grace_from or trade.breached_at)


def test_quiet_bar_does_nothing() -> None:
    assert judge_bar(HELD, bar(0, 950, 1050), RULES) == NOTHING


def test_more_than_two_atr_up_moves_the_stop_to_the_entry() -> None:
    assert judge_bar(HELD, bar(0, 950, 1100), RULES) == NOTHING
    assert judge_bar(HELD, bar(0, 950, 1101), RULES).raised == StopState(1000, BREAKEVEN, 1101)


def test_after_breakeven_the_stop_trails_two_atr_under_the_high() -> None:
    even = moved(HELD, judge_bar(HELD, bar(0, 950, 1160), RULES), bar(0, 950, 1160))
    assert judge_bar(even, bar(1, 1050, 1100), RULES).raised == StopState(1060, TRAILING, 1160)


def test_raise_smaller_than_the_step_waits() -> None:
    even = replace(HELD, kind=TRAILING, stop=1060, high_water=1160, version=3, effective_from=at(1))
    assert judge_bar(even, bar(1, 1100, 1172), RULES) == NOTHING
    assert judge_bar(even, bar(1, 1100, 1173), RULES).raised == StopState(1073, TRAILING, 1173)


def test_without_atr_the_stop_stays() -> None:
    assert judge_bar(replace(HELD, atr=None), bar(0, 950, 1290), RULES) == NOTHING


def test_high_at_the_target_asks_for_the_exit() -> None:
    assert judge_bar(HELD, bar(0, 950, 1299), RULES).exit is None
    assert judge_bar(HELD, bar(0, 950, 1300), RULES) == Judgement(exit="target")


def test_stop_comes_before_the_target_where_a_bar_reached_both() -> None:
    assert judge_bar(HELD, bar(0, 900, 1300), RULES) == Judgement(grace_from=at(1))


def test_bar_that_touches_the_stop_raises_nothing() -> None:
    assert judge_bar(HELD, bar(0, 900, 1150), RULES).raised is None


def test_time_stop_counts_bars_of_the_decision_timeframe() -> None:
    assert judge_bar(HELD, bar(18, 950, 1050), RULES) == NOTHING
    assert judge_bar(HELD, bar(19, 950, 1050), RULES) == Judgement(exit="time")


def test_bars_before_the_entry_do_not_count() -> None:
    late = replace(HELD, entry_time=at(3))
    assert judge_bar(late, bar(2, 1, 5000), RULES) == NOTHING


def test_of_the_entry_bar_only_the_close_counts() -> None:
    inside = replace(HELD, entry_time=at(2.5), effective_from=at(2.5))
    assert judge_bar(inside, bar(2, 1, 5000, close=1000), RULES) == NOTHING
    assert judge_bar(inside, bar(2, 1, 5000, close=890), RULES) == Judgement(grace_from=at(3))
    assert judge_bar(inside, bar(2, 1, 5000, close=1300), RULES) == Judgement(exit="target")


def test_soft_stop_acts_only_after_the_resting_stop_had_its_grace() -> None:
    breached = replace(HELD, breached_at=at(1))
    assert judge_price(breached, at(1), 800, RULES) == NOTHING
    assert judge_price(breached, at(1) + timedelta(seconds=4.999), 800, RULES) == NOTHING
    now = at(1) + timedelta(seconds=5)
    assert judge_price(breached, now, 2000, RULES) == Judgement(exit="stop", grace_from=now)


def test_soft_stop_is_not_repeated_within_the_next_grace() -> None:
    now = at(1) + timedelta(seconds=5)
    again = replace(HELD, breached_at=now)
    assert judge_price(again, now + timedelta(seconds=1), 800, RULES) == NOTHING


@pytest.mark.parametrize(("kind", "reason"), [(INITIAL, "stop"), (BREAKEVEN, "breakeven"), (TRAILING, "trailing")])
def test_soft_stop_names_the_kind_of_the_stop(kind: int, reason: str) -> None:
    assert judge_bar(replace(HELD, kind=kind, breached_at=at(1)), bar(1, 950, 960), RULES).exit == reason


def test_raised_stop_holds_from_its_effective_time_on() -> None:
    raised = replace(HELD, stop=1000, previous=900, version=2, effective_from=at(5))
    assert stop_at(raised, at(5)) == 1000
    assert judge_bar(raised, bar(5, 1000, 1010), RULES).grace_from == at(6)
    assert judge_bar(raised, bar(4, 990, 1010), RULES, older=True) == NOTHING
    assert judge_bar(raised, bar(4, 900, 1010), RULES, older=True).grace_from == at(5)
    assert judge_price(raised, at(4.9), 950, RULES) == NOTHING
    assert judge_price(raised, at(5), 1000, RULES).grace_from == at(5)


def test_bar_from_before_the_last_move_moves_nothing_even_after_a_start_that_forgot_it() -> None:
    raised = replace(HELD, stop=1000, kind=BREAKEVEN, previous=900, version=2, effective_from=at(5))
    assert judge_bar(raised, bar(4, 1100, 1290), RULES) == NOTHING
    assert judge_bar(raised, bar(5, 1100, 1290), RULES).raised == StopState(1190, TRAILING, 1290)


def test_ticker_never_raises_a_stop() -> None:
    assert judge_price(HELD, at(1), 5000, RULES) == NOTHING


def test_price_at_or_before_the_entry_is_not_tested() -> None:
    assert judge_price(HELD, NINE, 1, RULES) == NOTHING


def test_older_bar_neither_raises_nor_takes_profit() -> None:
    assert judge_bar(HELD, bar(0, 950, 1300), RULES, older=True) == NOTHING
    assert judge_bar(HELD, bar(0, 950, 1200), RULES, older=True) == NOTHING


def test_trade_whose_exit_is_under_way_is_left_alone() -> None:
    leaving = replace(HELD, in_hand=False)
    assert judge_bar(leaving, bar(0, 1, 5000), RULES) == NOTHING
    assert judge_price(leaving, at(1), 1, RULES) == NOTHING
    assert not leaves_on_sell(leaving, at(5))


def test_sell_of_the_instant_of_the_entry_does_not_close_it() -> None:
    assert not leaves_on_sell(HELD, NINE)
    assert leaves_on_sell(HELD, at(5))


def test_message_as_old_as_the_last_write_may_be_a_repetition() -> None:
    assert may_be_repeated(HELD, NINE)
    assert not may_be_repeated(HELD, at(1))
    assert may_be_repeated(replace(HELD, breached_at=at(3)), at(2))


def test_bar_handled_again_is_not_late() -> None:
    seen, first, second = SeenBars(), derived_id("c", 1), derived_id("c", 2)
    assert not seen.is_late(BTC, at(1), first)
    assert not seen.is_late(BTC, at(2), second)
    assert not seen.is_late(BTC, at(1), first)
    assert seen.is_late(BTC, at(1.5), derived_id("c", 3))


price = st.integers(min_value=1, max_value=3000)
prices = st.lists(st.tuples(price, price, st.integers(0, 40)), min_size=1, max_size=40)


@given(prices)
def test_stop_never_falls_whatever_the_order_of_prices(walk: list[tuple[int, int, int]]) -> None:
    trade = replace(HELD, target=0)
    for a, b, minute in walk:
        when = bar(minute, min(a, b), max(a, b), max(a, b))
        after = moved(trade, judge_bar(trade, when, RULES), when)
        assert after.stop >= trade.stop
        assert after.effective_from >= trade.effective_from
        trade = after


@given(prices)
def test_forgetting_highs_that_moved_nothing_changes_no_stop(walk: list[tuple[int, int, int]]) -> None:
    """The row keeps the high of the last move only: a manager that knows every high moves the stop no differently."""
    forgetful = knowing = replace(HELD, target=0, stop=0)
    for minute, (a, b, _) in enumerate(walk):
        when = bar(minute, max(1, min(a, b)), max(a, b))
        rules = replace(RULES, max_hold_bars=1000)
        for_sure = judge_bar(knowing, when, rules)
        assert judge_bar(forgetful, when, rules) == for_sure
        forgetful, knowing = moved(forgetful, for_sure, when), moved(knowing, for_sure, when)
        knowing = replace(knowing, high_water=max(knowing.high_water, when.high))


@given(prices, st.integers(0, 2))
def test_one_judgement_asks_for_one_thing(walk: list[tuple[int, int, int]], kind: int) -> None:
    for a, b, minute in walk:
        judged = judge_bar(replace(HELD, kind=kind), bar(minute, min(a, b), max(a, b)), RULES)
        assert judged.raised is None or (judged.exit is None and judged.grace_from is None)
