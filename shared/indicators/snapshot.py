"""The technical facts of a market's last bar, for whoever decides without the candles."""

from shared.indicators.computed import Indicators, indicators_of
from shared.indicators.rolling import Floats
from shared.schemas.signals import Technicals
from shared.strategies.market import Market


def snapshot(market: Market) -> Technicals:
    """The last bar's technicals, to 10 significant digits. ValueError: the market has no bar."""
    if not len(market):
        raise ValueError("no bar to describe")
    ind = indicators_of(market)
    return Technicals(close=float(f"{market.close[-1]:.10g}"), **_levels(ind), **_oscillators(ind), **_activity(ind))


def _levels(ind: Indicators) -> dict[str, float | None]:
    return {
        "atr14": _last(ind.atr),
        "ema20": _last(ind.ema20),
        "ema50": _last(ind.ema50),
        "ema200": _last(ind.ema200),
        "bb_upper": _last(ind.bands.upper),
        "bb_middle": _last(ind.bands.middle),
        "bb_lower": _last(ind.bands.lower),
    }


def _oscillators(ind: Indicators) -> dict[str, float | None]:
    adx, plus, minus = ind.directional
    k, d = ind.stochastic
    return {
        "rsi14": _last(ind.rsi),
        "adx14": _last(adx),
        "plus_di": _last(plus),
        "minus_di": _last(minus),
        "macd_hist": _last(ind.macd_hist),
        "macd_hist_prev": _last(ind.macd_hist[:-1]),
        "stoch_k": _last(k),
        "stoch_d": _last(d),
    }


def _activity(ind: Indicators) -> dict[str, float | None]:
    return {
        "bb_width_pct": _last(ind.width_percentile),
        "volume_z": _last(ind.volume_z),
        "change_3": _last(ind.change_3),
        "volatility_pct": _last(100.0 * ind.atr / ind.close),
    }


def _last(values: Floats) -> float | None:
    if not len(values) or values[-1] != values[-1]:
        return None
    return float(f"{values[-1]:.10g}")
