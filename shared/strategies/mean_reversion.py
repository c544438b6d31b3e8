"""Mean reversion: extreme moves come back to the mean, inside the larger trend.

Enter (long; short is its mirror image)
  gates   close above EMA 200 (never the falling knife below it); oversold within the last 3 bars: RSI < 30, or the
          close at or below the lower Bollinger band; stochastic %K crosses above %D from below 20
  grades  bullish score inside 0.20 to 0.45 (2), volume drying up against 20 bars (2), RSI below 30 now or in the last
          3 bars (1), EMA 50 within one ATR: support for a long, the resistance test for a short (1)
Leave (bearish evidence for a long: the mean is reached, the thesis is done)
  gates   close above EMA 200; oversold within the last 20 bars; close crosses above EMA 20, or RSI above 60
          for the first time
  grades  RSI at 50 to 60 or beyond (1)
"""

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from shared.indicators.rolling import Bools, Floats, lagged, rolling_any, rolling_min
from shared.strategies.base import Params
from shared.strategies.facing import Facing, crosses_above
from shared.strategies.rules import LEAVE_CEILING, LEAVE_FLOOR, Case, Gate, Grade, RuleStrategy, ramp, yes

LEAVE_MEMORY = 20


class MeanReversionParams(Params):
    rsi_oversold: float = Field(30.0, ge=0, le=50)
    stochastic_below: float = Field(20.0, ge=0, le=50)
    patience_bars: int = Field(3, ge=1, le=20)
    bullish_low: float = Field(0.20, ge=0, le=1)
    bullish_high: float = Field(0.45, ge=0, le=1)
    rsi_recovered: float = Field(60.0, ge=50, le=100)
    floor: float = Field(0.35, ge=0, le=1)

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if self.bullish_low >= self.bullish_high:
            raise ValueError(f"bullish_low {self.bullish_low:g} must be below bullish_high {self.bullish_high:g}")
        return self


class MeanReversion(RuleStrategy):
    name: ClassVar[str] = "mean_reversion"
    description: ClassVar[str] = "Buys exhausted dips in an uptrend and sells exhausted rallies in a downtrend"
    warmup: ClassVar[int] = 602
    Params: ClassVar[type[MeanReversionParams]] = MeanReversionParams

    def __init__(self, params: MeanReversionParams | None = None) -> None:
        self.params = params or MeanReversionParams()

    def enter(self, facing: Facing) -> Case:
        p = self.params
        oversold = rolling_any(self._oversold(facing), p.patience_bars)
        turning = crosses_above(facing.stoch_k, facing.stoch_d) & (lagged(facing.stoch_k, 1) < p.stochastic_below)
        gates = (
            Gate("close beyond EMA 200, in %", facing.above_ema200 > 0, facing.above_ema200),
            Gate(f"exhaustion within {p.patience_bars} bars, RSI", oversold, facing.rsi),
            Gate(f"%K crossing %D from outside {p.stochastic_below:g}", turning, facing.stoch_k),
        )
        return Case(gates, self._enter_grades(facing), p.floor)

    def leave(self, facing: Facing) -> Case:
        p, mean = self.params, np.zeros(len(facing.close))
        recovered = crosses_above(facing.above_ema20, mean) | crosses_above(facing.rsi, mean + p.rsi_recovered)
        was_oversold = rolling_any(self._oversold(facing), LEAVE_MEMORY)
        gates = (
            Gate("close beyond EMA 200, in %", facing.above_ema200 > 0, facing.above_ema200),
            Gate(f"exhaustion within {LEAVE_MEMORY} bars, RSI", was_oversold, facing.rsi),
            Gate("the mean (EMA 20) reached, in %", recovered, facing.above_ema20),
        )
        return Case(gates, (Grade("RSI recovered", 1.0, ramp(facing.rsi, 50.0, 60.0)),), LEAVE_FLOOR, LEAVE_CEILING)

    def _oversold(self, facing: Facing) -> Bools:
        return np.asarray((facing.rsi < self.params.rsi_oversold) | (facing.percent_b <= 0))

    def _enter_grades(self, facing: Facing) -> tuple[Grade, ...]:
        p = self.params
        in_zone = (facing.bullish >= p.bullish_low) & (facing.bullish <= p.bullish_high)
        deepest = rolling_min(facing.rsi, p.patience_bars)
        return (
            Grade("bullish score still low", 2.0, yes(in_zone)),
            Grade("volume drying up", 2.0, ramp(facing.ind.volume_trend, 1.2, 0.8)),
            Grade("RSI exhausted", 1.0, yes(np.asarray(deepest < p.rsi_oversold))),
            Grade("EMA 50 near", 1.0, yes(_near_ema50(facing))),
        )


def _near_ema50(facing: Facing) -> Bools:
    distance: Floats = np.abs(facing.ind.close - facing.ind.ema50)
    return np.asarray(distance <= facing.ind.atr)
