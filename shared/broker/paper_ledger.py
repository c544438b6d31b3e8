"""The paper account's arithmetic: what an order needs, what is free, and how a fill changes the books.

Every function works inside the store's transaction around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from shared.broker.base import Instrument, InsufficientFunds, OrderRefused, OrderRequest
from shared.broker.paper_market import Piece, Quote, at_once
from shared.broker.paper_store import PaperFill, PaperOrder, PaperStore
from shared.portfolio.grid import Grid, OffGrid, from_money, to_fraction

Liquidity = Literal["maker", "taker"]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PaperLedger:
    """Fee rates as fractions of the cost."""

    store: PaperStore
    taker_fee: Decimal
    maker_fee: Decimal

    def check(self, order: PaperOrder, instrument: Instrument, quote: Quote) -> None:
        """OrderRefused or InsufficientFunds where a venue would say no."""
        check_grid(order, instrument)
        same = self.store.order_of(order.client_order_id)
        if same is not None and same.status == "open":
            raise OrderRefused(f"client order id {order.client_order_id} is in use by an open order")
        price = order.trigger_price or order.limit_price or (quote.ask if order.side == "buy" else quote.bid)
        if order.quantity < instrument.min_quantity:
            raise OrderRefused(f"order minimum not met: {order.quantity} of at least {instrument.min_quantity}")
        if order.quantity * price < instrument.min_cost:
            raise OrderRefused(f"cost minimum not met: {order.quantity * price} of at least {instrument.min_cost}")
        self._check_funds(order, quote)

    def book(self, order: PaperOrder, pieces: Sequence[Piece], liquidity: Liquidity, time: datetime) -> PaperOrder:
        """The order after its fills; what a buy can no longer pay for is canceled."""
        grid = self._grid(order.symbol)
        for price, quantity in pieces:
            lots = grid.to_lots(quantity)
            if lots == 0:
                continue
            fill = self._fill(order, grid, price, lots, liquidity, time)
            if order.side == "buy" and fill.cost + fill.fee > self.free(_quote(order), order.number):
                order = replace(order, status="canceled", reason="insufficient funds")
                break
            order = self._booked(order, fill)
        self.store.save_order(order)
        return order

    def free(self, asset: str, besides: int = 0) -> Decimal:
        """An asset's total less what open orders hold of it, but for the order numbered `besides`."""
        held = sum((self._hold(order, asset) for order in self.store.open_orders() if order.number != besides), ZERO)
        return self.store.balances().get(asset, ZERO) - held

    def _hold(self, order: PaperOrder, asset: str) -> Decimal:
        if order.side == "sell":
            return order.remaining if asset == _base(order) else ZERO
        if order.limit_price is None or asset != _quote(order):
            return ZERO
        return self._charged(order, order.limit_price, order.remaining)

    def _check_funds(self, order: PaperOrder, quote: Quote) -> None:
        if order.side == "sell":
            asset, needed = _base(order), order.quantity
        elif order.order_type == "market":
            pieces = at_once(order, quote)
            asset = _quote(order)
            needed = sum((self._charged(order, price, quantity) for price, quantity in pieces), ZERO)
        else:
            asset = _quote(order)
            needed = self._charged(order, order.limit_price or order.trigger_price or ZERO, order.quantity)
        free = self.free(asset)
        if needed > free:
            raise InsufficientFunds(f"insufficient funds: needs {needed} {asset}, {free} are free")

    def _charged(self, order: PaperOrder, price: Decimal, quantity: Decimal) -> Decimal:
        grid = self._grid(order.symbol)
        cost = grid.cost(_ticks(grid, order, price), grid.to_lots(quantity))
        return from_money(cost + grid.fee(cost, to_fraction(self.taker_fee)))

    def _fill(
        self, order: PaperOrder, grid: Grid, price: Decimal, lots: int, liquidity: Liquidity, time: datetime
    ) -> PaperFill:
        ticks = _ticks(grid, order, price)
        cost = grid.cost(ticks, lots)
        rate = self.taker_fee if liquidity == "taker" else self.maker_fee
        return PaperFill(
            quantity=grid.from_lots(lots),
            price=grid.from_ticks(ticks),
            cost=from_money(cost),
            fee=from_money(grid.fee(cost, to_fraction(rate))),
            liquidity=liquidity,
            time=time,
        )

    def _booked(self, order: PaperOrder, fill: PaperFill) -> PaperOrder:
        sign = 1 if order.side == "buy" else -1
        self.store.add_fill(order, fill)
        self.store.add_to_balance(_base(order), sign * fill.quantity)
        self.store.add_to_balance(_quote(order), -sign * fill.cost - fill.fee)
        filled = replace(order, filled=order.filled + fill.quantity)
        filled = filled if filled.remaining else replace(filled, status="closed")
        self.store.save_order(filled)
        return filled

    def _grid(self, symbol: str) -> Grid:
        instrument = self.store.instrument(symbol)
        if instrument is None:
            raise OrderRefused(f"the grid of {symbol} is not known")
        return grid_of(instrument)


def grid_of(instrument: Instrument) -> Grid:
    """The instrument's grid, with its quote currency's decimals."""
    return Grid.of_quote(instrument.tick, instrument.lot, instrument.symbol.split("/")[1])


def check_grid(order: PaperOrder, instrument: Instrument) -> None:
    """OrderRefused for a price between two ticks or a quantity between two lots."""
    grid = grid_of(instrument)
    try:
        grid.to_lots(order.quantity, "exact")
        for price in (order.trigger_price, order.limit_price):
            if price is not None:
                grid.to_ticks(price)
    except OffGrid as error:
        raise OrderRefused(f"tick size check failed: {error}") from error


def as_new(order: OrderRequest, since: datetime) -> PaperOrder:
    """The order as it enters the books; its number comes from them."""
    return PaperOrder(
        number=0,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        status="open",
        quantity=order.quantity,
        filled=ZERO,
        trigger_price=order.trigger_price,
        limit_price=order.limit_price,
        reason="",
        since=since,
    )


def _ticks(grid: Grid, order: PaperOrder, price: Decimal) -> int:
    return grid.to_ticks(price, "ceil" if order.side == "buy" else "floor")


def _base(order: PaperOrder) -> str:
    return order.symbol.split("/")[0]


def _quote(order: PaperOrder) -> str:
    return order.symbol.split("/")[1]
