from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_engine.core import (
    WINDOW,
    Adjustment,
    Attribution,
    Evidence,
    Guardrails,
    Result,
    conviction,
    decide,
    strength,
    trial_ends_now,
    worse,
)
from services.learning_engine.simplex import MILLION

RAILS = Guardrails(min_trades=10, max_step=0.05, floor=0.05, cap=0.5, cooldown=5)
NAMES = ("a", "b", "c", "d", "e")
EQUAL = dict.fromkeys(NAMES, 0.2)
GOOD, BAD = (0.01, 0.012, 0.008), (-0.01, -0.012, -0.008)
EVEN = (0.01, -0.01, 0.012, -0.012)


def outcomes(pattern: Sequence[float], count: int, credit: float = 1.0) -> list[Attribution]:
    return [Attribution(credit, pattern[i % len(pattern)]) for i in range(count)]


def results(fractions: Sequence[float], start: int = 0) -> list[Result]:
    return [Result(start + i, fraction) for i, fraction in enumerate(fractions)]


def evidence(**heard: Sequence[Attribution]) -> Evidence:
    return Evidence(weights=EQUAL, base=EQUAL, outcomes=heard, last=None)


PLANTED = evidence(a=outcomes(GOOD, 40), b=outcomes(BAD, 40), c=outcomes(EVEN, 40))


def test_a_winner_rises_and_a_loser_falls_by_one_step_at_most() -> None:
    move = decide(PLANTED, RAILS)
    assert move is not None
    assert (move.weights["a"], move.weights["b"]) == (0.25, 0.15)
    assert [move.weights[name] for name in "cde"] == [0.2, 0.2, 0.2]
    assert "better than the rest" in move.reasons["a"]
    assert "worse than the rest" in move.reasons["b"]
    assert "noise" in move.reasons["c"]
    assert move.reasons["d"] == "0 of 10 trades needed: makes room or takes what is free"


def test_nothing_moves_before_the_least_number_of_trades() -> None:
    few = evidence(a=outcomes(GOOD, 9), b=outcomes(BAD, 9))
    assert decide(few, RAILS) is None
    assert decide(evidence(a=outcomes(GOOD, 10), b=outcomes(BAD, 10)), RAILS) is not None


def test_a_name_with_too_few_trades_is_not_judged() -> None:
    move = decide(evidence(a=outcomes(GOOD, 40), b=outcomes(BAD, 9), c=outcomes(BAD, 40)), RAILS)
    assert move is not None
    assert move.weights["b"] >= 0.18 > move.weights["c"]


def test_a_coin_flip_moves_nothing() -> None:
    assert decide(evidence(a=outcomes(EVEN, 40), b=outcomes(EVEN[::-1], 40)), RAILS) is None


def test_losing_like_everybody_else_costs_no_weight() -> None:
    fees = (-0.003, -0.004, -0.002)
    assert decide(evidence(a=outcomes(fees, 40), b=outcomes(fees, 40), c=outcomes(fees, 20)), RAILS) is None


def test_a_member_that_always_says_the_same_knows_nothing() -> None:
    assert strength(outcomes(EVEN, 40, credit=0.4), usual=0.0) == pytest.approx(0.0, abs=1e-9)
    knows = [Attribution(0.4 if fraction > 0 else -0.4, fraction) for fraction in EVEN * 10]
    assert strength(knows, usual=0.0) > 5


def test_weights_stop_at_floor_and_cap_and_then_rest() -> None:
    near = replace(PLANTED, weights={"a": 0.48, "b": 0.07, "c": 0.15, "d": 0.15, "e": 0.15})
    move = decide(near, RAILS)
    assert move is not None
    assert (move.weights["a"], move.weights["b"]) == (0.5, 0.05)
    assert decide(replace(near, weights=move.weights), RAILS) is None


def test_a_move_too_small_to_matter_is_made_only_to_arrive() -> None:
    at_ends = {"a": 0.5, "b": 0.05, "c": 0.152, "d": 0.149, "e": 0.149}
    assert decide(replace(PLANTED, weights=at_ends), RAILS) is None
    short_of_cap = {"a": 0.499, "b": 0.05, "c": 0.151, "d": 0.15, "e": 0.15}
    move = decide(replace(PLANTED, weights=short_of_cap), RAILS)
    assert move is not None
    assert move.weights["a"] == 0.5


def test_who_stops_winning_goes_back_to_what_people_set() -> None:
    base = {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.2, "e": 0.2}
    faded = Evidence(weights=EQUAL, base=base, outcomes={"a": outcomes(EVEN, 40)}, last=None)
    move = decide(faded, RAILS)
    assert move is not None
    assert (move.weights["a"], move.weights["b"]) == (0.25, 0.15)


