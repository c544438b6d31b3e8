import pytest

from shared.strategies.mean_reversion import MeanReversion
from tests.shared.strategies.markets import market, mirrored, path
from tests.shared.strategies.readings import Reading, entering_long, entering_short, leaving_long

DIP: dict[str, Reading] = {
    "above_ema200": 2.0,
    "above_ema50": 1.0,
    "rsi": [28.0, 33.0],
    "stoch_k": [12.0, 18.0],
    "stoch_d": [15.0, 15.0],
    "bullish": 0.30,
    "volume_trend": 0.8,
}
RALLY: dict[str, Reading] = {
    "above_ema200": -2.0,
    "above_ema50": -1.0,
    "rsi": [72.0, 67.0],
    "stoch_k": [88.0, 82.0],
    "stoch_d": [85.0, 85.0],
    "bullish": 0.70,
    "volume_trend": 0.8,
}


def test_known_candles_known_signal() -> None:
    """A long rise, seven bars down at half the volume, one bar up.

    Close below the lower band and RSI 25; %K turns from 2 over its average. Volume of the last 5 bars is 1, of the
    last 20 (12 * 2 + 8) / 20 = 1.6, a ratio of 0.625: full (2 of 2); RSI exhausted (1 of 1). Eight of nine votes are
    as bearish as they can be, so the score is under 0.20 (0 of 2), and EMA 50 is more than an ATR away (0 of 1).
    """
    dip = path(1000.0, *[2.0, -1.0] * 340, *[-4.0] * 7, 1.0)
    bars = market(dip, wick=0.5, volume=[2.0] * 681 + [1.0] * 8)
    expected = 0.35 + 0.65 * (0 + 2 + 1 + 0) / 6
    score = MeanReversion().score(bars)
    assert score[-1] == pytest.approx(expected, abs=1e-6)
    assert not score[:-1].any()
    assert MeanReversion().score(mirrored(bars, around=2000.0))[-1] == pytest.approx(-expected, abs=1e-6)


def test_the_falling_knife_is_not_caught() -> None:
    knife = path(1000.0, *[2.0, -1.0] * 340, *[-12.0] * 16, 1.0)  # below EMA 200
    assert MeanReversion().score(market(knife, wick=0.5))[-1] == 0.0


def test_readings_by_hand() -> None:
    # score in the zone 2, volume 2, RSI 28 within 3 bars 1, EMA 50 1.00 away with an ATR of 2.00 1
    assert entering_long(MeanReversion(), **DIP) == pytest.approx(1.0)
    assert entering_short(MeanReversion(), **RALLY) == pytest.approx(1.0)


def test_the_lower_band_is_as_good_as_the_rsi() -> None:
    at_band = {**DIP, "rsi": 35.0, "percent_b": [0.5, 0.0, 0.1]}
    assert entering_long(MeanReversion(), **at_band) == pytest.approx(0.35 + 0.65 * 5 / 6)


@pytest.mark.parametrize(
    "reading",
    [
        {"above_ema200": 0.0},
        {"rsi": 30.0},
        {"rsi": [28.0, 31.0, 31.0, 31.0]},
        {"stoch_k": [12.0, 15.0]},
        {"stoch_k": [16.0, 18.0]},
        {"stoch_k": [14.0, 18.0], "stoch_d": [13.0, 15.0]},
        {"stoch_k": [20.0, 26.0], "stoch_d": [21.0, 22.0]},
    ],
)
def test_each_gate_alone_forbids_a_long(reading: dict[str, Reading]) -> None:
    assert entering_long(MeanReversion(), **{**DIP, **reading}) == 0.0


@pytest.mark.parametrize(
    "reading",
    [
        {"bullish": 0.20},
        {"bullish": 0.45},
        {"stoch_k": [15.0, 25.0]},
        {"above_ema50": 2.0},
        {"rsi": [29.9, 33.0, 33.0]},
    ],
)
def test_the_edges_still_count_in_full(reading: dict[str, Reading]) -> None:
    assert entering_long(MeanReversion(), **{**DIP, **reading}) == pytest.approx(1.0)


@pytest.mark.parametrize("reading", [{"above_ema200": 0.0}, {"rsi": 70.0}, {"stoch_k": [80.0, 76.0]}])
def test_each_gate_alone_forbids_a_short(reading: dict[str, Reading]) -> None:
    assert entering_short(MeanReversion(), **{**RALLY, **reading}) == 0.0


@pytest.mark.parametrize(
    ("reading", "lost"),
    [
        ({"bullish": 0.19}, 2.0),
        ({"bullish": 0.46}, 2.0),
        ({"volume_trend": 1.0}, 1.0),
        ({"volume_trend": 1.2}, 2.0),
        ({"above_ema50": 2.1}, 1.0),
    ],
)
def test_each_grade_takes_its_weight(reading: dict[str, Reading], lost: float) -> None:
    graded = entering_long(MeanReversion(), **{**DIP, **reading})
    assert graded == pytest.approx(0.35 + 0.65 * (6 - lost) / 6)


BACK: dict[str, Reading] = {"above_ema200": 2.0, "rsi": [25.0] + [45.0] * 5 + [55.0], "above_ema20": [-0.1, 0.1]}


def test_reaching_the_mean_speaks_for_leaving() -> None:
    assert leaving_long(MeanReversion(), **BACK) == pytest.approx(0.15 + 0.15 * 0.5)
    long_ago = [25.0] * 40 + [45.0] * 18
    assert leaving_long(MeanReversion(), **{**BACK, "rsi": [25.0, *long_ago, 55.0]}) > 0.0
    assert leaving_long(MeanReversion(), **{**BACK, "rsi": [*long_ago, 45.0, 55.0]}) == 0.0
    by_rsi = {**BACK, "above_ema20": -0.1, "rsi": [25.0, 59.0, 61.0]}
    assert leaving_long(MeanReversion(), **by_rsi) == pytest.approx(0.3)


@pytest.mark.parametrize("reading", [{"above_ema200": 0.0}, {"above_ema20": 0.1}, {"rsi": 45.0}])
def test_without_every_sign_nothing_speaks_for_leaving(reading: dict[str, Reading]) -> None:
    assert leaving_long(MeanReversion(), **{**BACK, **reading}) == 0.0
