"""Every indicator against its definition written out in loops, and against TA-Lib where that has converged."""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from shared.indicators import bands, oscillators, trend, volume
from shared.indicators.rolling import Floats
from shared.indicators.smoothing import ema, ema_windowed
from shared.strategies.market import Market
from tests.shared.indicators import by_hand
from tests.shared.strategies.markets import scaled, wandering

AT = (620, 700, 899)


@pytest.fixture(scope="module")
def bars() -> Market:
    return wandering(seed=7, bars=900)


@pytest.mark.parametrize("at", AT)
class TestDefinition:
    def test_ema(self, bars: Market, at: int) -> None:
        assert ema(bars.close, 20)[at] == pytest.approx(by_hand.ema_at(list(bars.close), at, 20, 200), rel=1e-12)
        expected = by_hand.ema_at(list(bars.close), at, 200, 600)
        assert ema_windowed(bars.close, 200, window=600)[at] == pytest.approx(expected, rel=1e-12)

    def test_rsi(self, bars: Market, at: int) -> None:
        assert oscillators.rsi(bars.close)[at] == pytest.approx(by_hand.rsi_at(list(bars.close), at), rel=1e-10)

    def test_macd_histogram(self, bars: Market, at: int) -> None:
        expected = by_hand.macd_histogram_at(list(bars.close), at)
        assert oscillators.macd_histogram(bars.close)[at] == pytest.approx(expected, abs=1e-10)

    def test_stochastic(self, bars: Market, at: int) -> None:
        k, d = oscillators.stochastic(bars.high, bars.low, bars.close)
        expected = by_hand.stochastic_at(list(bars.high), list(bars.low), list(bars.close), at)
        assert (k[at], d[at]) == pytest.approx(expected, rel=1e-10)

    def test_average_true_range_and_directional_indicators(self, bars: Market, at: int) -> None:
        high, low, close = list(bars.high), list(bars.low), list(bars.close)
        ranges = by_hand.wilder_at(by_hand.true_ranges(high, low, close), at)
        assert trend.atr(bars.high, bars.low, bars.close)[at] == pytest.approx(ranges, rel=1e-10)
        found = trend.directional(bars.high, bars.low, bars.close)
        expected = by_hand.directional_at(high, low, close, at)
        assert (found.plus_di[at], found.minus_di[at]) == pytest.approx(expected, rel=1e-10)

    def test_bollinger_bands_and_the_rank_of_their_width(self, bars: Market, at: int) -> None:
        found = bands.bollinger(bars.close)
        expected = by_hand.bollinger_at(list(bars.close), at)
        assert tuple(band[at] for band in found) == pytest.approx(expected, rel=1e-12)
        share = (bars.close[at] - expected[2]) / (expected[0] - expected[2])
        assert bands.percent_b(bars.close, found)[at] == pytest.approx(share, rel=1e-9)
        rank = by_hand.width_percentile_at(list(bars.close), at)
        assert bands.width_percentile(found)[at] == pytest.approx(rank, abs=1e-9)

    def test_volume(self, bars: Market, at: int) -> None:
        signed = by_hand.signed_volumes(list(bars.close), list(bars.volume))
        slope = sum(signed[at - 19 : at + 1]) / sum(bars.volume[at - 19 : at + 1])
        assert volume.obv_slope(bars.close, bars.volume)[at] == pytest.approx(slope, rel=1e-9)
        assert volume.obv_jump(bars.close, bars.volume)[at] == pytest.approx(by_hand.zscore_at(signed, at), rel=1e-9)
        expected = by_hand.zscore_at(list(bars.volume), at)
        assert volume.volume_z(bars.volume)[at] == pytest.approx(expected, rel=1e-9)
        dry = (sum(bars.volume[at - 4 : at + 1]) / 5) / (sum(bars.volume[at - 19 : at + 1]) / 20)
        assert volume.volume_trend(bars.volume)[at] == pytest.approx(dry, rel=1e-12)


