"""Random markets for the loop: several symbols on one timeline, with gaps, settings drawn with them."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from backtester.vector.engine import Result, grid_of, run, steps_of, terms_of
from backtester.vector.state import CLOSE, FAR, HIGH, LOW, NEVER, NO_BREAKEVEN, OPEN, Ints, Tape, Terms
from shared.broker.base import Instrument
from shared.config import load_settings

MINUTE = 60_000_000
START = 1_640_995_200_000_000
INSTRUMENT = Instrument("BTC/USD", Decimal("0.01"), Decimal("1e-8"), Decimal("0.0001"), Decimal("0.5"))
SETTINGS = load_settings(
    database_url="",
    redis_url="",
    council="none",
    learning="off",
    symbols="BTC/USD",
    timeframe="1m",
    base_timeframe="1m",
)
TERMS = terms_of(SETTINGS, 100)


@dataclass(frozen=True)
class Case:
    """A market, and what the desk holds itself to in it."""

    tape: Tape
    terms: Terms

    def played(self, *, pure: bool = True, skip: bool = True, **changed: float) -> Result:
        """The loop on it, with these terms changed."""
        return played(self.tape, self.terms._replace(**changed), pure=pure, skip=skip)

    def cut(self, instants: int) -> "Case":
        """Its beginning."""
        tape = self.tape
        calls = tape.calls < instants
        return Case(
            Tape(
                tape.time[:instants],
                tape.prices[:, :, :instants],
                tape.volume[:, :instants],
                tape.calls[calls],
                tape.scores[calls],
                tape.atrs[calls],
            ),
            self.terms,
        )


def played(tape: Tape, terms: Terms, *, pure: bool = True, skip: bool = True) -> Result:
    """A tape through the loop, plain Python unless said otherwise."""
    symbols = [f"{letter}/USD" for letter in "ABCDE"[: tape.prices.shape[1]]]
    grids = {symbol: grid_of(INSTRUMENT, symbol) for symbol in symbols}
    return run(tape, steps_of(dict.fromkeys(symbols, INSTRUMENT), grids), terms, grids, pure=pure, skip=skip)


def market(seed: int, instants: int, symbols: int, gaps: float, silence: float, volatility: int) -> Tape:
    """A random walk on ticks; `gaps` is the share of bars that are missing, `silence` that of bars without verdict."""
    rng = np.random.default_rng(seed)
    close = np.maximum(100_000 + np.cumsum(rng.integers(-volatility, volatility + 1, (symbols, instants)), axis=1), 500)
    jump = rng.integers(-volatility // 2, volatility // 2 + 1, close.shape) * (rng.random(close.shape) < 0.1)
    opened = np.maximum(np.concatenate([close[:, :1], close[:, :-1]], axis=1) + jump, 1)
    high = np.maximum(opened, close) + rng.integers(0, volatility, close.shape)
    low = np.maximum(np.minimum(opened, close) - rng.integers(0, volatility, close.shape), 1)
    prices = np.array([opened, high, low, close])
    there = rng.random(close.shape) >= gaps
    for symbol, instant in np.argwhere(~there):
        last = prices[CLOSE, symbol, instant - 1] if instant else 0
        prices[:, symbol, instant] = last
        prices[HIGH, symbol, instant], prices[LOW, symbol, instant] = 0, FAR
        if instant + 1 < instants and there[symbol, instant + 1]:
            prices[OPEN, symbol, instant + 1] = np.clip(last, *prices[[LOW, HIGH], symbol, instant + 1])
    minutes = np.cumsum(np.where(rng.random(instants) < gaps / 2, rng.integers(2, 40, instants), 1))
    scores = np.where(there & (rng.random(close.shape) >= silence), rng.integers(-10, 11, close.shape) / 10, np.nan)
    calls = np.flatnonzero((np.abs(np.nan_to_num(scores)) >= TERMS.entry_score).any(axis=0))
    atrs = rng.uniform(0.5, 3 * volatility, close.shape)
    time: Ints = START + MINUTE * minutes
    volume = rng.integers(0, 10**9, close.shape)
    return Tape(time, prices, volume, calls, scores[:, calls].T.copy(), atrs[:, calls].T.copy())


terms = st.builds(
    TERMS._replace,
    half_spread=st.sampled_from((0, 100, 2_000)),
    slippage=st.sampled_from((0, 500_000)),
    impact=st.sampled_from((0, 3_000_000)),
    ttl=st.sampled_from((MINUTE, 10 * MINUTE)),
    taker_fee=st.sampled_from((0, 2_600_000)),
    short=st.booleans(),
    max_positions=st.integers(1, 5),
    max_drawdown=st.sampled_from((10_000_000, 200_000_000, 10**9)),
    max_daily_loss=st.sampled_from((5_000_000, 10**9)),
    max_position=st.sampled_from((100_000_000, 600_000_000)),
    risk_per_trade=st.sampled_from((10_000_000, 10**9)),
    stop_atr=st.sampled_from((0.0, 0.7, 2.0)),
    take_profit_r=st.sampled_from((0.0, 1.0, 3.0)),
    breakeven_atr=st.sampled_from((0.5, 2.0, NO_BREAKEVEN)),
    trailing_atr=st.sampled_from((0.3, 2.0)),
    trailing_step_atr=st.sampled_from((0.0, 0.25)),
    max_hold_bars=st.sampled_from((3, 20, NEVER)),
)
cases = st.builds(
    Case,
    st.builds(
        market,
        seed=st.integers(0, 2**32),
        instants=st.integers(1, 60),
        symbols=st.integers(1, 4),
        gaps=st.sampled_from((0.0, 0.05, 0.3)),
        silence=st.sampled_from((0.0, 0.8, 0.97)),
        volatility=st.sampled_from((4, 200, 3_000)),
    ),
    terms,
)
