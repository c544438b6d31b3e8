"""The technical facts of a market's last bar, for whoever decides without the candles."""

from shared.indicators.computed import Indicators, indicators_of
from shared.indicators.rolling import Floats
from shared.schemas.signals import Technicals
from shared.strategies.market import Market


def snapshot(market: Market) -> Technicals:
    """The last bar's technicals, to 10 significant digits. ValueError: the market has no bar."""
    if not len(market):
        raise ValueError("no bar to describe")
    return technicals_at(indicators_of(market), len(market) - 1)


def technicals_at(ind: Indicators, bar: int) -> Technicals:
    """The technicals of one bar by its position, to 10 significant digits."""
    values = {name: _value(values, bar) for name, values in _columns(ind).items()}
    before = _value(ind.macd_hist, bar - 1) if bar else None
    return Technicals(close=float(f"{ind.close[bar]:.10g}"), macd_hist_prev=before, **values)


def _columns(ind: Indicators) -> dict[str, Floats]:
    adx, plus, minus = ind.directional
    k, d = ind.stochastic
    return {
        "atr14": ind.atr,
        "ema20": ind.ema20,
        "ema50": ind.ema50,
        "ema200": ind.ema200,
        "bb_upper": ind.bands.upper,
        "bb_middle": ind.bands.middle,
        "bb_lower": ind.bands.lower,
        "rsi14": ind.rsi,
        "adx14": adx,
        "plus_di": plus,
        "minus_di": minus,
        "macd_hist": ind.macd_hist,
        "stoch_k": k,
        "stoch_d": d,
        "bb_width_pct": ind.width_percentile,
        "volume_z": ind.volume_z,
        "change_3": ind.change_3,
        "volatility_pct": ind.volatility_percent,
    }


def _value(values: Floats, bar: int) -> float | None:
    value = float(values[bar])
    return float(f"{value:.10g}") if value == value else None
