"""Why a trade has no counterpart, where the desk's books or the backtest know it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backtester.data.rows import when
from backtester.drift.books import Books, Held
from backtester.drift.compare import NEAR_BARS
from backtester.runs.trade import Trade


@dataclass(frozen=True, slots=True)
class Reasons:
    """`step` is the length of a decision bar (microseconds), `held` what the backtest still holds at its end."""

    books: Books
    backtest: Sequence[Trade]
    held: Mapping[str, Decimal]
    step: int

    def missing(self, trade: Trade) -> str:
        """Why the desk did not make a trade that the backtest made."""
        bar = trade.entry_time // self.step
        told = [
            said.words
            for said in (*self.books.refusals, *self.books.verdicts)
            if said.symbol == trade.symbol and said.time // self.step == bar
        ]
        return self._bought_too(trade, bar) or self._holding(trade) or next(iter(told), "") or self._silence()

    def extra(self, trade: Trade) -> str:
        """Why the backtest did not make a trade that the desk made."""
        for other in self.backtest:
            if other.symbol == trade.symbol and other.entry_time <= trade.entry_time < other.exit_time:
                held = f"{when(other.entry_time)} to {when(other.exit_time)}"
                return f"the backtest held {trade.symbol} from {held}"
        if trade.symbol in self.held:
            return f"the backtest still holds {trade.symbol} at its end"
        return "the backtest made no such trade; other sentiment, a changed candle or parameter, or its own limits"

    def _bought_too(self, trade: Trade, bar: int) -> str:
        for other in self.books.others:
            if other.symbol == trade.symbol and abs(other.decided_at // self.step - bar) <= NEAR_BARS:
                return _unclosed(other)
        return ""

    def _holding(self, trade: Trade) -> str:
        for other in self.books.trades:
            if other.symbol == trade.symbol and other.decided_at <= trade.entry_time < other.exit_time:
                return f"the desk held {trade.symbol} from {when(other.entry_time)} to {when(other.exit_time)}"
        for held in self.books.others:
            open_then = held.symbol == trade.symbol and held.decided_at <= trade.entry_time
            if open_then and held.status != "closed":
                return f"the desk holds {trade.symbol} since {when(held.decided_at)}"
        return ""

    def _silence(self) -> str:
        return "the desk decided nothing on that bar: was it running?" if self.books.verdicts else ""


def _unclosed(other: Held) -> str:
    if other.status == "closed":
        return "the desk decided it too, and its order bought nothing"
    return "the desk bought it too, and still holds it"
