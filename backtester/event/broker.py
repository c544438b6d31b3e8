"""The paper broker of lock-step: orders rest or queue until a bar meets them, by the one rule of `shared.broker.fills`.

Market orders meet the open of the next bar, sells first; resting stops its way over low and high to the close.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from shared.broker import fills
from shared.broker.base import Execution, Instrument, InsufficientFunds, OrderRefused, OrderRequest, VenueOrder
from shared.portfolio.grid import Grid, from_money, to_money
from shared.timeframes import from_microseconds, to_microseconds


@dataclass(slots=True)
class Bar:
    """A bar in ticks, its volume in lots; `time` is its open in microseconds."""

    time: int
    open: int
    low: int
    high: int
    close: int
    volume: int


class Charges(NamedTuple):
    """What trading costs: fee, slippage and impact in 1e-9, half-spread in 1e-6."""

    taker_fee: int
    half_spread: int
    slippage: int = 0
    impact: int = 0


class Booked(NamedTuple):
    """What a fill changed: lots of a symbol, and cash in money units; `time` in microseconds."""

    time: int
    symbol: str
    lots: int
    cash: int


@dataclass(slots=True)
class Placed:
    """An order at the broker; quantities in lots, `trigger` in ticks, 0: a market order."""

    number: int
    request: OrderRequest
    lots: int
    trigger: int
    status: str = "open"
    filled: int = 0
    reason: str = ""
    executions: list[Execution] = field(default_factory=list)

    @property
    def venue_order_id(self) -> str:
        """As the broker calls it."""
        return f"O{self.number:08d}"

    @property
    def side(self) -> int:
        """+1 buys, -1 sells."""
        return fills.BUY if self.request.side == "buy" else fills.SELL


class LockstepBroker:
    """One account. `last` is the last price printed of each symbol, in ticks; the clock stands where it is put."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        grids: Mapping[str, Grid],
        cash: Decimal,
        charges: Charges,
    ) -> None:
        self._instruments = instruments
        self._grids = grids
        self._charges = charges
        self._orders: list[Placed] = []
        self._named: dict[str, Placed] = {}
        self._open: dict[str, list[Placed]] = {symbol: [] for symbol in instruments}
        self._clock = from_microseconds(0)
        self.cash = to_money(cash)
        self.lots = dict.fromkeys(instruments, 0)
        self.last = dict.fromkeys(instruments, 0)
        self.fills: list[Booked] = []

    def touch(self, symbol: str) -> tuple[int, int]:
        """Best bid and ask around the last price, in ticks."""
        last = self.last[symbol]
        spread = self._charges.half_spread
        return fills.bid_of(last, spread), fills.ask_of(last, spread)

    def print_open(self, time: int, last: Mapping[str, int]) -> None:
        """The clock stands at `time`, and these are the newest prices, in ticks."""
        self._clock = from_microseconds(time)
        self.last.update(last)

    def match(self, bars: Mapping[str, Bar]) -> list[Execution]:
        """Fill the market orders that wait, at the open."""
        queued = [order for orders in self._open.values() for order in orders if not order.trigger]
        done = []
        for order in sorted(queued, key=_matching):
            bar = bars.get(order.request.symbol)
            low, high = (bar.low, bar.high) if bar else (0, 0)
            last = self.last[order.request.symbol]
            price = fills.market_fill(order.side, last, self._charges.half_spread, low, high)
            done += self._filled(order, self._slipped(order, price, bar), self._clock)
        return done

    def walk(self, bars: Mapping[str, Bar], length: int) -> list[Execution]:
        """Take the bars from open to close; stops fill on the way, in the order of time, then of symbols."""
        met = []
        for symbol, bar in bars.items():
            for order in self._open[symbol]:
                if order.trigger:
                    fill = fills.stop_fill(order.side, order.trigger, bar.open, bar.low, bar.high)
                    if fill.point != fills.NOT_FILLED:
                        met.append((fill.point, symbol, order, fill.price))
        for symbol, bar in bars.items():
            self.last[symbol] = bar.close
        done = []
        for point, symbol, order, price in sorted(met, key=lambda one: (one[0], one[1], one[2].number)):
            time = from_microseconds(bars[symbol].time + point * length // 4)
            done += self._filled(order, self._slipped(order, price, bars[symbol]), time)
        return done

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]:
        return {symbol: self._instruments[symbol] for symbol in symbols if symbol in self._instruments}

    async def now(self) -> datetime:
        return self._clock

    async def place(self, order: OrderRequest, deadline: datetime) -> str:
        grid, least = self._grids[order.symbol], self._instruments[order.symbol]
        trigger = 0 if order.trigger_price is None else grid.to_ticks(order.trigger_price)
        placed = Placed(len(self._orders) + 1, order, grid.to_lots(order.quantity, "exact"), trigger)
        if order.quantity < least.min_quantity:
            raise OrderRefused("EOrder:Order minimum not met")
        bid, ask = self.touch(order.symbol)
        price = trigger or (ask if placed.side > 0 else bid)
        if from_money(grid.cost(price, placed.lots)) < least.min_cost:
            raise OrderRefused("EOrder:Cost minimum not met")
        if placed.side < 0 and placed.lots > self._free(order.symbol):
            raise InsufficientFunds("EOrder:Insufficient funds")
        self._orders.append(placed)
        self._named[order.client_order_id] = placed
        self._open[order.symbol].append(placed)
        return placed.venue_order_id

    async def amend(self, venue_order_id: str, symbol: str, quantity: Decimal, trigger_price: Decimal) -> None:
        order = self._found(venue_order_id)
        lots = self._grids[symbol].to_lots(quantity, "exact")
        if order.status != "open" or lots - order.lots > self._free(symbol):
            raise OrderRefused("EOrder:Unknown order" if order.status != "open" else "EOrder:Insufficient funds")
        order.lots, order.trigger = lots, self._grids[symbol].to_ticks(trigger_price)

    async def cancel(self, venue_order_id: str, symbol: str) -> None:
        order = self._found(venue_order_id)
        if order.status != "open":
            raise OrderRefused("EOrder:Unknown order")
        self._end(order, "canceled", "")

    async def find(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        order = self._named.get(client_order_id)
        return None if order is None else self._view(order)

    async def open_orders(self) -> list[VenueOrder]:
        return [self._view(order) for orders in self._open.values() for order in orders]

    async def executions_of(self, venue_order_id: str, symbol: str) -> list[Execution]:
        return list(self._found(venue_order_id).executions)

    async def balances(self) -> dict[str, Decimal]:
        held = {symbol.split("/")[0]: self._grids[symbol].from_lots(lots) for symbol, lots in self.lots.items()}
        return held | {next(iter(self._grids)).split("/")[1]: from_money(self.cash)}

    async def executions(self) -> AsyncIterator[Execution]:
        """Nobody has to listen: `match` and `walk` say what they filled."""
        return
        yield

    async def close(self) -> None:
        pass

    def _slipped(self, order: Placed, price: int, bar: Bar | None) -> int:
        rate = fills.slip_rate(
            self._charges.slippage, self._charges.impact, order.lots - order.filled, bar.volume if bar else 0
        )
        return fills.slipped(order.side, price, rate, bar.low if bar else 0, bar.high if bar else 0)

    def _filled(self, order: Placed, ticks: int, time: datetime) -> list[Execution]:
        symbol, grid, lots = order.request.symbol, self._grids[order.request.symbol], order.lots - order.filled
        cost = grid.cost(ticks, lots)
        fee = grid.fee(cost, self._charges.taker_fee)
        if order.side > 0 and cost + fee > self.cash:
            self._end(order, "canceled", "Insufficient funds")
            return []
        change = -order.side * cost - fee
        self.cash += change
        self.lots[symbol] += order.side * lots
        self.fills.append(Booked(to_microseconds(time), symbol, order.side * lots, change))
        execution = Execution(
            execution_id=f"T{len(self.fills):08d}",
            client_order_id=order.request.client_order_id,
            venue_order_id=order.venue_order_id,
            symbol=symbol,
            side=order.request.side,
            quantity=grid.from_lots(lots),
            price=grid.from_ticks(ticks),
            cost=from_money(cost),
            fee=from_money(fee),
            liquidity="taker",
            time=time,
        )
        order.filled += lots
        order.executions.append(execution)
        self._end(order, "closed", "")
        return [execution]

    def _end(self, order: Placed, status: str, reason: str) -> None:
        order.status, order.reason = status, reason
        self._open[order.request.symbol].remove(order)

    def _free(self, symbol: str) -> int:
        return self.lots[symbol] - sum(o.lots - o.filled for o in self._open[symbol] if o.side < 0)

    def _found(self, venue_order_id: str) -> Placed:
        return self._orders[int(venue_order_id[1:]) - 1]

    def _view(self, order: Placed) -> VenueOrder:
        request, grid = order.request, self._grids[order.request.symbol]
        return VenueOrder(
            client_order_id=request.client_order_id,
            venue_order_id=order.venue_order_id,
            symbol=request.symbol,
            side=request.side,
            order_type=request.order_type,
            status=order.status,  # type: ignore[arg-type]
            quantity=grid.from_lots(order.lots),
            filled=grid.from_lots(order.filled),
            trigger_price=grid.from_ticks(order.trigger) if order.trigger else None,
            reason=order.reason,
        )


def _matching(order: Placed) -> tuple[int, str, str]:
    return fills.match_order(order.side, order.request.symbol, order.request.client_order_id)
