"""Random markets on ticks, with gaps, and plans on which both engines trade them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from backtester.event.engine import played_by_event
from backtester.runs.instruments import instrument_of
from backtester.runs.plan import Plan, desk_of, planned
from backtester.runs.run import Played
from backtester.vector.engine import played_by_vector
from shared.config import load_settings
from shared.strategies.market import Market

MINUTE = 60_000_000
START = 1_640_995_200_000_000
NOISE = f"{Path(__file__).with_name('noise.py')}:Noise"
DESK = desk_of(load_settings())
Markets = Mapping[str, Market]


def walk(seed: int, bars: int, gaps: float, volatility: int, level: int = 100_000) -> Market:
    """A random walk on cents from a level; `gaps` is the share of bars that are missing."""
    rng = np.random.default_rng(seed)
    close = np.maximum(level + np.cumsum(rng.integers(-volatility, volatility + 1, bars)), level // 200)
    opened = np.maximum(np.append(close[:1], close[:-1]) + rng.integers(-volatility, volatility + 1, bars) // 4, 1)
    high = np.maximum(opened, close) + rng.integers(0, volatility, bars)
    low = np.maximum(np.minimum(opened, close) - rng.integers(0, volatility, bars), 1)
    there = rng.random(bars) >= gaps
    there[0] = True
    prices = [(column / 100)[there] for column in (opened, high, low, close)]
    return Market(START + MINUTE * np.flatnonzero(there), *prices, rng.integers(0, 50, bars).astype(float)[there])


def plan_on(symbols: int, *, desk: Mapping[str, str], **asked: Any) -> Plan:
    """A plan for noise on so many symbols."""
    names = [f"{letter}/USD" for letter in "ABCD"[:symbols]]
    strategies = [{"name": NOISE, "weight": 1.0}]
    return planned({"symbols": names, "strategies": strategies, "desk": DESK | dict(desk), **asked})


def by_event(plan: Plan, markets: Markets, *, every_bar: bool = False) -> Played:
    """Through the services' handlers."""
    instruments = {symbol: instrument_of(symbol, market, plan) for symbol, market in markets.items()}
    return played_by_event(plan, markets, instruments, every_bar=every_bar)


def by_vector(plan: Plan, markets: Markets) -> Played:
    """Through the compiled loop."""
    instruments = {symbol: instrument_of(symbol, market, plan) for symbol, market in markets.items()}
    return played_by_vector(plan, markets, instruments)


def plain(played: Played) -> tuple[object, ...]:
    """All that two engines must have in common."""
    trades = sorted(played.trades, key=lambda t: (t.exit_time, t.symbol))
    facts = (played.cash, dict(played.held), dict(played.refusals), played.open_trades)
    return trades, played.time.tolist(), played.equity.tolist(), *facts


alone = {"council": "none", "learning": "off", "base_timeframe": "1m"}
desks = st.fixed_dictionaries(
    {
        "stop_atr": st.sampled_from(("0.7", "2")),
        "take_profit_r": st.sampled_from(("1", "3")),
        "max_hold_bars": st.sampled_from(("3", "96")),
        "soft_stop_grace": st.sampled_from(("PT5S", "PT5M")),
        "max_positions": st.sampled_from(("1", "5")),
        "max_position": st.sampled_from(("0.25", "0.9")),
        "max_exposure": st.sampled_from(("0.8", "1")),
        "risk_per_trade": st.sampled_from(("0.01", "0.5")),
        "max_drawdown": st.sampled_from(("0.01", "0.2")),
        "max_daily_loss": st.sampled_from(("0.005", "1")),
        "trailing_step_atr": st.sampled_from(("0", "0.25")),
    }
)
costs = st.fixed_dictionaries(
    {
        "half_spread": st.sampled_from(("0", "0.0001", "0.002")),
        "slippage": st.sampled_from(("0", "0.0005")),
        "impact": st.sampled_from(("0", "0.003")),
        "taker_fee": st.sampled_from(("0", "0.0026")),
    }
)
