import pytest

from shared.strategies.breakout import Breakout
from tests.shared.strategies.markets import market, mirrored, path
from tests.shared.strategies.readings import Reading, entering_long, entering_short, leaving_long

RANGE = ([2.0, -2.0] * 310, [0.3, -0.3] * 15)

BREAK: dict[str, Reading] = {
    "width_percentile": [15.0, 95.0],
    "percent_b": [0.9, 1.2],
    "high": 101.0,
    "low": 98.0,
    "close": 100.5,
    "obv_jump": 3.0,
    "adx": [19.0, 19.5],
    "plus_di": 25.0,
    "minus_di": 15.0,
    "bullish": [0.45, 0.65],
}
BREAKDOWN: dict[str, Reading] = {
    **BREAK,
    "percent_b": [0.1, -0.2],
    "high": 102.0,
    "low": 99.0,
    "close": 99.5,
    "obv_jump": -3.0,
    "plus_di": 15.0,
    "minus_di": 25.0,
    "bullish": [0.55, 0.35],
}


def test_known_candles_known_signal() -> None:
    """A wide range, thirty bars of a tight one, then one bar of +6 at five times the volume.

    On-balance volume moved by 2 up and down: mean 0, deviation 2, so a step of 10 is a jump of 5 deviations (2 of 2).
    ADX rises (2 of 2) from below 20 (1 of 1), the score turns from a neutral range (2 of 2), +DI leads (1 of 1).
    """
    bars = market(path(1000.0, *RANGE[0], *RANGE[1], 6.0), wick=0.2, volume=[2.0] * 651 + [10.0])
    score = Breakout().score(bars)
    assert score[-1] == pytest.approx(1.0)
    assert not score[:-1].any()
    assert Breakout().score(mirrored(bars, around=2000.0))[-1] == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("why", "steps", "last_volume"),
    [
        ("no volume", (*RANGE[0], *RANGE[1], 6.0), 2.0),
        ("no squeeze", (*RANGE[0], *RANGE[0][:30], 12.0), 10.0),
        ("no break", (*RANGE[0], *RANGE[1], 0.3), 10.0),
    ],
)
def test_without_confirmation_there_is_no_breakout(why: str, steps: tuple[float, ...], last_volume: float) -> None:
    bars = market(path(1000.0, *steps), wick=0.2, volume=[2.0] * len(steps) + [last_volume])
    assert Breakout().score(bars)[-1] == 0.0, why


def test_a_failed_breakout_speaks_for_leaving() -> None:
    """Back inside two bars later, and past the middle of the bands: 0.15 + 0.15 * 1."""
    steps = (*RANGE[0], *RANGE[1], 6.0, 0.5, -7.0)
    bars = market(path(1000.0, *steps), wick=0.2, volume=[2.0] * 651 + [10.0, 2.0, 2.0])
    score = Breakout().score(bars)
    assert score[-3] == pytest.approx(1.0)
    assert score[-2] == 0.0
    assert score[-1] == pytest.approx(-0.3)


def test_readings_by_hand() -> None:
    # ADX rising 2, from below 20 1, score turning 2, a jump of 3 deviations 1 of 2, DI 1
    assert entering_long(Breakout(), **BREAK) == pytest.approx(0.35 + 0.65 * 7 / 8)
    assert entering_short(Breakout(), **BREAKDOWN) == pytest.approx(0.35 + 0.65 * 7 / 8)


@pytest.mark.parametrize(
    "reading",
    [
        {"width_percentile": 20.1},
        {"width_percentile": [15.0] + [50.0] * 6},
        {"width_percentile": [50.0, 15.0]},
        {"percent_b": [0.9, 1.0]},
        {"percent_b": [1.1, 1.2]},
        {"close": 100.09},
        {"obv_jump": 1.9},
        {"adx": 40.1},
    ],
)
def test_each_gate_alone_forbids_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(Breakout(), **{**BREAK, **reading}) == 0.0


@pytest.mark.parametrize(
    "reading",
    [{"close": 100.11}, {"width_percentile": [20.0, 95.0]}, {"width_percentile": [15.0] + [50.0] * 5}, {"adx": 40.0}],
)
def test_the_edges_still_allow_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(Breakout(), **{**BREAK, **reading}) > 0.35


@pytest.mark.parametrize("reading", [{"percent_b": [0.1, 0.0]}, {"close": 100.0}, {"obv_jump": -1.9}])
def test_each_gate_alone_forbids_a_short(reading: dict[str, Reading]) -> None:
    assert entering_short(Breakout(), **{**BREAKDOWN, **reading}) == 0.0


@pytest.mark.parametrize(
    ("reading", "lost"),
    [
        ({"adx": [19.5, 19.0]}, 2.0),
        ({"adx": [20.0, 21.0]}, 1.0),
        ({"adx": [19.0] + [20.0] * 9 + [21.0]}, 1.0),
        ({"bullish": [0.50, 0.65]}, 2.0),
        ({"bullish": [0.45, 0.60]}, 2.0),
        ({"obv_jump": 2.0}, 1.0),
        ({"plus_di": 15.0}, 1.0),
    ],
)
def test_each_grade_takes_its_weight(reading: dict[str, Reading], lost: float) -> None:
    assert entering_long(Breakout(), **{**BREAK, **reading}) == pytest.approx(0.35 + 0.65 * (7 - lost) / 8)


def test_a_breakout_of_long_ago_does_not_fail_now() -> None:
    failing = {**BREAK, "obv_jump": [0.0, 3.0, 0.0, 0.0, 0.0], "percent_b": [0.9, 1.2, 1.2, 1.2, 0.75]}
    assert leaving_long(Breakout(), **failing) == pytest.approx(0.15 + 0.15 * 0.5)
    later = {**BREAK, "obv_jump": [0.0, 3.0, 0.0, 0.0, 0.0, 0.0], "percent_b": [0.9, 1.2, 1.2, 1.2, 1.2, 0.75]}
    assert leaving_long(Breakout(), **later) == 0.0
