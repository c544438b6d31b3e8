"""What every strategy says about every decision bar, and whose word a trade was opened on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from backtester.runs.trade import Trade
from backtester.vector.arrays import ensemble, resampled
from backtester.vector.state import Floats
from shared.indicators.computed import indicators_of
from shared.schemas.base import Timeframe
from shared.strategies.base import Strategy
from shared.strategies.ensemble import combine
from shared.strategies.facing import facings_of
from shared.strategies.market import Market
from shared.strategies.rules import KEPT_BARS
from shared.strategies.scoring import scored
from shared.timeframes import length


@dataclass(frozen=True, slots=True)
class Voices:
    """A symbol's decision bars with each strategy's scores, shape (n,)."""

    bars: Market
    scores: Mapping[str, Floats]

    def together(self, weights: Mapping[str, float]) -> Floats:
        """The ensemble's score of every bar."""
        return ensemble(self.scores, weights)

    def shares_at(self, bar: int, weights: Mapping[str, float]) -> dict[str, float]:
        """Each strategy's part in the score of one bar."""
        said = {name: float(values[bar]) for name, values in self.scores.items()}
        return {part.strategy: part.share for part in combine(said, weights).contributions}


def voices_of(
    markets: Mapping[str, Market], strategies: Mapping[str, Strategy], base: Timeframe, decision: Timeframe
) -> dict[str, Voices]:
    """Of these base bars by symbol."""
    voices = {}
    for symbol, market in markets.items():
        bars = resampled(market, decision, base)
        voices[symbol] = Voices(bars, {name: scored(one, bars) for name, one in strategies.items()})
        if len(bars) > KEPT_BARS:  # the indicators of a year of minutes are ten times its prices
            indicators_of.cache_clear()
            facings_of.cache_clear()
    return voices


def credited(
    trades: Iterable[Trade], voices: Mapping[str, Voices], weights: Mapping[str, float], decision: Timeframe
) -> tuple[Trade, ...]:
    """The trades with their strategies' shares: a trade is opened by the last decision bar that ended by its entry."""
    ends = {symbol: voice.bars.open_time + length(decision) for symbol, voice in voices.items()}

    def shares(trade: Trade) -> dict[str, float]:
        opened_by = int(np.searchsorted(ends[trade.symbol], trade.entry_time, side="right")) - 1
        return voices[trade.symbol].shares_at(opened_by, weights)

    return tuple(replace(trade, shares=shares(trade)) for trade in trades)
