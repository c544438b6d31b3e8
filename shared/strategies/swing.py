"""Swing: trends move in waves; enter on the pullback.

Enter (long; short is its mirror image, RSI 45 to 60)
  gates   EMA 50 above EMA 200, both rising over 10 bars; close above EMA 200; ADX >= 20 (no range); a support touched
          within 3 bars; RSI 40 to 55; stochastic %K turning up from below 50
  support within a quarter ATR of EMA 50, of the swing low of bars 6 to 40 ago, or of the 0.618 retracement of
          the range of the last 40 bars
  grades  close above EMA 50 (2), bullish score from 0.35 to 0.55 (2), confidence from 40 to 65 (2), %K above %D (1),
          a bar closing in its upper half (1)
Leave (bearish evidence for a long)
  gates   EMA 50 above EMA 200; RSI reaches 70, or the close falls below EMA 200 (the trend breaks)
  grades  the trend broke (1)
The previous swing high as target, stops and the time limit belong to whoever knows the entry.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from shared.indicators.rolling import Bools, Floats, lagged, rolling_any, rolling_max, rolling_min
from shared.strategies.base import RsiZone
from shared.strategies.facing import Facing, crosses_above, rising
from shared.strategies.rules import LEAVE_CEILING, LEAVE_FLOOR, Case, Gate, Grade, RuleStrategy, ramp, yes

SLOPE_BARS, SWING_BARS, SWING_AGE = 10, 35, 6
RETRACEMENT = 0.618


class SwingParams(RsiZone):
    adx_min: float = Field(20.0, ge=0, le=100)
    rsi_low: float = Field(40.0, ge=0, le=100)
    rsi_high: float = Field(55.0, ge=0, le=100)
    rsi_target: float = Field(70.0, ge=50, le=100)
    stochastic_below: float = Field(50.0, ge=0, le=100)
    touch_bars: int = Field(3, ge=1, le=10)
    touch_atr: float = Field(0.25, ge=0, le=5)
    bullish_full: float = Field(0.55, gt=0.35, le=1)
    confidence_full: float = Field(65.0, gt=40, le=100)
    floor: float = Field(0.25, ge=0, le=1)


class Swing(RuleStrategy):
    name: ClassVar[str] = "swing"
    description: ClassVar[str] = "Enters a clear trend on its pullback to support"
    warmup: ClassVar[int] = 612
    Params: ClassVar[type[SwingParams]] = SwingParams

    def __init__(self, params: SwingParams | None = None) -> None:
        self.params = params or SwingParams()

    def enter(self, facing: Facing) -> Case:
        return Case((*_trend(facing), *self._pullback(facing)), self._enter_grades(facing), self.params.floor)

    def leave(self, facing: Facing) -> Case:
        p, level = self.params, np.zeros(len(facing.close))
        broken = crosses_above(-facing.above_ema200, level)
        reached = crosses_above(facing.rsi, level + p.rsi_target)
        gates = (
            Gate("EMA 50 beyond EMA 200, in %", facing.ema50_above_ema200 > 0, facing.ema50_above_ema200),
            Gate(f"RSI reaching {p.rsi_target:g} or the trend breaking", broken | reached, facing.rsi),
        )
        return Case(gates, (Grade("trend broken", 1.0, yes(broken)),), LEAVE_FLOOR, LEAVE_CEILING)

    def _pullback(self, facing: Facing) -> tuple[Gate, ...]:
        p = self.params
        in_zone = (facing.rsi >= p.rsi_low) & (facing.rsi <= p.rsi_high)
        turning = rising(facing.stoch_k) & (lagged(facing.stoch_k, 1) < p.stochastic_below)
        touched = rolling_any(self._touches(facing), p.touch_bars)
        return (
            Gate(f"ADX of {p.adx_min:g}", facing.adx >= p.adx_min, facing.adx),
            Gate(f"RSI in {p.rsi_low:g} to {p.rsi_high:g}", in_zone, facing.rsi),
            Gate(f"support touched within {p.touch_bars} bars, EMA 50 in %", touched, facing.above_ema50),
            Gate("%K turning from the far half", turning, facing.stoch_k),
        )

    def _touches(self, facing: Facing) -> Bools:
        reach = self.params.touch_atr * facing.ind.atr
        near = [np.abs(facing.low - level) <= reach for level in _supports(facing)]
        return np.asarray(np.logical_or.reduce(near))

    def _enter_grades(self, facing: Facing) -> tuple[Grade, ...]:
        p = self.params
        return (
            Grade("EMA 50 held", 2.0, yes(np.asarray(facing.above_ema50 > 0))),
            Grade("bullish score", 2.0, ramp(facing.bullish, 0.35, p.bullish_full)),
            Grade("confidence", 2.0, ramp(facing.confidence, 40.0, p.confidence_full)),
            Grade("%K beyond %D", 1.0, yes(np.asarray(facing.stoch_k > facing.stoch_d))),
            Grade("close in the better half", 1.0, yes(facing.close_location > 0.5)),
        )


def _trend(facing: Facing) -> tuple[Gate, ...]:
    slope50 = facing.slope(facing.ind.ema50, SLOPE_BARS)
    slope200 = facing.slope(facing.ind.ema200, SLOPE_BARS)
    return (
        Gate("EMA 50 beyond EMA 200, in %", facing.ema50_above_ema200 > 0, facing.ema50_above_ema200),
        Gate("close beyond EMA 200, in %", facing.above_ema200 > 0, facing.above_ema200),
        Gate("EMA 200 sloping, in %", slope200 > 0, slope200),
        Gate("EMA 50 sloping, in %", slope50 > 0, slope50),
    )


def _supports(facing: Facing) -> tuple[Floats, Floats, Floats]:
    top, bottom = rolling_max(facing.high, SWING_BARS + SWING_AGE), rolling_min(facing.low, SWING_BARS + SWING_AGE)
    swing_low = rolling_min(lagged(facing.low, SWING_AGE), SWING_BARS)
    return facing.side * facing.ind.ema50, swing_low, top - RETRACEMENT * (top - bottom)
