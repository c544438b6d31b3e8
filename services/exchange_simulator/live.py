"""The market at N times the wall's speed: every bar walked open, low, high, close, with prices in between."""

import asyncio
from typing import Any

from services.exchange_simulator.clock import RunningClock
from services.exchange_simulator.exchange import Exchange
from services.exchange_simulator.feed import Feed
from services.exchange_simulator.hub import Hub
from services.exchange_simulator.market import Market
from services.exchange_simulator.series import Bar
from services.exchange_simulator.tape import Tape
from services.exchange_simulator.wire import SECOND

PRINTS_PER_QUARTER = 15
IDLE_SECONDS = 0.05


class Live:
    """``step`` and ``print`` name the next price; prints of a bar count from 0, its open."""

    def __init__(
        self,
        market: Market,
        tape: Tape,
        exchange: Exchange,
        feed: Feed,
        hub: Hub,
        clock: RunningClock,
        speed: float,
        place: dict[str, Any] | None,
    ) -> None:
        self._market = market
        self._tape = tape
        self._exchange = exchange
        self._feed = feed
        self._hub = hub
        self._clock = clock
        # About one price a second of the wall, where the speed leaves room for it.
        self._per_quarter = max(1, min(PRINTS_PER_QUARTER, round(market.base / 4 / SECOND / speed)))
        self.prints = 3 * self._per_quarter + 1
        self.step = market.first_step
        self.print = 0
        self.candles_played = 0
        self._bars: dict[str, Bar] = {}
        self._restore(place)

    @property
    def done(self) -> bool:
        return self._market.instant(self.step) is None

    def place(self) -> dict[str, Any]:
        """What a restart needs."""
        return {"step": self.step, "print": self.print, "clock": self._clock(), "played": self.candles_played}

    async def run(self) -> None:
        """Prints until the data ends, or for ever."""
        while (time := self._next_time()) is not None:
            self._clock.horizon = time
            wait = self._clock.wait(time)
            if self._clock.paused or wait > 0:
                await asyncio.sleep(min(max(wait, 0), IDLE_SECONDS) if not self._clock.paused else IDLE_SECONDS)
                self._watch_dead_man()
            else:
                self._print_all(time)
                await asyncio.sleep(0)
        self._clock.horizon = self._clock() + 1

    def force(self, symbol: str, ticks: int) -> None:
        """Prints a price now, out of turn."""
        self._tape.print(symbol, ticks, 0, self._clock())
        self._after_print([symbol])

    def _next_time(self) -> int | None:
        instant = self._market.instant(self.step)
        if instant is None:
            return None
        return instant + self.print * self._market.base // 4 // self._per_quarter

    def _print_all(self, time: int) -> None:
        self._clock.reach(time)
        if self.print == 0:
            self._begin_bars(time)
        for symbol, bar in self._bars.items():
            self._print_one(symbol, bar, time)
        self.print += 1
        if self.print == self.prints:
            self.step, self.print = self.step + 1, 0
            self.candles_played += len(self._bars)
        self._after_print(list(self._bars))

    def _begin_bars(self, time: int) -> None:
        self._tape.end_bars()
        found = ((symbol, self._market.series(symbol).at(time)) for symbol in sorted(self._market.pairs))
        self._bars = {symbol: bar for symbol, bar in found if bar is not None}

    def _print_one(self, symbol: str, bar: Bar, time: int) -> None:
        lots = bar.volume * (self.print + 1) // self.prints - bar.volume * self.print // self.prints
        if self.print == 0:
            self._tape.open_bar(symbol, bar.open, lots, time)
        else:
            self._tape.print(symbol, self._price(bar, self.print), lots, time)

    def _price(self, bar: Bar, number: int) -> int:
        quarter, within = divmod(number, self._per_quarter)
        points = (bar.open, bar.low, bar.high, bar.close)
        if within == 0:
            return points[quarter]
        start, end = points[quarter], points[quarter + 1]
        return start + (end - start) * within // self._per_quarter

    def _after_print(self, symbols: list[str]) -> None:
        self._exchange.check_dead_man()
        for symbol in symbols:
            self._exchange.on_print(symbol)
        self._exchange.commit({"place": self.place()})
        for symbol in symbols:
            self._feed.trade(symbol)
            self._feed.ohlc(symbol)
        for symbol in self._market.pairs:
            self._feed.ticker(symbol)
            self._feed.book(symbol)
        self._hub.flush()

    def _watch_dead_man(self) -> None:
        self._exchange.check_dead_man()
        self._exchange.commit()

    def _restore(self, place: dict[str, Any] | None) -> None:
        if place is not None:
            self.step, self.print, self.candles_played = place["step"], place["print"], place["played"]
            # The speed, and with it the number of prints, may have changed since.
            self.print = min(self.print, self.prints - 1)
        instant = self._market.instant(self.step)
        for symbol in self._market.pairs:
            self._tape.start_at(symbol, self._market.series(symbol), self._clock() if instant is None else instant)
        reached, self.print = self.print, 0
        if reached and instant is not None:
            self._begin_bars(instant)
            while self.print < reached:
                for symbol, bar in self._bars.items():
                    self._print_one(symbol, bar, instant + self.print * self._market.base // 4 // self._per_quarter)
                self.print += 1
