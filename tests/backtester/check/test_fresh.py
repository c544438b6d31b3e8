"""What a module or a class keeps from one call to the next does not hide what comes after a bar."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from backtester.check.drawn import drawn
from backtester.check.exam import checked
from backtester.check.findings import Checked, Finding
from backtester.check.fresh import NOT_FIRST, OTHER_FIRST, telling
from backtester.check.probe import probed
from tests.backtester.check.cheats import Anchored, FailsElsewhere, FitsOnce, Honest, KnowsTimes, Prints

MARKET = drawn(7, 1500, 300_000_000)
OTHER = drawn(9, 1500, 300_000_000)


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    """Nothing is known when a test begins, nor when it is over."""
    forget()
    yield
    forget()


def forget() -> None:
    FitsOnce.fit, Anchored.first = None, None
    KnowsTimes.closes.clear()


def only(found: Checked, kind: str) -> Finding:
    (known,) = [finding for finding in found.findings if finding.kind == kind]
    return known


def test_a_fit_kept_for_the_process_is_look_ahead_at_the_first_bar() -> None:
    found = checked(FitsOnce, MARKET)
    known = only(found, "look-ahead")
    assert (known.index, known.open_time) == (8, int(MARKET.open_time[8]))
    assert known.detail == "the value was another one in a process that had seen no bar after bar 8"
    assert known.found == pytest.approx(np.tanh((MARKET.close[8] - MARKET.close.mean()) / MARKET.close.std()))
    early = MARKET.close[:9]
    assert known.expected == pytest.approx(np.tanh((early[8] - early.mean()) / early.std()))
    assert (only(found, "state").index, only(found, "state").detail) == (8, OTHER_FIRST)
    assert len(found.findings) == 2


def test_closes_kept_by_time_are_look_ahead_at_the_first_bar_that_moves_next() -> None:
    known = only(checked(KnowsTimes, MARKET), "look-ahead")
    assert known.index == 8 + np.flatnonzero(np.diff(MARKET.close[8:]))[0]
    assert (known.expected, known.found) == (0.0, np.sign(MARKET.close[9] - MARKET.close[8]))


def test_a_price_kept_from_another_market_is_state_and_no_look_ahead() -> None:
    found = checked(Anchored, MARKET)
    assert [finding.kind for finding in found.findings] == ["state"]
    assert found.findings[0].detail == OTHER_FIRST


def test_a_second_market_is_judged_by_processes_that_did_not_see_the_first() -> None:
    checked(FitsOnce, OTHER)
    found = checked(FitsOnce, MARKET)
    state, ahead = only(found, "state"), only(found, "look-ahead")
    assert (state.index, state.detail) == (8, NOT_FIRST)
    assert ahead.index == 8
    assert (
        ahead.found
        == state.found
        == pytest.approx(np.tanh((MARKET.close[8] - MARKET.close.mean()) / MARKET.close.std()))
    )


@pytest.mark.parametrize("make", [Honest, Prints])
def test_an_honest_strategy_may_say_what_it_likes(make: type[Honest], capfd: pytest.CaptureFixture[str]) -> None:
    found = checked(make, MARKET)
    assert found.findings == ()
    assert found.looked.fresh == len(telling(probed(make, MARKET), np.random.default_rng(1))) + 1


@pytest.mark.parametrize(
    ("dies", "said"),
    [
        (False, "in a process just started, score() of 9 bars raised RuntimeError: not at home"),
        (True, "a process just started for it died: status 7"),
    ],
)
def test_a_strategy_that_fails_in_another_process_is_told_so(dies: bool, said: str) -> None:
    found = checked(partial(FailsElsewhere, dies), MARKET)
    assert [(finding.kind, finding.detail) for finding in found.findings] == [("raises", said)]


def test_bars_before_gaps_large_moves_and_the_end_are_among_those_that_are_newest() -> None:
    time = MARKET.open_time.copy()
    time[700:] += 3_600_000_000
    probe = probed(Honest, replace(MARKET, open_time=time))
    largest = int(np.argmax(np.abs(np.diff(np.log(MARKET.close[8:]))))) + 8
    for seed in range(3):
        stops = telling(probe, np.random.default_rng(seed))
        assert {9, 10, 700, largest + 1, 1499} <= set(stops)
        assert list(stops) == sorted(set(stops))
        assert stops[-1] < len(MARKET)
