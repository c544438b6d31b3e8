import pytest

from shared.strategies.swing import Swing
from tests.shared.strategies.markets import market, mirrored, path
from tests.shared.strategies.readings import BARS, Reading, entering_long, entering_short, leaving_long

RISE = ([2.0, -1.0] * 340, [1.0, -1.0] * 5)

CLOSE = [100 + 0.1 * (i - BARS + 1) for i in range(BARS)]
PULLBACK: dict[str, Reading] = {
    "close": CLOSE,
    "high": [close + 1.0 for close in CLOSE],
    "low": [close - 2.0 for close in CLOSE],
    "above_ema200": 8.0,
    "above_ema50": 2.0,
    "adx": 25.0,
    "rsi": 47.0,
    "stoch_k": [30.0, 35.0],
    "stoch_d": 32.0,
    "bullish": 0.45,
    "confidence": 65.0,
}
FALL = [100 - 0.1 * (i - BARS + 1) for i in range(BARS)]
RALLY: dict[str, Reading] = {
    **PULLBACK,
    "close": FALL,
    "high": [close + 2.0 for close in FALL],
    "low": [close - 1.0 for close in FALL],
    "above_ema200": -8.0,
    "above_ema50": -2.0,
    "rsi": 53.0,
    "stoch_k": [70.0, 65.0],
    "stoch_d": 68.0,
    "bullish": 0.55,
}


def test_known_candles_known_signal() -> None:
    """A rise, a pause in which EMA 50 catches up, three bars down to it and one up.

    Close above EMA 50 (2 of 2), eight of nine votes bearish: confidence 81 (2 of 2) and a score under 0.35 (0 of 2);
    %K turns but is still under its average (0 of 1); close 0.5 under the high of a 2.5 bar (1 of 1).
    """
    bars = market(path(1000.0, *RISE[0], *RISE[1], -2.0, -2.0, -2.0, 1.5), wick=0.5)
    expected = 0.25 + 0.75 * (2 + 0 + 2 + 0 + 1) / 8
    assert Swing().score(bars)[-1] == pytest.approx(expected, abs=1e-6)
    assert Swing().score(bars)[-2] == 0.0
    assert Swing().score(mirrored(bars, around=2000.0))[-1] == pytest.approx(-expected, abs=1e-6)


def test_no_swing_is_entered_before_the_pullback() -> None:
    assert not Swing().score(market(path(1000.0, *RISE[0]), wick=0.5)).any()


def test_readings_by_hand() -> None:
    # EMA 50 held 2, score 0.45 1 of 2, confidence 2, %K beyond %D 1, close in the better half 1
    assert entering_long(Swing(), **PULLBACK) == pytest.approx(0.25 + 0.75 * 7 / 8)
    assert entering_short(Swing(), **RALLY) == pytest.approx(0.25 + 0.75 * 7 / 8)


@pytest.mark.parametrize(
    "reading",
    [
        {"above_ema50": 8.0},
        {"above_ema200": 0.0},
        {"close": 100.0, "high": 101.0, "low": 98.0},
        {"adx": 19.9},
        {"rsi": 39.9},
        {"rsi": 55.1},
        {"low": [close - 0.5 for close in CLOSE]},
        {"stoch_k": [35.0, 35.0]},
        {"stoch_k": [50.0, 55.0]},
    ],
)
def test_each_gate_alone_forbids_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(Swing(), **{**PULLBACK, **reading}) == 0.0


@pytest.mark.parametrize(
    "reading",
    [{"adx": 20.0}, {"rsi": 40.0}, {"rsi": 55.0}, {"stoch_k": [49.9, 60.0]}, {"low": [c - 1.5 for c in CLOSE]}],
)
def test_the_edges_still_allow_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(Swing(), **{**PULLBACK, **reading}) > 0.25


@pytest.mark.parametrize(
    "reading", [{"above_ema200": 0.0}, {"rsi": 44.9}, {"rsi": 60.1}, {"stoch_k": [50.0, 45.0]}, {"adx": 19.9}]
)
def test_each_gate_alone_forbids_a_short(reading: dict[str, Reading]) -> None:
    assert entering_short(Swing(), **{**RALLY, **reading}) == 0.0


def test_support_is_the_swing_low_too() -> None:
    lows = [95.0] * (BARS - 10) + [97.0] * 10
    base = {**PULLBACK, "high": 108.0}
    assert entering_long(Swing(), **{**base, "low": [*lows[:-1], 95.4]}) > 0.0
    assert entering_long(Swing(), **{**base, "low": [*lows[:-1], 95.6]}) == 0.0


def test_a_low_of_the_last_six_bars_is_no_swing_low() -> None:
    base = {**PULLBACK, "high": 120.0}
    assert entering_long(Swing(), **{**base, "low": [96.0] * 53 + [95.0] + [97.0] * 5 + [95.4]}) > 0.0
    assert entering_long(Swing(), **{**base, "low": [96.0] * 54 + [95.0] + [97.0] * 4 + [95.4]}) == 0.0


def test_support_is_the_golden_retracement_too() -> None:
    """A range of 90 to 110: 110 - 0.618 * 20 = 97.64, reached within a quarter of the ATR of 2.00."""
    base = {**PULLBACK, "above_ema50": 6.0, "high": [110.0] * 59 + [101.0]}
    lows = [99.0] * 40 + [90.0] + [99.0] * 18
    assert entering_long(Swing(), **{**base, "low": [*lows, 98.13]}) > 0.0
    assert entering_long(Swing(), **{**base, "low": [*lows, 98.15]}) == 0.0


@pytest.mark.parametrize(
    ("reading", "lost"),
    [
        ({"above_ema50": -0.01, "low": [c - 0.1 for c in CLOSE], "high": [c + 0.05 for c in CLOSE]}, 2.0),
        ({"bullish": 0.35}, 1.0),
        ({"confidence": 40.0}, 2.0),
        ({"confidence": 52.5}, 1.0),
        ({"stoch_d": 36.0}, 1.0),
        ({"high": [close + 3.0 for close in CLOSE]}, 1.0),
    ],
)
def test_each_grade_takes_its_weight(reading: dict[str, Reading], lost: float) -> None:
    assert entering_long(Swing(), **{**PULLBACK, **reading}) == pytest.approx(0.25 + 0.75 * (7 - lost) / 8)


def test_target_and_broken_trend_speak_for_leaving() -> None:
    reached: dict[str, Reading] = {"above_ema200": 3.0, "above_ema50": 1.0, "rsi": [69.0, 71.0]}
    assert leaving_long(Swing(), **reached) == pytest.approx(0.15)
    assert leaving_long(Swing(), **{**reached, "rsi": 71.0}) == 0.0
    broken: dict[str, Reading] = {"above_ema200": [0.1, -0.1], "above_ema50": -2.0}
    assert leaving_long(Swing(), **broken) == pytest.approx(0.3)
    assert leaving_long(Swing(), **{**broken, "above_ema50": -0.05}) == 0.0
