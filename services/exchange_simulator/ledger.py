"""Balances and what open orders hold of them, exact to the asset's last decimal."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from services.exchange_simulator.orders import Fill, Order
from services.exchange_simulator.pairs import Pair, amount

ZERO = Decimal(0)
Hold = tuple[str, Decimal]


class Ledger:
    """The one account: ``balances`` by asset code; ``held`` is reserved by open orders."""

    def __init__(self, pairs: Mapping[str, Pair], balances: Mapping[str, Decimal], taker: Decimal) -> None:
        self.balances = dict(balances)
        self.fees_total = ZERO
        self._pairs = pairs
        self._taker = taker
        self._holds: dict[str, Hold] = {}

    def restore(self, open_orders: Iterable[Order], fills: Iterable[Fill]) -> None:
        """Rebuilds reservations and the sum of fees after a start."""
        for order in open_orders:
            self.hold(order)
        self.fees_total = sum((fill.fee for fill in fills), ZERO)

    def held(self, asset: str) -> Decimal:
        return sum((value for code, value in self._holds.values() if code == asset), ZERO)

    def available(self, asset: str) -> Decimal:
        return self.balances.get(asset, ZERO) - self.held(asset)

    def need(self, order: Order) -> Hold | None:
        """What an order reserves: a sell its base; a resting buy its cost with the taker fee; a market buy nothing."""
        pair = self._pairs[order.symbol]
        if order.side == "sell":
            return pair.base.code, amount(order.remaining)
        price = order.limit or order.trigger
        if not price:
            return None
        cost = pair.cost(price, order.remaining)
        return pair.quote.code, cost + pair.fee(cost, self._taker)

    def covers(self, order: Order, ticks: int | None = None) -> bool:
        """Whether the free balance, with the order's own reservation, pays for it (a buy at ``ticks`` if given)."""
        pair = self._pairs[order.symbol]
        if order.side == "buy" and ticks is not None:
            cost = pair.cost(ticks, order.remaining)
            need: Hold | None = (pair.quote.code, cost + pair.fee(cost, self._taker))
        else:
            need = self.need(order)
        if need is None:
            return True
        asset, value = need
        own = self._holds.get(order.txid, (asset, ZERO))[1]
        return value <= self.available(asset) + own

    def hold(self, order: Order) -> None:
        """Reserves anew for an open order, or frees what an ended one had reserved."""
        need = self.need(order) if order.is_open else None
        if need is None:
            self._holds.pop(order.txid, None)
        else:
            self._holds[order.txid] = need

    def book(self, fill: Fill) -> None:
        pair = self._pairs[fill.symbol]
        sign = 1 if fill.side == "buy" else -1
        self._add(pair.base.code, sign * amount(fill.lots))
        self._add(pair.quote.code, -sign * fill.cost - fill.fee)
        self.fees_total += fill.fee

    def _add(self, asset: str, value: Decimal) -> None:
        self.balances[asset] = self.balances.get(asset, ZERO) + value
