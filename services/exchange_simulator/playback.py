"""Lock-step: time moves only when told, one bar at a time, in phases that all see the same frozen prices.

start -> opened -> (matched) -> walked -> opened ... -> done
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any, Literal

from services.exchange_simulator.clock import FrozenClock
from services.exchange_simulator.errors import WrongPhase
from services.exchange_simulator.exchange import Exchange
from services.exchange_simulator.feed import Feed
from services.exchange_simulator.hub import Hub
from services.exchange_simulator.market import Market
from services.exchange_simulator.matching import frozen_market_price, walked
from services.exchange_simulator.orders import Fill
from services.exchange_simulator.series import Bar
from services.exchange_simulator.tape import Tape, quarter_volume
from services.exchange_simulator.wire import rfc3339

Phase = Literal["start", "opened", "matched", "walked", "done"]
MILLISECOND = 1000


@dataclass(slots=True)
class Outcome:
    """What one call did."""

    fills: list[Fill] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    closed: list[dict[str, str]] = field(default_factory=list)


class Playback:
    """``step`` is the step opened last; ``first_step - 1`` before the first.

    ``printed`` is when each step of this process was opened, by the wall's monotonic clock in ns.
    """

    def __init__(
        self,
        market: Market,
        tape: Tape,
        exchange: Exchange,
        feed: Feed,
        hub: Hub,
        clock: FrozenClock,
        place: dict[str, Any] | None,
    ) -> None:
        self._market = market
        self._tape = tape
        self._exchange = exchange
        self._feed = feed
        self._hub = hub
        self._clock = clock
        self.step = market.first_step - 1
        self.phase: Phase = "start"
        self.candles_played = 0
        self.printed: list[int] = []
        self._bars: dict[str, Bar] = {}
        self._restore(place)

    def place(self) -> dict[str, Any]:
        """What a restart needs."""
        return {"step": self.step, "phase": self.phase, "clock": self._clock(), "played": self.candles_played}

    def open(self) -> Outcome:
        """Prints the opens of the next bars, or the end of the data."""
        return self._said(self._open)

    def match(self) -> Outcome:
        """Fills the queued market orders at the frozen prices."""
        return self._said(self._match)

    def walk(self) -> Outcome:
        """Takes the prices from open over low and high to close; resting orders fill on the way."""
        return self._said(self._walk)

    def advance(self) -> Outcome:
        """The next phase; after a walk that executed nothing, the next open too."""
        return self._said(self._advance)

    def _said(self, phase: Callable[[], Outcome]) -> Outcome:
        # One write for all that the call has to say; before its answer, on which the conductor goes on.
        outcome = phase()
        self._hub.flush()
        return outcome

    def _open(self) -> Outcome:
        self._expect("open", "start", "walked")
        outcome = Outcome(closed=[{"symbol": s, "open_time": rfc3339(b.time)} for s, b in self._bars.items()])
        last = self._market.instant(self.step) if self.step >= self._market.first_step else None
        instant = self._market.instant(self.step + 1)
        if instant is None:
            self._clock.advance((last or 0) + self._market.base)
            self._enter("done", {})
        else:
            self.step += 1
            self._clock.advance(instant)
            self._enter("opened", self._bars_at(instant))
        self._exchange.check_dead_man()
        outcome.printed = list(self._bars)
        self._print_opens()
        outcome.fills = self._commit()
        self.printed.append(monotonic_ns())
        self._announce_opens()
        return outcome

    def _match(self) -> Outcome:
        self._expect("match", "opened")
        self.phase = "matched"
        for order in self._exchange.queued:
            quote = self._tape[order.symbol]
            ticks = frozen_market_price(order, quote.bid, quote.ask, self._bars.get(order.symbol))
            self._exchange.fill(order, ticks, "t")
        return Outcome(fills=self._commit())

    def _walk(self) -> Outcome:
        self._expect("walk", "opened", "matched")
        start = self._clock()
        # Resting orders meet the open too, which was printed before they could be placed.
        for quarter, part in enumerate(("open", "low", "high", "close")):
            self._clock.advance(start + quarter * self._market.base // 4)
            for symbol, bar in self._bars.items():
                if quarter:
                    self._tape.print(symbol, getattr(bar, part), quarter_volume(bar.volume, quarter), self._clock())
                    self._feed.trade(symbol)
                self._meet(symbol, getattr(bar, part), bar.open)
        self._clock.advance(start + self._market.base - MILLISECOND)
        self.phase = "walked"
        self.candles_played += len(self._bars)
        fills = self._commit()
        for symbol in self._bars:
            self._feed.ohlc(symbol)
        return Outcome(fills=fills, printed=list(self._bars))

    def _advance(self) -> Outcome:
        if self.phase == "done":
            return Outcome()
        if self.phase == "opened" and self._exchange.queued:
            return self._match()
        if self.phase in ("opened", "matched"):
            outcome = self._walk()
            return outcome if outcome.fills else self._open()
        return self._open()

    def _expect(self, call: str, *phases: Phase) -> None:
        if self.phase not in phases:
            raise WrongPhase(f"{call} needs the phase {' or '.join(phases)}; it is {self.phase}")

    def _enter(self, phase: Phase, bars: dict[str, Bar]) -> None:
        self.phase, self._bars = phase, bars
        self._tape.end_bars()

    def _bars_at(self, instant: int) -> dict[str, Bar]:
        found = ((symbol, self._market.series(symbol).at(instant)) for symbol in sorted(self._market.pairs))
        return {symbol: bar for symbol, bar in found if bar is not None}

    def _print_opens(self) -> None:
        for symbol, bar in self._bars.items():
            self._tape.open_bar(symbol, bar.open, quarter_volume(bar.volume, 0), bar.time)

    def _announce_opens(self) -> None:
        for symbol in self._bars:
            self._feed.trade(symbol)
            self._feed.ohlc(symbol)
        # After all candles: whoever reads a ticker of this instant has everything before it.
        for symbol in self._market.pairs:
            self._feed.ticker(symbol)
            self._feed.book(symbol)

    def _meet(self, symbol: str, price: int, opened: int) -> None:
        for order in self._exchange.resting(symbol):
            if match := walked(order, price, opened):
                self._exchange.fill(order, *match)

    def _commit(self) -> list[Fill]:
        return self._exchange.commit({"place": self.place()})

    def _restore(self, place: dict[str, Any] | None) -> None:
        if place is None:
            self._start_tape(self._clock())
            return
        self.step, self.phase = place["step"], place["phase"]
        self.candles_played = place["played"]
        instant = self._market.instant(self.step) if self.step >= self._market.first_step else None
        self._start_tape(instant if instant is not None else self._clock())
        if instant is None or self.phase == "start":
            return
        bars = self._bars_at(instant)
        parts = 4 if self.phase in ("walked", "done") else 1
        for symbol, bar in bars.items():
            self._replay(symbol, bar, parts)
        if self.phase == "done":
            self._tape.end_bars()
        else:
            self._bars = bars

    def _replay(self, symbol: str, bar: Bar, parts: int) -> None:
        self._tape.open_bar(symbol, bar.open, quarter_volume(bar.volume, 0), bar.time)
        for quarter, price in list(enumerate((bar.open, bar.low, bar.high, bar.close)))[1:parts]:
            time = bar.time + quarter * self._market.base // 4
            self._tape.print(symbol, price, quarter_volume(bar.volume, quarter), time)

    def _start_tape(self, time: int) -> None:
        for symbol in self._market.pairs:
            self._tape.start_at(symbol, self._market.series(symbol), time)
