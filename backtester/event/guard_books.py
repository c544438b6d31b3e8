"""What the position manager's handlers ask for, out of the account in memory."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from backtester.event.account import NOTHING, Account
from services.position_manager.adapters.open_trades import held_trade
from services.position_manager.core.drawdown import Equity, Holding, Standing
from services.position_manager.core.guard import STOP_KINDS, HeldTrade
from services.position_manager.ports import Books
from services.trade_executor.core.records import Stop
from services.trade_executor.core.trade_book import TradeBook
from shared.portfolio.grid import Grid
from shared.risk.stops import StopState

OF_TRADE = ("id", "symbol", "timeframe", "status", "entry_price", "atr", "take_profit_price", "exit_requested_at")
OF_STOP = ("price", "kind", "version", "previous_price", "effective_from", "high_water", "breached_at")


class MemoryTrades:
    """The open trade of each symbol, always as it is."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._seen: dict[str, tuple[int, HeldTrade | None]] = {}

    async def remembered(self, symbol: str, tx: object) -> HeldTrade | None:
        return self.held(symbol)

    async def read(self, symbol: str, tx: object) -> HeldTrade | None:
        return self.held(symbol)

    def held(self, symbol: str) -> HeldTrade | None:
        """The symbol's trade with something held and a stop."""
        version = self._account.version
        seen = self._seen.get(symbol)
        if seen is None or seen[0] != version:
            seen = self._seen[symbol] = version, self._held(symbol)
        return seen[1]

    def forget(self, symbol: str) -> None:
        pass

    def expect(self, symbol: str, until: datetime) -> None:
        pass

    def may_open(self, symbol: str, time: datetime) -> bool:
        return False

    def grid(self, symbol: str) -> Grid:
        return self._account.venues[symbol].grid

    async def move_stop(self, trade: HeldTrade, new: StopState, effective_from: datetime, tx: object) -> None:
        stop, grid = self._changing(trade), self.grid(trade.symbol)
        stop.previous_price, stop.price = stop.price, grid.from_ticks(new.stop)
        stop.kind, stop.version = STOP_KINDS[new.kind], stop.version + 1
        stop.effective_from, stop.high_water = effective_from, grid.from_ticks(new.high_water)

    async def run_grace_from(self, trade: HeldTrade, time: datetime, tx: object) -> None:
        self._changing(trade).breached_at = time

    def _held(self, symbol: str) -> HeldTrade | None:
        book = self._account.held_in(symbol)
        if book is None or book.stop is None or book.trade.held <= NOTHING:
            return None
        row = {name: getattr(book.trade, name) for name in OF_TRADE}
        row |= {name: getattr(book.stop, name) for name in OF_STOP}
        row["entry_time"] = book.trade.entry_time or book.stop.effective_from
        return held_trade(row, self.grid(symbol))

    def _changing(self, trade: HeldTrade) -> Stop:
        stop = self._account.books[trade.trade_id].stop
        assert stop is not None
        self._account.version += 1
        return stop


class MemoryAccounts:
    """The account's standing, its newest equity point, and the halt."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.points: list[tuple[datetime, Equity]] = []

    async def glance(self) -> Books:
        return self._books()

    async def read(self, tx: object) -> Books:
        return self._books()

    async def keep(self, equities: Sequence[Equity], time: datetime, tx: object) -> None:
        if not self.points or self.points[-1][0] < time:
            self.points += [(time, equity) for equity in equities]

    async def halt(self, account: str, reason: str, time: datetime, tx: object) -> bool:
        first, self._account.halted = not self._account.halted, True
        return first

    def _books(self) -> Books:
        account = self._account
        holdings = tuple(_holding(book) for book in account.open_trades())
        return Books((Standing(account.name, account.initial_balance, account.cash, holdings),), account.halted)


def _holding(book: TradeBook) -> Holding:
    trade = book.trade
    in_hand = trade.status != "closing" and trade.exit_requested_at is None
    price: Decimal | None = trade.entry_price
    return Holding(trade.id, trade.symbol, trade.held, price, in_hand)
