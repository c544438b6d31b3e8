"""All bars on one timeline, and the messages that market_data would have said as each of its instants opened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from backtester.event.broker import Bar
from services.market_data.announcing import closed
from services.market_data.core.bars import Bar as NamedBar
from services.market_data.core.bars import Named
from shared.ids import derived_id
from shared.portfolio.grid import Grid
from shared.schemas.base import Message, Timeframe
from shared.schemas.market import BarsClosed, CandleClosed, Mark, TickerUpdated
from shared.strategies.market import PRICES, Market
from shared.timeframes import from_microseconds, length

Ints = NDArray[np.int64]
Touch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ended:
    """A decision bar of a symbol, by its position, that ended at `time`."""

    time: int
    symbol: str
    bar: int


class Tape:
    """`markets` hold what is played, `decisions` may begin earlier: what has ended by the first open is history.

    `time` (T,) is when base bars open; prices in ticks, 0 where a symbol has no bar, `last` the newest at each open,
    `closes` (S,) at the end.
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        decisions: Mapping[str, Market],
        ticks: Mapping[str, Mapping[str, Ints]],
        grids: Mapping[str, Grid],
        base: Timeframe,
        decision: Timeframe,
    ) -> None:
        self.symbols = sorted(markets)
        self.base, self.decision = base, decision
        self.step = length(base)
        self.time: Ints = np.unique(np.concatenate([markets[symbol].open_time for symbol in self.symbols]))
        self._markets, self._decisions, self._grids = markets, decisions, grids
        shape = (len(self.symbols), len(self.time))
        self.bars = {name: np.zeros(shape, np.int64) for name in PRICES}
        for place, symbol in enumerate(self.symbols):
            rows = np.searchsorted(self.time, markets[symbol].open_time)
            for name in PRICES:
                self.bars[name][place, rows] = ticks[symbol][name]
        newest = np.maximum.accumulate(np.where(self.bars["open"] > 0, np.arange(len(self.time)), -1), axis=1)
        closes = np.take_along_axis(self.bars["close"], np.maximum(newest, 0), axis=1)
        self.last = np.where(self.bars["open"] > 0, self.bars["open"], np.where(newest >= 0, closes, 0))
        self.closes = closes[:, -1]
        self._rows = {symbol: self.rows_of(symbol) for symbol in self.symbols}
        ends = np.concatenate([decisions[symbol].open_time + length(decision) for symbol in self.symbols])
        self.instants: Ints = np.unique(ends[ends > self.time[0]])

    def __len__(self) -> int:
        return len(self.time)

    def bars_at(self, row: int) -> dict[str, Bar]:
        """The bars that open at a row."""
        time = int(self.time[row])
        found = {}
        for place, symbol in enumerate(self.symbols):
            if self.bars["open"][place, row]:
                price = {name: int(self.bars[name][place, row]) for name in PRICES}
                found[symbol] = Bar(time=time, volume=self._lots(symbol, time), **price)
        return found

    def last_at(self, row: int) -> dict[str, int]:
        """The newest price of each symbol as a row opens, in ticks; 0 before the first."""
        return {symbol: int(self.last[place, row]) for place, symbol in enumerate(self.symbols)}

    def rows_of(self, symbol: str) -> Ints:
        """At which row each decision bar of a symbol is decided; the number of rows where the data ends before."""
        ends = self._decisions[symbol].open_time + length(self.decision)
        return np.searchsorted(self.time, ends, side="left")

    def decided(self) -> dict[str, Ints]:
        """When the decision bars close that are decided, by symbol."""
        found = {}
        for symbol, rows in self._rows.items():
            ends = self._decisions[symbol].open_time + length(self.decision)
            found[symbol] = ends[(rows > 0) & (rows < len(self))]
        return found

    def messages(self, row: int, touches: Mapping[str, Touch], held: Sequence[str]) -> Iterator[list[Message]]:
        """What each instant between the open of the row before and this one says, the oldest first.

        In the order in which market_data says it: candles, the instants that they end, then the new prices. Base
        candles and tickers only of what is held.
        """
        now, before = int(self.time[row]), int(self.time[row - 1]) + self.step
        printed = [symbol for symbol in self.symbols if self.last[self._at(symbol), row]]
        marks = tuple(self._mark(symbol, touches[symbol]) for symbol in printed)
        ended = list(self._ended(row))
        for time in sorted({before, now} | {one.time for one in ended}):
            said: list[Message] = []
            here = [one for one in ended if one.time == time]
            if time == before and self.base != self.decision:
                said += [self._base_candle(s, row - 1) for s in held if self.bars["open"][self._at(s), row - 1]]
            said += [self._decision_candle(one) for one in here]
            if self.base != self.decision and time in (before, now):
                said.append(self._bars_closed(self.base, time, (), marks))
            if here or self.base == self.decision or (time == now and now % length(self.decision) == 0):
                said.append(self._bars_closed(self.decision, time, [one.symbol for one in here], marks))
            if time == now:
                said += [self._ticker(s, now, touches[s], int(self.last[self._at(s), row])) for s in held]
            yield said

    def _lots(self, symbol: str, time: int) -> int:
        market = self._markets[symbol]
        return int(market.volume[np.searchsorted(market.open_time, time)] / float(self._grids[symbol].lot))

    def _at(self, symbol: str) -> int:
        return self.symbols.index(symbol)

    def _ended(self, row: int) -> Iterator[Ended]:
        """The decision bars that have ended by the open of a row, and not by the one before."""
        for symbol in self.symbols:
            first, beyond = np.searchsorted(self._rows[symbol], [row, row + 1])
            for bar in range(first, beyond):
                time = int(self._decisions[symbol].open_time[bar]) + length(self.decision)
                yield Ended(time, symbol, bar)

    def _base_candle(self, symbol: str, row: int) -> CandleClosed:
        place = self._at(symbol)
        price = {name: self._price(symbol, int(self.bars[name][place, row])) for name in PRICES}
        market, opened = self._markets[symbol], int(self.time[row])
        volume = _volume(market, int(np.searchsorted(market.open_time, opened)))
        return closed(Named(symbol, self.base, NamedBar(opened, **price, volume=volume)))

    def _decision_candle(self, ended: Ended) -> CandleClosed:
        market, grid = self._decisions[ended.symbol], self._grids[ended.symbol]
        price = {name: _exact(float(getattr(market, name)[ended.bar]), grid) for name in PRICES}
        opened = int(market.open_time[ended.bar])
        volume = _volume(market, ended.bar)
        return closed(Named(ended.symbol, self.decision, NamedBar(opened, **price, volume=volume)))

    def _bars_closed(
        self, timeframe: Timeframe, time: int, symbols: Sequence[str], marks: tuple[Mark, ...]
    ) -> BarsClosed:
        moment = from_microseconds(time)
        return BarsClosed(
            message_id=derived_id("BarsClosed", timeframe, moment),
            occurred_at=moment,
            timeframe=timeframe,
            symbols=tuple(symbols),
            marks=marks,
        )

    def _mark(self, symbol: str, touch: Touch) -> Mark:
        return Mark(symbol=symbol, bid=self._price(symbol, touch[0]), ask=self._price(symbol, touch[1]))

    def _ticker(self, symbol: str, time: int, touch: Touch, last: int) -> TickerUpdated:
        moment = from_microseconds(time)
        return TickerUpdated(
            message_id=derived_id("TickerUpdated", symbol, moment),
            occurred_at=moment,
            symbol=symbol,
            bid=self._price(symbol, touch[0]),
            ask=self._price(symbol, touch[1]),
            last=self._price(symbol, last),
        )

    def _price(self, symbol: str, ticks: int) -> Decimal:
        return self._grids[symbol].from_ticks(ticks)


def _exact(price: float, grid: Grid) -> Decimal:
    return grid.from_ticks(round(price / float(grid.tick)))


def _volume(market: Market, bar: int) -> Decimal:
    return Decimal(repr(float(market.volume[bar])))
