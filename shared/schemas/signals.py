"""What the strategies say about a bar, and the facts they saw."""

from typing import Annotated, Literal

from pydantic import Field

from shared.schemas.base import Message, Price, Score, Symbol, Time, Timeframe, Value

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Technicals(Value):
    """Indicator values at the bar's close; None where the window was too short.

    Prices and ATR in quote currency per unit of base, RSI, ADX, DI, stochastic and percentiles 0 to 100,
    `volume_z` in standard deviations, `change_3` as a fraction over three bars.
    """

    close: Finite
    atr14: Finite | None = None
    ema20: Finite | None = None
    ema50: Finite | None = None
    ema200: Finite | None = None
    rsi14: Finite | None = None
    adx14: Finite | None = None
    plus_di: Finite | None = None
    minus_di: Finite | None = None
    macd_hist: Finite | None = None
    macd_hist_prev: Finite | None = None
    bb_upper: Finite | None = None
    bb_middle: Finite | None = None
    bb_lower: Finite | None = None
    bb_width_pct: Finite | None = None
    stoch_k: Finite | None = None
    stoch_d: Finite | None = None
    volume_z: Finite | None = None
    change_3: Finite | None = None
    volatility_pct: Finite | None = None


class Contribution(Value):
    """One strategy's part in a signal: `share` is weight times score over the weights that spoke."""

    strategy: str
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    score: Score
    share: Finite
    reason: str


class SignalGenerated(Message):
    """The ensemble's verdict on one bar; a score of 0 is said too. `occurred_at` is the bar's close."""

    kind: Literal["SignalGenerated"] = "SignalGenerated"
    symbol: Symbol
    timeframe: Timeframe
    score: Score
    contributions: tuple[Contribution, ...]
    technicals: Technicals
    price: Price
    expires_at: Time

    @property
    def key(self) -> str:
        return self.symbol
