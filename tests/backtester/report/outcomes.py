"""Outcomes of tests: drawn from a seed, as no engine had to play them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from backtester.data.store import fingerprint
from backtester.runs.outcome import Candles, Outcome
from backtester.runs.plan import Plan, chosen, desk_of, planned
from backtester.runs.trade import Trade
from shared.config import load_settings
from shared.strategies.market import Market
from shared.timeframes import MINUTE
from tests.backtester.data.candles import BTC, START, market

HOUR = 60 * MINUTE
REASONS = ("stop", "target", "trailing", "time")


def plan(symbols: Sequence[str] = (BTC,), **values: object) -> Plan:
    """Two strategies on stored bars of an hour."""
    choices = [choice.model_dump() for choice in chosen(["momentum", "swing"])]
    usual = {"engine": "vector", "council": "none", "learning": "off", "desk": desk_of(load_settings())}
    bars = {"symbols": tuple(symbols), "base_timeframe": "1h", "timeframe": "4h", "strategies": choices}
    return planned(usual | bars | values)


def markets(symbols: Sequence[str] = (BTC,), bars: int = 2000) -> dict[str, Market]:
    """Random walks, one seed a symbol; prices with two decimals."""
    return {symbol: _rounded(market(bars, seed, minutes=60)) for seed, symbol in enumerate(symbols, 1)}


def trade(bars: Market, symbol: str, entry: int, exit_: int, **values: Any) -> Trade:
    """Entered and left at the opens of these bars, for 0.26 % a side."""
    bought, sold = (Decimal(str(bars.open[at])) for at in (entry, exit_))
    fees = (bought + sold) * Decimal("0.0026") * 10
    usual = {
        "symbol": symbol,
        "entry_time": int(bars.open_time[entry]),
        "exit_time": int(bars.open_time[exit_]),
        "quantity": Decimal(10),
        "entry_price": bought,
        "exit_price": sold,
        "fees": fees,
        "pnl": (sold - bought) * 10 - fees,
        "exit_reason": REASONS[entry % len(REASONS)],
        "shares": {"momentum": 0.75, "swing": 0.25},
    }
    return Trade(**(usual | values))


def outcome(
    played: Mapping[str, Market] | None = None,
    trades: Sequence[Trade] | None = None,
    drift: float = 0.0,
    seed: int = 7,
    given: Plan | None = None,
    **values: Any,
) -> Outcome:
    """A walk of equity over the markets' time, with a trade every 40 bars unless `trades` are given."""
    played = played or markets()
    first = next(iter(played.values()))
    time = np.append(first.open_time, first.open_time[-1] + HOUR)
    steps = np.random.default_rng(seed).normal(drift, 0.002, len(time) - 1)
    usual: dict[str, Any] = {
        "plan": given or plan(tuple(played)),
        "code": "0.1.0+0123456789ab",
        "candles": {name: Candles(fingerprint(bars), len(bars), *_ends(bars)) for name, bars in played.items()},
        "time": time,
        "equity": 10_000 * np.exp(np.r_[0.0, np.cumsum(steps)]),
        "hold": 10_000 * np.append(first.open, first.close[-1]) / first.open[0],
        "trades": tuple(regular(played) if trades is None else trades),
        "cash": Decimal("9876.5432"),
        "held": {},
        "refusals": {"already_open": 12, "cash": 3},
        "seconds": 0.25,
    }
    return Outcome(**(usual | values))


def regular(played: Mapping[str, Market], every: int = 40, length: int = 9) -> list[Trade]:
    """A trade every so many bars in each market, by entry."""
    found = [
        trade(bars, symbol, entry, entry + length)
        for symbol, bars in played.items()
        for entry in range(5, len(bars) - length, every)
    ]
    return sorted(found, key=lambda one: (one.entry_time, one.symbol))


def _ends(bars: Market) -> tuple[int, int]:
    return int(bars.open_time[0]), int(bars.open_time[-1])


def _rounded(bars: Market) -> Market:
    prices = {name: np.round(getattr(bars, name), 2) for name in ("open", "high", "low", "close")}
    return Market(bars.open_time, **prices, volume=bars.volume)


__all__ = ["BTC", "HOUR", "START", "markets", "outcome", "plan", "regular", "trade"]
