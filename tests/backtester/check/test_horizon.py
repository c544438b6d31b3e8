"""Cheats and short warm-ups are caught at their first bar, on bars of any number."""

from functools import partial

import numpy as np
import pytest

from backtester.check.drawn import drawn
from backtester.check.exam import checked
from backtester.check.findings import Checked, Finding, Kind
from backtester.check.probe import Make
from tests.backtester.check.cheats import (
    Accumulates,
    Both,
    DodgesCrashes,
    Honest,
    Normalised,
    ReadsNext,
    Remembers,
    RemembersRarely,
    Twice,
)

STEP = 300_000_000
MARKET = drawn(7, 3000, STEP)
LONG = drawn(8, 20_000, STEP)


def finding(found: Checked, kind: Kind) -> Finding:
    (known,) = [finding for finding in found.findings if finding.kind == kind]
    return known


def test_an_honest_strategy_passes_and_every_bar_was_asked() -> None:
    found = checked(Honest, MARKET)
    assert found.findings == ()
    assert (found.enough, found.unasked) == (None, {})
    assert (found.looked.bars, found.looked.replaced, found.looked.runs) == (3000, 2999, 29)
    assert found.looked.cuts == 100
    assert found.looked.windows >= 1000


def test_reading_the_next_bar_is_caught_at_the_first_bar_that_can() -> None:
    known = finding(checked(ReadsNext, MARKET), "look-ahead")
    assert (known.index, known.open_time) == (8, int(MARKET.open_time[8]))
    assert known.found == pytest.approx(np.sign(MARKET.close[9] - MARKET.close[8]) * 0.9)
    assert known.expected == pytest.approx(Honest().score(MARKET)[8])
    assert str(known).startswith("bar 8 (2024-01-01 00:40): the value changed when the bars after it were cut off")


@pytest.mark.parametrize("since", [13, 4_711, 9_999, 19_998])
def test_a_cheat_at_one_bar_in_ten_thousand_is_caught_there(since: int) -> None:
    assert LONG.close[since] != LONG.close[since + 1]
    known = finding(checked(partial(ReadsNext, 10_000, since), LONG), "look-ahead")
    assert known.index == since


def test_a_cheat_far_ahead_at_one_bar_is_caught_where_it_speaks() -> None:
    assert finding(checked(partial(ReadsNext, 10_000, 2_500, 400), MARKET), "look-ahead").index == 2_500


def test_a_cheat_that_shows_only_where_there_is_a_future_is_caught() -> None:
    known = finding(checked(partial(DodgesCrashes, 0.012), MARKET), "look-ahead")
    assert known.index == 8
    assert known.detail == "the value changed when the bars after it were replaced by others"
    assert 0.0 in (known.expected, known.found)


def test_a_cheat_whose_occasion_never_came_is_caught_too() -> None:
    assert (MARKET.close[1:] > MARKET.close[:-1] * (1 - 0.05)).all()
    assert finding(checked(partial(DodgesCrashes, 0.05), MARKET), "look-ahead").index == 8


def test_statistics_of_all_bars_are_look_ahead_and_no_warm_up_does() -> None:
    found = checked(Normalised, MARKET)
    assert finding(found, "look-ahead").index == 8
    assert finding(found, "warm-up").index is not None
    assert found.enough is None


@pytest.mark.parametrize(("warmup", "lag"), [(9, 30), (9, 10), (9, 400), (100, 101)])
def test_a_short_warm_up_is_caught_and_the_least_that_does_is_named(warmup: int, lag: int) -> None:
    found = checked(partial(Remembers, warmup, lag), MARKET)
    known = finding(found, "warm-up")
    assert known.index is not None
    assert known.index >= lag
    assert known.found == 0.0
    assert known.expected == Remembers(1, lag).score(MARKET)[known.index]
    assert found.enough == lag + 1
    assert [finding.kind for finding in found.findings] == ["warm-up"]


def test_a_warm_up_that_is_just_enough_passes() -> None:
    assert checked(partial(Remembers, 31, 30), MARKET).findings == ()


def test_a_short_warm_up_is_caught_at_the_first_bar_that_shows_it() -> None:
    known = finding(checked(partial(Remembers, 9, 12), MARKET), "warm-up")
    assert known.index == np.flatnonzero(Remembers(9, 12).score(MARKET))[0]


@pytest.mark.parametrize("at", [40, 1_234, 2_998])
def test_one_bar_that_looks_back_too_far_is_found_among_thousands(at: int) -> None:
    known = finding(checked(partial(RemembersRarely, int(MARKET.open_time[at])), MARKET), "warm-up")
    assert known.index == at


def test_a_sum_from_the_first_bar_on_has_no_warm_up() -> None:
    found = checked(Accumulates, MARKET)
    assert found.enough is None
    assert finding(found, "warm-up").detail.startswith("the value with 9 bars of past is not the one with all")


def test_a_rare_cheat_is_caught_behind_a_short_warm_up() -> None:
    found = checked(Both, MARKET)
    assert finding(found, "look-ahead").index == 2_000
    assert found.enough == 31


@pytest.mark.parametrize("at", [701, 1_502, 2_303])
def test_one_bar_that_needs_more_than_the_others_raises_the_least_warm_up(at: int) -> None:
    assert checked(partial(Twice, 9, 12, int(MARKET.open_time[at])), MARKET).enough == 31


def test_fewer_cuts_ask_fewer_bars_and_say_so() -> None:
    looked = checked(Honest, MARKET, cuts=600).looked
    assert (looked.runs, looked.replaced) == (6, 620)


def test_the_same_seed_gives_the_same_answer() -> None:
    strategies: list[Make] = [ReadsNext, Remembers, Normalised]
    for make in strategies:
        assert checked(make, MARKET, seed=3) == checked(make, MARKET, seed=3)


def test_progress_ends_where_all_runs_are_done() -> None:
    told: list[tuple[int, int]] = []
    checked(Honest, MARKET, progress=lambda done, of: told.append((done, of)))
    assert told[0] == (0, 29)
    assert told[-1] == (29, 29)
