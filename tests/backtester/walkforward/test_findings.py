"""What a walk shows, by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from backtester.metrics.luck import evidence
from backtester.metrics.performance import performance
from backtester.metrics.series import YEAR, EquityCurve
from backtester.sweep.objective import daily_returns
from backtester.sweep.trial import Trial
from backtester.walkforward.findings import Findings, summary
from backtester.walkforward.walk import Leg
from backtester.walkforward.windows import Window
from tests.backtester.sweep.searches import HOUR, START
from tests.backtester.walkforward.walks import findings, walk


def leg(number: int, equity: list[float], inside: float | None, floor: float = 0.3, adx: float = 25.0) -> Leg:
    """Trained for eight hours, tested for as many as there are steps of equity."""
    test = START + number * 100 * HOUR
    window = Window(number, test - 8 * HOUR, test, test + (len(equity) - 1) * HOUR)
    curve = EquityCurve(test + np.arange(len(equity)) * HOUR, np.array(equity))
    chosen = Trial(
        number=0,
        params={"swing.floor": floor, "momentum.adx_above": adx},
        value=inside,
        figures={"total_return": inside},
        returns=np.zeros(1),
    )
    return Leg(window, 6, None if inside is None else chosen, curve, (), performance(curve, []))


def test_tests_are_stitched_without_the_doubled_moment() -> None:
    first = leg(1, [100.0, 110.0, 120.0], 0.1)
    second = leg(2, [120.0, 90.0], 0.1)
    joined = EquityCurve(first.curve.time[-1] + np.arange(2) * HOUR, second.curve.equity)
    found = Findings(walk(), [first, Leg(second.window, 6, None, joined, (), second.performance)])
    assert found.curve.equity.tolist() == [100.0, 110.0, 120.0, 90.0]
    assert np.diff(found.curve.time).tolist() == [HOUR] * 3
    assert found.performance.total_return == pytest.approx(-0.1)


def test_efficiency_is_the_tests_yearly_return_over_the_trainings() -> None:
    found = Findings(walk(), [leg(1, [100.0, 101.0], 0.16), leg(2, [100.0, 100.0, 103.0], 0.08)])
    a_year = YEAR / HOUR
    inside = (0.16 / 8 + 0.08 / 8) / 2 * a_year
    outside = (0.01 / 1 + 0.03 / 2) / 2 * a_year
    assert found.efficiency == pytest.approx(outside / inside)


def test_efficiency_says_nothing_where_the_trainings_earned_nothing() -> None:
    assert Findings(walk(), [leg(1, [100.0, 101.0], -0.1)]).efficiency is None
    assert Findings(walk(), [leg(1, [100.0, 101.0], None)]).efficiency is None


def test_windows_that_chose_nothing_do_not_count_in_the_efficiency() -> None:
    one = leg(1, [100.0, 101.0], 0.16)
    alone, beside = Findings(walk(), [one]), Findings(walk(), [one, leg(2, [100.0, 100.0], None)])
    assert alone.efficiency == beside.efficiency


def test_evidence_is_of_the_days_there_are() -> None:
    steps = np.random.default_rng(3).normal(0.0002, 0.004, 30 * 24)
    found = Findings(walk(), [leg(1, [100.0, *(100 * np.exp(np.cumsum(steps)))], 0.1)])
    days = daily_returns(found.curve)  # from four o'clock on, so 31 of them in 30 days
    assert len(days) == 31
    assert found.evidence == evidence(days, 31 / (30 / 365.25), seed=found.walk.plan.seed)
    assert found.evidence.interval is not None


def test_stability() -> None:
    legs = [leg(1, [1.0, 1.0], 0.1, 0.1, 10.0), leg(2, [1.0, 1.0], 0.1, 0.6, 10.0), leg(3, [1.0, 1.0], None)]
    floor, adx = Findings(walk(), legs).stability
    assert (floor.name, floor.values, floor.spread) == ("swing.floor", (0.1, 0.6), pytest.approx(0.5))
    assert (adx.values, adx.spread) == ((10.0, 10.0), 0.0)
    (_, other) = Findings(walk(), [*legs, leg(4, [1.0, 1.0], 0.1, 0.1, 40.0)]).stability
    assert other.spread == pytest.approx(1 / 3)
    assert Findings(walk(), [leg(1, [1.0, 1.0], None)]).stability[0].spread is None


def test_a_real_walk_in_json(tmp_path: Path) -> None:
    found = findings(walk(), tmp_path)
    told = json.loads(json.dumps(summary(found)))
    assert [one["number"] for one in told["windows"]] == [1, 2, 3]
    assert told["windows"][0]["out_of_sample"]["total_return"] is not None
    assert told["final_equity"] == found.curve.equity[-1] == found.legs[-1].curve.equity[-1]
    assert (told["verdict"], told["could_be_luck"]) == tuple(found.verdict)[::-1]
    assert found.evidence.trials == 1
