"""Breakout: a range that breaks with volume is followed by a move.

Enter (long; short is its mirror image)
  gates   a squeeze: bandwidth in the bottom 20th percentile of 120 bars, on one of the 5 bars before; close beyond the
          upper Bollinger band, which it was not one bar ago; a strong candle, close in the upper 30 % of its bar;
          on-balance volume jumps 2 or more standard deviations; ADX not above 40 (the trend would be mature)
  grades  ADX rising (2), from below 20 within 10 bars (1), bullish score below 0.50 within 10 bars and above 0.60
          now (2), the volume's jump from 2 to 4 deviations (2), DI leading (1)
Leave (bearish evidence for a long: the breakout failed)
  gates   such a breakout within the last 3 bars; close back inside the bands, one bar ago still beyond
  grades  close below the middle of the bands (1)
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from shared.indicators.rolling import Bools, Floats, all_of, lagged, rolling_any, rolling_min
from shared.strategies.base import Params
from shared.strategies.facing import Facing, rising
from shared.strategies.rules import LEAVE_CEILING, LEAVE_FLOOR, Case, Gate, Grade, RuleStrategy, ramp, yes

RECENT, FAILS_WITHIN = 10, 3


class BreakoutParams(Params):
    squeeze_percentile: float = Field(20.0, ge=0, le=100)
    squeeze_bars: int = Field(5, ge=1, le=20)
    close_location: float = Field(0.7, ge=0, le=1)
    volume_deviations: float = Field(2.0, ge=0, le=10)
    adx_emerging: float = Field(20.0, ge=0, le=100)
    adx_mature: float = Field(40.0, ge=0, le=100)
    floor: float = Field(0.35, ge=0, le=1)


class Breakout(RuleStrategy):
    name: ClassVar[str] = "breakout"
    description: ClassVar[str] = "Trades the break of a tight range when volume confirms it"
    warmup: ClassVar[int] = 612
    Params: ClassVar[type[BreakoutParams]] = BreakoutParams

    def __init__(self, params: BreakoutParams | None = None) -> None:
        self.params = params or BreakoutParams()

    def enter(self, facing: Facing) -> Case:
        return Case(self._breaking(facing), self._enter_grades(facing), self.params.floor)

    def leave(self, facing: Facing) -> Case:
        broke = all_of(gate.holds for gate in self._breaking(facing))
        recent = rolling_any(broke, FAILS_WITHIN + 1)
        back = (facing.percent_b < 1) & (lagged(facing.percent_b, 1) >= 1)
        gates = (
            Gate(f"a breakout within {FAILS_WITHIN} bars, %B", recent, facing.percent_b),
            Gate("close back inside the bands, %B", back, facing.percent_b),
        )
        grades = (Grade("the middle lost", 1.0, ramp(facing.percent_b, 1.0, 0.5)),)
        return Case(gates, grades, LEAVE_FLOOR, LEAVE_CEILING)

    def _breaking(self, facing: Facing) -> tuple[Gate, ...]:
        p, width = self.params, self._tightest(facing)
        fresh = (facing.percent_b > 1) & (lagged(facing.percent_b, 1) <= 1)
        return (
            Gate(f"bandwidth under percentile {p.squeeze_percentile:g}", width <= p.squeeze_percentile, width),
            Gate("a first close beyond the band, %B", fresh, facing.percent_b),
            Gate("a strong close", facing.close_location >= p.close_location, facing.close_location),
            Gate("a jump of volume, deviations", facing.obv_jump >= p.volume_deviations, facing.obv_jump),
            Gate(f"ADX not above {p.adx_mature:g}", facing.adx <= p.adx_mature, facing.adx),
        )

    def _tightest(self, facing: Facing) -> Floats:
        """The breaking bar itself widens the bands, so the bars before it are looked at."""
        return rolling_min(lagged(facing.ind.width_percentile, 1), self.params.squeeze_bars)

    def _enter_grades(self, facing: Facing) -> tuple[Grade, ...]:
        p = self.params
        emerging = rolling_min(facing.adx, RECENT) < p.adx_emerging
        return (
            Grade("ADX rising", 2.0, yes(rising(facing.adx))),
            Grade("ADX emerging", 1.0, yes(np.asarray(emerging))),
            Grade("bullish score turning", 2.0, yes(_turning(facing))),
            Grade("volume", 2.0, ramp(facing.obv_jump, p.volume_deviations, p.volume_deviations + 2.0)),
            Grade("DI leading", 1.0, yes(np.asarray(facing.direction > 0))),
        )


def _turning(facing: Facing) -> Bools:
    return np.asarray((rolling_min(facing.bullish, RECENT) < 0.50) & (facing.bullish > 0.60))
