import pytest

from shared.strategies.momentum import Momentum
from tests.shared.strategies.markets import market, mirrored, path
from tests.shared.strategies.readings import Reading, entering_long, entering_short, leaving_long

STRONG: dict[str, Reading] = {
    "above_ema200": 2.0,
    "above_ema50": 1.0,
    "adx": 32.5,
    "plus_di": 30.0,
    "minus_di": 10.0,
    "rsi": 60.0,
    "macd": [0.001, 0.002],
    "confidence": 75.0,
    "bullish": 0.70,
    "obv_slope": 0.2,
    "change_3": 0.01,
}
WEAK_SHORT: dict[str, Reading] = {
    "above_ema200": -2.0,
    "above_ema50": -1.0,
    "adx": 32.5,
    "plus_di": 10.0,
    "minus_di": 30.0,
    "rsi": 40.0,
    "macd": [-0.001, -0.002],
    "confidence": 75.0,
    "bullish": 0.30,
    "obv_slope": -0.2,
    "change_3": -0.01,
}


def test_known_candles_known_signal() -> None:
    """Two up, one down, and faster at the end.

    The histogram grows (3 of 3) and the score is above 0.70 (3 of 3); the last 20 bars rise ten times and fall ten
    times at equal volume, so on-balance volume says nothing (0 of 2) and 8 of 9 votes are bullish: confidence
    80 * 8 / 9 + 20 * 0.5 = 81.1, a degree of 21.1 / 30; lows only ever rose: ADX is 100 (1 of 1).
    """
    rising = path(1000.0, *[1.6, -1.0] * 340, *[2.0, -1.0] * 3, 2.0)
    expected = 0.3 + 0.7 * (3 + 3 + 0 + (80 * 8 / 9 + 10 - 60) / 30 + 1) / 10
    assert Momentum().score(market(rising, wick=0.5))[-1] == pytest.approx(expected, abs=1e-6)
    falling = mirrored(market(rising, wick=0.5), around=2000.0)
    assert Momentum().score(falling)[-1] == pytest.approx(-expected, abs=1e-6)


def test_after_a_down_bar_the_histogram_no_longer_grows() -> None:
    rising = path(1000.0, *[1.6, -1.0] * 340, *[2.0, -1.0] * 3)
    expected = 0.3 + 0.7 * (0 + 3 + 0 + (80 * 8 / 9 + 10 - 60) / 30 + 1) / 10
    assert Momentum().score(market(rising, wick=0.5))[-1] == pytest.approx(expected, abs=1e-6)


def test_strong_readings_by_hand() -> None:
    # growing 3, score at 0.70 3, volume 2, confidence 15 / 30, ADX 7.5 / 15
    assert entering_long(Momentum(), **STRONG) == pytest.approx(0.3 + 0.7 * 9 / 10)
    assert entering_short(Momentum(), **WEAK_SHORT) == pytest.approx(0.3 + 0.7 * 9 / 10)


@pytest.mark.parametrize(
    "reading",
    [
        {"above_ema200": 0.0},
        {"above_ema50": 0.0},
        {"adx": 25.0},
        {"plus_di": 10.0},
        {"rsi": 49.9},
        {"rsi": 70.1},
        {"macd": [-0.001, 0.0]},
        {"confidence": 59.9},
        {"change_3": 0.05},
    ],
)
def test_each_gate_alone_forbids_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(Momentum(), **{**STRONG, **reading}) == 0.0


@pytest.mark.parametrize("reading", [{"rsi": 50.0}, {"rsi": 70.0}, {"confidence": 60.0}, {"change_3": 0.0499}])
def test_the_edges_still_allow_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(Momentum(), **{**STRONG, **reading}) >= 0.3


@pytest.mark.parametrize(
    "reading",
    [{"above_ema200": 0.0}, {"rsi": 29.9}, {"rsi": 50.1}, {"macd": [0.001, 0.0]}, {"change_3": -0.05}],
)
def test_each_gate_alone_forbids_a_short(reading: dict[str, Reading]) -> None:
    assert entering_short(Momentum(), **{**WEAK_SHORT, **reading}) == 0.0


@pytest.mark.parametrize(
    ("reading", "lost"),
    [
        ({"macd": [0.003, 0.002]}, 3.0),
        ({"bullish": 0.55}, 3.0),
        ({"bullish": 0.625}, 1.5),
        ({"obv_slope": 0.0}, 2.0),
        ({"confidence": 60.0}, 0.5),
        ({"adx": 25.0000001}, 0.5),
    ],
)
def test_each_grade_takes_its_weight(reading: dict[str, Reading], lost: float) -> None:
    assert entering_long(Momentum(), **{**STRONG, **reading}) == pytest.approx(0.3 + 0.7 * (9 - lost) / 10)


FADING: dict[str, Reading] = {
    "above_ema200": 2.0,
    "above_ema20": [0.1, -0.1],
    "macd": [0.002, 0.001, -0.001],
    "plus_di": 20.0,
    "minus_di": 15.0,
}


def test_fading_momentum_speaks_for_leaving() -> None:
    assert leaving_long(Momentum(), **FADING) == pytest.approx(0.15 + 0.15 * 0.5)  # histogram turned, DI not
    exhausted = {**FADING, "above_ema20": 1.0, "rsi": 75.1}
    assert leaving_long(Momentum(), **exhausted) == pytest.approx(0.225)
    from_the_mean = {**FADING, "above_ema20": [0.0, -0.1], "minus_di": 25.0}
    assert leaving_long(Momentum(), **from_the_mean) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "reading",
    [
        {"above_ema200": 0.0},
        {"macd": [0.001, 0.002, 0.001]},
        {"above_ema20": 0.1},
        {"above_ema20": [0.1, 0.0], "rsi": 75.0},
        {"above_ema20": -0.1},
    ],
)
def test_without_every_sign_nothing_speaks_for_leaving(reading: dict[str, Reading]) -> None:
    assert leaving_long(Momentum(), **{**FADING, **reading}) == 0.0
