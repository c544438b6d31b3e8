"""The written fill path: its rules one by one, compiled, and against the simulator's own."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.compiled import compiled
from shared.broker import fills
from shared.broker.base import OrderRequest
from shared.broker.ccxt_broker import CcxtBroker
from shared.broker.fills import AT_HIGH, AT_LOW, AT_OPEN, BUY, NONE, SELL, Fill
from shared.portfolio.grid import Grid, from_money
from shared.schemas.orders import OrderType
from tests.shared.broker.venue import Venue

BP = 100


def test_market_orders_pay_half_the_spread_and_a_rounding() -> None:
    assert fills.market_fill(BUY, 10_001, BP, 1, 20_000) == 10_003
    assert fills.market_fill(SELL, 10_001, BP, 1, 20_000) == 9_999


def test_market_orders_stay_inside_the_bar() -> None:
    assert fills.market_fill(BUY, 10_000, BP, 9_000, 10_000) == 10_000
    assert fills.market_fill(SELL, 10_000, BP, 10_000, 11_000) == 10_000
    assert fills.market_fill(BUY, 10_000, BP, 0, 0) == 10_001, "no bar, no bounds"


def test_the_bid_is_at_least_a_tick() -> None:
    assert fills.bid_of(1, BP) == 1


def test_a_stop_fills_at_its_price_inside_the_bar_and_at_the_open_of_a_gap() -> None:
    assert fills.stop_fill(SELL, 95, 100, 90, 110) == Fill(AT_LOW, 95)
    assert fills.stop_fill(SELL, 95, 93, 90, 110) == Fill(AT_OPEN, 93)
    assert fills.stop_fill(SELL, 95, 95, 90, 110) == Fill(AT_OPEN, 95)
    assert fills.stop_fill(SELL, 95, 100, 96, 110) == NONE
    assert fills.stop_fill(BUY, 105, 100, 90, 110) == Fill(AT_HIGH, 105)
    assert fills.stop_fill(BUY, 105, 107, 90, 110) == Fill(AT_OPEN, 107)


def test_a_limit_fills_at_its_price_or_at_a_better_open() -> None:
    assert fills.limit_fill(BUY, 95, 100, 90, 110) == Fill(AT_LOW, 95)
    assert fills.limit_fill(BUY, 95, 93, 90, 110) == Fill(AT_OPEN, 93)
    assert fills.limit_fill(SELL, 105, 107, 90, 110) == Fill(AT_OPEN, 107)
    assert fills.limit_fill(SELL, 105, 100, 90, 105) == Fill(AT_HIGH, 105)
    assert fills.limit_fill(SELL, 105, 100, 90, 104) == NONE


def test_sells_match_first_then_symbols_then_client_ids() -> None:
    orders = [(BUY, "A/X", "1"), (SELL, "B/X", "1"), (SELL, "A/X", "2"), (SELL, "A/X", "1")]
    assert sorted(orders, key=lambda order: fills.match_order(*order)) == [orders[3], orders[2], orders[1], orders[0]]


ticks = st.integers(1, 10**9)


@given(st.sampled_from((BUY, SELL)), ticks, ticks, st.integers(0, 10**5), ticks, ticks)
def test_numba_fills_alike(side: int, trigger: int, open_: int, half_spread: int, one: int, other: int) -> None:
    low, high = min(one, other, open_), max(one, other, open_)
    for function in (fills.stop_fill, fills.limit_fill):
        assert tuple(compiled(function)(side, trigger, open_, low, high)) == function(side, trigger, open_, low, high)
    market = (side, open_, half_spread, low, high)
    assert compiled(fills.market_fill)(*market) == fills.market_fill(*market)


BARS = 60
MINUTE = timedelta(minutes=1)
SYMBOLS = ("BTC/USD", "ETH/USD")
KINDS: tuple[OrderType, ...] = ("market", "stop-loss", "limit")
GRIDS = {"BTC/USD": Grid.of_quote(Decimal("0.1"), Decimal("1e-8"), "USD")} | {
    "ETH/USD": Grid.of_quote(Decimal("0.01"), Decimal("1e-8"), "USD")
}


@dataclass(frozen=True)
class Bar:
    open: int
    low: int
    high: int
    close: int


@dataclass(frozen=True)
class Placed:
    request: OrderRequest
    side: int
    price: int

    @property
    def rank(self) -> tuple[int, str, str]:
        return fills.match_order(self.side, self.request.symbol, self.request.client_order_id)


def random_bars(chance: random.Random, start: int) -> list[Bar | None]:
    """A walk with gaps between bars, flat bars, and instants without a bar."""
    bars: list[Bar | None] = []
    price = start
    for number in range(BARS):
        open_ = max(1000, price + chance.choice((0, 0, chance.randint(-400, 400))))
        reach = chance.choice((0, 50, 500))
        low, high = open_ - chance.randint(0, reach), open_ + chance.randint(0, reach)
        price = chance.randint(low, high)
        gap = number > 0 and start < 200_000 and chance.random() < 0.15
        bars.append(None if gap else Bar(open_, low, high, price))
    return bars


def csv(path: Path, grid: Grid, bars: list[Bar | None]) -> str:
    lines = ["time,open,high,low,close,volume"]
    for number, bar in enumerate(bars):
        if bar is not None:
            prices = (grid.from_ticks(ticks) for ticks in (bar.open, bar.high, bar.low, bar.close))
            lines.append(f"{1_767_225_600 + 60 * number},{','.join(map(str, prices))},5")
    path.write_text("\n".join(lines))
    return str(path)


def random_orders(chance: random.Random, step: int, last: dict[str, int]) -> list[Placed]:
    placed = []
    for number in range(chance.randint(0, 4)):
        symbol = chance.choice(SYMBOLS)
        kind: OrderType = chance.choice(KINDS)
        side = SELL if kind == "stop-loss" else chance.choice((BUY, SELL))
        away = chance.randint(-300, 300) if kind == "limit" else -chance.randint(0, 600)
        price = last[symbol] + away
        text = GRIDS[symbol].from_ticks(price)
        request = OrderRequest(
            client_order_id=f"o{chance.randint(0, 9)}-{step}-{number}",
            symbol=symbol,
            side="buy" if side == BUY else "sell",
            order_type=kind,
            quantity=Decimal(chance.randint(100_000, 900_000)).scaleb(-8),
            trigger_price=text if kind == "stop-loss" else None,
            limit_price=text if kind == "limit" else None,
        )
        placed.append(Placed(request, side, price))
    return placed


class Predicted:
    """The same market by the written rule."""

    def __init__(self) -> None:
        self.resting: list[Placed] = []
        self.last: dict[str, int] = {}
        self.bars: dict[str, Bar] = {}

    def open(self, bars: dict[str, Bar]) -> None:
        self.bars = bars
        self.last |= {symbol: bar.open for symbol, bar in bars.items()}

    def match(self, queued: list[Placed]) -> list[tuple[Placed, int]]:
        return [(order, self._market(order)) for order in sorted(queued, key=lambda order: order.rank)]

    def walk(self) -> list[tuple[Placed, int]]:
        met = [(self._meet(order), order) for order in self.resting if order.request.symbol in self.bars]
        filled = [
            (fill.point, order.request.symbol, order.rank, order, fill.price) for fill, order in met if fill.price
        ]
        done = [(order, price) for *_, order, price in sorted(filled, key=lambda entry: entry[:3])]
        self.resting = [order for order in self.resting if order not in [entry[0] for entry in done]]
        self.last |= {symbol: bar.close for symbol, bar in self.bars.items()}
        return done

    def _market(self, order: Placed) -> int:
        bar = self.bars.get(order.request.symbol, Bar(0, 0, 0, 0))
        return fills.market_fill(order.side, self.last[order.request.symbol], BP, bar.low, bar.high)

    def _meet(self, order: Placed) -> Fill:
        bar = self.bars[order.request.symbol]
        rule = fills.stop_fill if order.request.order_type == "stop-loss" else fills.limit_fill
        return rule(order.side, order.price, bar.open, bar.low, bar.high)


def booked(done: list[tuple[Placed, int]]) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    rows = []
    for order, price in done:
        grid = GRIDS[order.request.symbol]
        cost = grid.cost(price, grid.to_lots(order.request.quantity))
        rate = 1_600_000 if order.request.order_type == "limit" else 2_600_000
        fee = from_money(grid.fee(cost, rate))
        rows.append((order.request.client_order_id, grid.from_ticks(price), from_money(cost), fee))
    return rows


def reported(answer: dict[str, Any]) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    return [
        (fill["cl_ord_id"], Decimal(fill["price"]), Decimal(fill["cost"]), Decimal(fill["fee"]))
        for fill in answer["executions"]
    ]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[tuple[Venue, dict[str, list[Bar | None]]]]:
    chance = random.Random(20_260_101)
    series = {"BTC/USD": random_bars(chance, 400_000), "ETH/USD": random_bars(chance, 150_000)}
    data = [
        f"--data={symbol}={csv(tmp_path / f'{symbol[:3]}.csv', GRIDS[symbol], series[symbol])}" for symbol in series
    ]
    venue = Venue(tmp_path / "venue.db", *data, "--speed", "max", "--fast-keys", "--balance", "100000000")
    yield venue, series
    venue.kill()


async def test_the_simulator_fills_random_bars_as_written(
    market: tuple[Venue, dict[str, list[Bar | None]]],
) -> None:
    venue, series = market
    broker, predicted, chance = CcxtBroker(venue.access(speed=0.0)), Predicted(), random.Random(7)
    filled = {"market": 0, "stop-loss": 0, "limit": 0}
    for step in range(BARS):
        bars = {symbol: bar for symbol in SYMBOLS if (bar := series[symbol][step]) is not None}
        venue.post("open")
        predicted.open(bars)
        deadline = await broker.now() + MINUTE / 2
        orders = random_orders(chance, step, predicted.last) if step else first_purchases()
        for order in orders:
            await broker.place(order.request, deadline)
        matched = predicted.match([order for order in orders if order.request.order_type == "market"])
        predicted.resting += [order for order in orders if order.request.order_type != "market"]
        assert reported(await asyncio.to_thread(venue.post, "match")) == booked(matched)
        walked = predicted.walk()
        assert reported(await asyncio.to_thread(venue.post, "walk")) == booked(walked)
        for done, _ in (*matched, *walked):
            filled[done.request.order_type] += 1
    await broker.close()
    assert min(filled.values()) >= 10, filled


def first_purchases() -> list[Placed]:
    """Enough of everything to sell."""
    return [
        Placed(OrderRequest(f"first-{symbol[:3]}", symbol, "buy", "market", Decimal(50)), BUY, 0) for symbol in SYMBOLS
    ]
