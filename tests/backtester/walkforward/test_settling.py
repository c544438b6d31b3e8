"""What a market order at the last close brings, by hand."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtester.runs.plan import Costs
from backtester.runs.trade import OpenTrade, Trade
from backtester.walkforward.settling import WINDOW_END, settled
from tests.backtester.report.outcomes import BTC, markets, outcome, plan

MARKETS = markets(bars=60)
FREE = {"taker_fee": "0", "half_spread": "0"}


def left(**values: Any) -> OpenTrade:
    """Two bought at 90 for a fee of 1, worth 100 each."""
    usual: dict[str, Any] = {
        "symbol": BTC,
        "entry_time": int(MARKETS[BTC].open_time[5]),
        "quantity": Decimal(2),
        "entry_price": Decimal(90),
        "fees": Decimal(1),
        "price": Decimal(100),
        "pnl": Decimal(19),
    }
    return OpenTrade(**(usual | values))


def sold(open_: OpenTrade, **costs: str) -> Trade:
    given = plan().model_copy(update={"costs": Costs.model_validate(FREE | costs)})
    run = outcome(MARKETS, given=given, open_trades=(open_,))
    (trade,) = settled(run, MARKETS)
    assert trade.exit_time == run.time[-1]
    assert trade.exit_reason == WINDOW_END
    return trade


def test_for_nothing_it_brings_what_it_was_worth() -> None:
    trade = sold(left())
    assert (trade.exit_price, trade.fees, trade.pnl) == (100, 1, 19)
    assert (trade.entry_time, trade.quantity, trade.side) == (MARKETS[BTC].open_time[5], 2, 1)


def test_the_taker_fee_is_paid() -> None:
    trade = sold(left(), taker_fee="0.0026")
    assert (trade.fees, trade.pnl) == (Decimal("1.52"), Decimal("18.48"))


def test_a_long_slips_down_and_a_short_up() -> None:
    assert sold(left(), slippage="0.01").exit_price == 99
    assert sold(left(), slippage="0.01").pnl == 17
    short = sold(left(side=-1, pnl=Decimal(-21)), slippage="0.01")
    assert (short.side, short.exit_price, short.pnl) == (-1, 101, -23)


def test_impact_is_by_the_share_of_the_last_bars_volume() -> None:
    tenth = Decimal(repr(float(MARKETS[BTC].volume[-1]))) / 10
    trade = sold(left(quantity=round(tenth, 8)), impact="0.5")
    assert float(trade.exit_price) == pytest.approx(95.0, abs=0.02)


def test_nothing_open_is_nothing_to_sell() -> None:
    assert settled(outcome(MARKETS), MARKETS) == ()


def test_several_are_all_sold() -> None:
    both = markets((BTC, "ETH/USD"), bars=60)
    run = outcome(both, open_trades=(left(), left(symbol="ETH/USD")))
    assert [trade.symbol for trade in settled(run, both)] == [BTC, "ETH/USD"]
    assert np.isclose(float(settled(run, both)[0].fees), 1.52)
