"""What a test window leaves open is closed at its end."""

from collections.abc import Mapping

from backtester.runs.instruments import instrument_of
from backtester.runs.outcome import Outcome
from backtester.runs.plan import Plan
from backtester.runs.trade import OpenTrade, Trade
from shared.broker.fills import slip_rate, slipped
from shared.portfolio.grid import Grid, from_money, to_fraction
from shared.strategies.market import Market

WINDOW_END = "window end"
"""The reason of such exits."""


def settled(outcome: Outcome, markets: Mapping[str, Market]) -> tuple[Trade, ...]:
    """The open trades of a run on these base bars as closed ones, by a market order at the last close.

    It fills at the touch (a long at the bid, a short at the ask), slips as orders do, by its share of the last bar's
    volume, and pays the taker fee. Nothing after the last close is known, so no range of a bar makes the price better.
    """
    at = int(outcome.time[-1])
    return tuple(_closed(left, at, markets[left.symbol], outcome.plan) for left in outcome.open_trades)


def _closed(left: OpenTrade, at: int, market: Market, plan: Plan) -> Trade:
    instrument, costs = instrument_of(left.symbol, market, plan), plan.costs
    grid = Grid.of_quote(instrument.tick, instrument.lot, left.symbol.split("/")[1])
    lots, touch = grid.to_lots(left.quantity), grid.to_ticks(left.price)
    volume = int(market.volume[-1] / float(grid.lot))
    rate = slip_rate(to_fraction(costs.slippage), to_fraction(costs.impact), lots, volume)
    price = slipped(-left.side, touch, rate, 0, 0)
    proceeds = grid.cost(price, lots)
    fee = grid.fee(proceeds, to_fraction(costs.taker_fee))
    return Trade(
        symbol=left.symbol,
        side=left.side,
        entry_time=left.entry_time,
        exit_time=at,
        quantity=left.quantity,
        entry_price=left.entry_price,
        exit_price=grid.from_ticks(price),
        fees=left.fees + from_money(fee),
        pnl=left.pnl + from_money(left.side * (proceeds - grid.notional(touch, lots)) - fee),
        exit_reason=WINDOW_END,
    )
