"""A market that has happened: the exchange simulator's bars of a seed, and the bars that strategies look at."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from services.exchange_simulator.candles import aggregate
from services.exchange_simulator.market_seeded import DAY_BARS, SeededMarket
from services.exchange_simulator.pairs import LOT_DECIMALS
from services.exchange_simulator.series import Series
from shared.indicators.computed import indicators_of
from shared.portfolio.grid import Grid
from shared.schemas.base import Symbol, Timeframe
from shared.strategies.market import Market
from shared.timeframes import length, minutes


@dataclass(frozen=True, slots=True)
class History:
    """One symbol's base bars (1m), the bars of `timeframe` made of them, and their ATR(14), nan until it is warm.

    Prices and ATR are in ticks, times in microseconds since the epoch.
    """

    symbol: Symbol
    timeframe: Timeframe
    grid: Grid
    base: Series
    bars: Market
    atr: NDArray[np.float64]

    def next_open(self, bar: int) -> int:
        """The position of the base bar that opens as bar number `bar` closes."""
        return self.base.before(self.close_time(bar))

    def close_time(self, bar: int) -> int:
        """When bar number `bar` closes."""
        return int(self.bars.open_time[bar]) + length(self.timeframe)


def history(symbol: Symbol, timeframe: Timeframe, seed: int, days: int) -> History:
    """The first `days` days of the simulator's market of that seed."""
    market = SeededMarket([symbol], seed)
    market.instant(days * DAY_BARS - 1)
    pair, base = market.pairs[symbol], market.series(symbol)
    bars = _bars(base, timeframe)
    grid = Grid.of_quote(_step(pair.decimals), _step(LOT_DECIMALS), pair.quote.code)
    return History(symbol, timeframe, grid, base, bars, indicators_of(bars).atr)


def _bars(base: Series, timeframe: Timeframe) -> Market:
    """Days are made of whole bars of any timeframe up to 1d: none of them is unfinished."""
    candles = aggregate((base[position] for position in range(len(base))), minutes(timeframe))
    opens, *prices = zip(*(candle[:6] for candle in candles), strict=True)
    return Market(np.array(opens, np.int64), *(np.array(column, np.float64) for column in prices))


def _step(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)