def test_adx_is_the_average_of_the_directional_strength(bars: Market) -> None:
    expected = by_hand.adx_at(list(bars.high), list(bars.low), list(bars.close), 650)
    found = trend.directional(bars.high, bars.low, bars.close).adx[650]
    assert found == pytest.approx(expected, rel=1e-10)


CONVERGED: dict[str, tuple[Callable[[Market], Floats], Callable[[Market], Floats]]] = {
    "ema20": (lambda m: ema(m.close, 20), lambda m: talib.EMA(m.close, timeperiod=20)),
    "ema50": (lambda m: ema(m.close, 50), lambda m: talib.EMA(m.close, timeperiod=50)),
    "rsi": (lambda m: oscillators.rsi(m.close), lambda m: talib.RSI(m.close, timeperiod=14)),
    "macd": (lambda m: oscillators.macd_histogram(m.close), lambda m: talib.MACD(m.close)[2]),
    "atr": (lambda m: trend.atr(m.high, m.low, m.close), lambda m: talib.ATR(m.high, m.low, m.close)),
    "adx": (lambda m: trend.directional(m.high, m.low, m.close).adx, lambda m: talib.ADX(m.high, m.low, m.close)),
    "plus_di": (
        lambda m: trend.directional(m.high, m.low, m.close).plus_di,
        lambda m: talib.PLUS_DI(m.high, m.low, m.close),
    ),
    "minus_di": (
        lambda m: trend.directional(m.high, m.low, m.close).minus_di,
        lambda m: talib.MINUS_DI(m.high, m.low, m.close),
    ),
    "stoch_k": (
        lambda m: oscillators.stochastic(m.high, m.low, m.close)[0],
        lambda m: talib.STOCH(m.high, m.low, m.close, fastk_period=14)[0],
    ),
    "upper band": (lambda m: bands.bollinger(m.close).upper, lambda m: talib.BBANDS(m.close, timeperiod=20)[0]),
}


@pytest.mark.parametrize("name", CONVERGED)
def test_agrees_with_talib_after_its_start_has_faded(name: str) -> None:
    ours, theirs = CONVERGED[name]
    bars = wandering(seed=3, bars=3000)
    np.testing.assert_allclose(ours(bars)[2500:], theirs(bars)[2500:], rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("factor", [1e-10, 1e7])
def test_oscillators_do_not_depend_on_the_unit_of_the_price(factor: float) -> None:
    bars = wandering(seed=5, bars=700)
    other = scaled(bars, factor)
    for measure in (_rsi, _adx, _percent_b, _stochastic):
        np.testing.assert_allclose(measure(other), measure(bars), rtol=1e-7, atol=1e-7)


def test_nothing_moves_in_a_flat_market() -> None:
    flat = np.full(700, 123.456)
    assert oscillators.rsi(flat)[-1] == 50.0
    assert oscillators.stochastic(flat, flat, flat)[0][-1] == pytest.approx(50.0)
    assert trend.directional(flat, flat, flat)[0][-1] == 0.0
    assert bands.bollinger(flat).width[-1] == 0.0
    assert bands.percent_b(flat, bands.bollinger(flat))[-1] == 0.5
    assert bands.width_percentile(bands.bollinger(flat))[-1] == 50.0
    assert volume.volume_z(flat)[-1] == 0.0


def test_no_volume_is_no_evidence() -> None:
    bars, none = wandering(seed=5, bars=100), np.zeros(100)
    assert volume.obv_slope(bars.close, none)[-1] == 0.0
    assert volume.obv_jump(bars.close, none)[-1] == 0.0
    assert volume.volume_trend(none)[-1] == 1.0


def _rsi(bars: Market) -> Floats:
    return oscillators.rsi(bars.close)


def _adx(bars: Market) -> Floats:
    return trend.directional(bars.high, bars.low, bars.close).adx


def _percent_b(bars: Market) -> Floats:
    return bands.percent_b(bars.close, bands.bollinger(bars.close))


def _stochastic(bars: Market) -> Floats:
    return oscillators.stochastic(bars.high, bars.low, bars.close)[1]
