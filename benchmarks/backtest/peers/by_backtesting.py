# mypy: ignore-errors
"""The cases as a user of backtesting.py writes them."""

from typing import Any

import numpy as np
import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest
from rules import BREAKEVEN_ATR, CASH, FEE, LOT, POSITION, SAMPLED, STEP_ATR, STOP_ATR, TRAILING_ATR

Arrays = dict[str, Any]


def played(kind: str, arrays: Arrays) -> tuple[int, float]:
    """The same; of a sweep, the first pairs only."""
    if kind != "sweep":
        return _backtested(kind, arrays, arrays["signal"][0], 10, 30)
    found = [
        _backtested(kind, arrays, arrays["signals"][place], *arrays["pairs"][place].tolist())
        for place in range(SAMPLED)
    ]
    return sum(trades for trades, _ in found), sum(equity for _, equity in found)


def _backtested(kind: str, arrays: Arrays, signal: Any, fast: int, slow: int) -> tuple[int, float]:
    names = ("open", "high", "low", "close")
    bars = pd.DataFrame({name.capitalize(): arrays[name][0] for name in names})
    bars["Volume"], bars["Signal"] = 1.0, signal
    bars["Atr"] = arrays["atr"][0] if kind == "guarded" else 0.0
    bars.index = pd.date_range("2022-01-01", periods=len(bars), freq="min")
    own = {"fast": fast, "slow": slow, "guarded": kind == "guarded", "steps": float(arrays["steps"])}
    rules = type("Rules", (Crossed,), own)
    test = FractionalBacktest(bars, rules, cash=CASH, commission=FEE, fractional_unit=LOT, finalize_trades=False)
    result = test.run()
    return int(result["# Trades"]), float(result["Equity Final [$]"])


class Crossed(Strategy):
    """Long from one crossing to the next, guarded by a stop where that is asked."""

    fast, slow, guarded, steps = 10, 30, False, 100.0
    atr, kind, best = 0.0, 0, 0

    def init(self) -> None:
        self.averages = [self.I(_mean, self.data.Close, bars) for bars in (self.fast, self.slow)]

    def next(self) -> None:
        if self.guarded and self.position:
            self.raise_stop()
        wanted = self.data.Signal[-1]
        if wanted > 0 and not self.position:
            self.atr, self.kind = self.data.Atr[-1], 0
            entry = int(self.ticks(self.data.Close[-1]))
            self.best = entry
            stop = self.price(int(np.floor(entry - STOP_ATR * self.atr))) if self.guarded else None
            self.buy(size=POSITION * (1 + FEE), sl=stop)
        elif wanted < 0 and self.position:
            self.position.close()

    def raise_stop(self) -> None:
        trade = self.trades[0]
        entry, stop = int(self.ticks(trade.entry_price)), int(self.ticks(trade.sl))
        top = max(self.best, int(self.ticks(self.data.High[-1])))
        behind = int(np.floor(top - TRAILING_ATR * self.atr))
        if self.kind == 0 and top - entry > BREAKEVEN_ATR * self.atr:
            trade.sl, self.kind, self.best = self.price(max(stop, entry)), 1, top
        elif self.kind > 0 and behind > stop and behind - stop >= STEP_ATR * self.atr:
            trade.sl, self.kind, self.best = self.price(behind), 2, top

    def ticks(self, price: float) -> float:
        return float(np.floor(price / LOT * self.steps + 0.5))

    def price(self, ticks: int) -> float:
        return ticks / self.steps * LOT


def _mean(values: Any, bars: int) -> Any:
    return pd.Series(values).rolling(bars).mean()
