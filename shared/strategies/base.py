"""What every strategy offers."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.strategies.market import Market


class Strategy(Protocol):
    """Stateless: a value depends on the last `warmup` bars up to its own, on none before and none after."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def warmup(self) -> int:
        """Bars needed before and including the bar that is scored."""
        ...

    def score(self, market: Market) -> NDArray[np.float64]:
        """Conviction at each bar, shape (n,), -1 (bearish) to 1 (bullish), rounded to 1e-6.

        0 where there is nothing to say, and before `warmup` bars; never nan.
        """
        ...

    def explain(self, market: Market) -> str:
        """Why the last bar scored what it did, in words with the numbers; at 0 the condition that failed first."""
        ...


class Params(BaseModel):
    """A strategy's settings: checked, frozen, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RsiZone(Params):
    """The RSI between which a long is entered; a short mirrors it around 50."""

    rsi_low: float = Field(ge=0, le=100)
    rsi_high: float = Field(ge=0, le=100)

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if self.rsi_low >= self.rsi_high:
            raise ValueError(f"rsi_low {self.rsi_low:g} must be below rsi_high {self.rsi_high:g}")
        return self


def finished(raw: NDArray[np.float64], warmup: int) -> NDArray[np.float64]:
    """`raw` rounded to 1e-6, 0 before `warmup` bars; -0.0 becomes 0.0."""
    score = np.round(raw, 6) + 0.0
    score[: warmup - 1] = 0.0
    return score
