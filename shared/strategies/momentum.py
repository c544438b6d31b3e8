"""Momentum: strong moves tend to continue.

Enter (long; short is its mirror image, RSI 30 to 50, score <= 0.30)
  gates   close above EMA 200 and EMA 50; ADX > 25 with +DI > -DI; RSI 50 to 70; MACD histogram positive;
          confidence >= 60; not chased: less than 5 % in this direction over three bars
  grades  histogram increasing (3), bullish score from 0.55 to 0.70 (3), on-balance volume sloping up (2),
          confidence from 60 to 90 (1), ADX from 25 to 40 (1)
Leave (bearish evidence for a long)
  gates   close still above EMA 200; histogram declining for 2 bars; RSI > 75 or the close falls below EMA 20
  grades  depth of the histogram's fall: it is negative (1), -DI leads (1)
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from shared.indicators.rolling import lagged
from shared.strategies.base import RsiZone
from shared.strategies.facing import Facing, rising
from shared.strategies.rules import LEAVE_CEILING, LEAVE_FLOOR, Case, Gate, Grade, RuleStrategy, ramp, yes


class MomentumParams(RsiZone):
    adx_above: float = Field(25.0, ge=0, le=100)
    rsi_low: float = Field(50.0, ge=0, le=100)
    rsi_high: float = Field(70.0, ge=0, le=100)
    rsi_exhausted: float = Field(75.0, ge=0, le=100)
    bullish_full: float = Field(0.70, gt=0.55, le=1)
    confidence_min: float = Field(60.0, ge=0, lt=90)
    chased_percent: float = Field(5.0, gt=0)
    floor: float = Field(0.3, ge=0, le=1)


class Momentum(RuleStrategy):
    name: ClassVar[str] = "momentum"
    description: ClassVar[str] = "Follows a strong trend while its momentum grows, and does not chase"
    warmup: ClassVar[int] = 602
    Params: ClassVar[type[MomentumParams]] = MomentumParams

    def __init__(self, params: MomentumParams | None = None) -> None:
        self.params = params or MomentumParams()

    def enter(self, facing: Facing) -> Case:
        return Case(self._enter_gates(facing), self._enter_grades(facing), self.params.floor)

    def leave(self, facing: Facing) -> Case:
        p, fading = self.params, rising(-facing.macd_hist, steps=2)
        lost_mean = (facing.above_ema20 < 0) & (lagged(facing.above_ema20, 1) >= 0)
        gates = (
            Gate("close beyond EMA 200, in %", facing.above_ema200 > 0, facing.above_ema200),
            Gate("MACD histogram fading for 2 bars, in %", fading, facing.macd_hist),
            Gate(
                f"RSI past {p.rsi_exhausted:g} or EMA 20 lost", (facing.rsi > p.rsi_exhausted) | lost_mean, facing.rsi
            ),
        )
        grades = (
            Grade("histogram turned", 1.0, yes(facing.macd_hist < 0)),
            Grade("direction turned", 1.0, yes(facing.direction < 0)),
        )
        return Case(gates, grades, LEAVE_FLOOR, LEAVE_CEILING)

    def _enter_gates(self, facing: Facing) -> tuple[Gate, ...]:
        p = self.params
        in_zone = (facing.rsi >= p.rsi_low) & (facing.rsi <= p.rsi_high)
        return (
            Gate("close beyond EMA 200, in %", facing.above_ema200 > 0, facing.above_ema200),
            Gate("close beyond EMA 50, in %", facing.above_ema50 > 0, facing.above_ema50),
            Gate(f"ADX above {p.adx_above:g}", facing.adx > p.adx_above, facing.adx),
            Gate("DI leading", facing.direction > 0, facing.direction),
            Gate(f"RSI in {p.rsi_low:g} to {p.rsi_high:g}", in_zone, facing.rsi),
            Gate("MACD histogram on its side, in %", facing.macd_hist > 0, facing.macd_hist),
            Gate(f"confidence of {p.confidence_min:g}", facing.confidence >= p.confidence_min, facing.confidence),
            Gate(f"under {p.chased_percent:g} % in 3 bars", facing.change_3 < p.chased_percent, facing.change_3),
        )

    def _enter_grades(self, facing: Facing) -> tuple[Grade, ...]:
        p = self.params
        return (
            Grade("histogram growing", 3.0, yes(rising(facing.macd_hist))),
            Grade("bullish score", 3.0, ramp(facing.bullish, 0.55, p.bullish_full)),
            Grade("volume confirms", 2.0, yes(np.asarray(facing.obv_slope > 0))),
            Grade("confidence", 1.0, ramp(facing.confidence, p.confidence_min, 90.0)),
            Grade("ADX", 1.0, ramp(facing.adx, p.adx_above, p.adx_above + 15.0)),
        )