def test_a_weight_set_by_hand_outside_the_bounds_is_led_back_not_torn() -> None:
    by_hand = replace(PLANTED, weights={"a": 0.9, "b": 0.02, "c": 0.03, "d": 0.03, "e": 0.02})
    move = decide(by_hand, RAILS)
    assert move is not None
    assert move.weights == {"a": 0.85, "b": 0.02, "c": 0.043334, "d": 0.043333, "e": 0.043333}


def test_a_cap_that_leaves_no_room_for_one_holds_everybody_where_they_are() -> None:
    assert decide(PLANTED, replace(RAILS, cap=0.15)) is None


def test_a_single_name_has_nothing_to_share() -> None:
    alone = Evidence(weights={"a": 1.0}, base={"a": 1.0}, outcomes={"a": outcomes(GOOD, 40)}, last=None)
    assert decide(alone, RAILS) is None


def last(since: Sequence[float], earlier: Sequence[float] = GOOD * 10) -> Adjustment:
    before = {**EQUAL, "a": 0.17, "b": 0.23}
    return Adjustment(before=before, earlier=results(earlier), since=results(since, start=1000))


def test_weights_rest_until_the_last_adjustment_is_judged() -> None:
    trial = last(GOOD * 3)
    assert decide(replace(PLANTED, last=trial), RAILS) is None
    assert decide(replace(PLANTED, last=last((*GOOD * 3, 0.01))), RAILS) is not None


def test_the_cooldown_lengthens_the_rest() -> None:
    patient = replace(RAILS, cooldown=12)
    assert decide(replace(PLANTED, last=last((*GOOD * 3, 0.01))), patient) is None
    assert decide(replace(PLANTED, last=last(GOOD * 4)), patient) is not None


def test_an_adjustment_after_which_results_fall_is_taken_back() -> None:
    move = decide(replace(PLANTED, last=last((*BAD * 3, -0.01))), RAILS)
    assert move is not None
    assert move.weights == {**EQUAL, "a": 0.17, "b": 0.23}
    assert move.reasons["a"].startswith("reverted: -1.0000% a trade over 10 since, +1.0000% over 30 before")
    assert move.reasons["c"] == "stays"


def test_a_fall_within_noise_takes_nothing_back() -> None:
    assert worse(last((0.02, -0.03) * 5, earlier=(0.03, -0.02) * 10)) == ""
    assert worse(last(BAD * 4)) != ""
    assert worse(last((-0.01,) * 10, earlier=(0.01,))) == ""


def test_an_adjustment_is_judged_once() -> None:
    exactly, later = results(BAD * 4)[:10], results(BAD * 4)
    assert trial_ends_now(exactly, 10)
    assert not trial_ends_now(later, 10)
    assert not trial_ends_now(exactly[:9], 10)


def test_trades_of_one_instant_end_a_trial_together() -> None:
    crowded = [*results(BAD * 3), Result(50, -0.01), Result(50, -0.01), Result(50, -0.01)]
    assert trial_ends_now(crowded, 10)


@pytest.mark.parametrize(("strong", "left"), [(2.0, 0.0), (-2.0, 0.0), (3.0, 1.0), (-3.5, -1.5), (50.0, 4.0)])
def test_only_what_exceeds_noise_convinces(strong: float, left: float) -> None:
    assert conviction(strong) == left


def test_results_without_any_spread_convince_by_their_sign() -> None:
    assert strength(outcomes((0.01,), 20), usual=0.0) == 6.0
    assert strength(outcomes((0.01,), 20), usual=0.01) == 0.0
    assert strength(outcomes((0.01,), 1), usual=0.0) == 0.0


fractions = st.lists(st.floats(-0.1, 0.1), max_size=WINDOW + 20)


@given(
    weights=st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5),
    base=st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5),
    heard=st.lists(fractions, min_size=5, max_size=5),
    step=st.floats(0.001, 0.5),
    floor=st.floats(0.0, 0.19),
    cap=st.floats(0.21, 1.0),
)
def test_guardrails_hold_whatever_the_trades(
    weights: list[float], base: list[float], heard: list[list[float]], step: float, floor: float, cap: float
) -> None:
    total = sum(weights)
    now = {name: round(w / total, 6) for name, w in zip(NAMES, weights, strict=True)}
    known = Evidence(
        weights=now,
        base=dict(zip(NAMES, base, strict=True)),
        outcomes={n: [Attribution(1.0, f) for f in fs] for n, fs in zip(NAMES, heard, strict=True)},
        last=None,
    )
    move = decide(known, Guardrails(10, step, floor, cap, 5))
    if move is None:
        return
    assert abs(sum(move.weights.values()) - 1) <= 1e-9
    for name, weight in move.weights.items():
        assert abs(weight - now[name]) <= step + 10 / MILLION
        assert min(floor, now[name]) - 10 / MILLION <= weight <= max(cap, now[name]) + 10 / MILLION
