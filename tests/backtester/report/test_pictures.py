"""What the charts are drawn from."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from backtester.report.candles import MOST, drawn
from backtester.report.curves import MOST_POINTS, drawdown_plot, equity_plot, exposed
from backtester.report.plots import Span
from backtester.report.prices import price_plot, result_histogram
from shared.timeframes import from_microseconds
from tests.backtester.data.candles import market
from tests.backtester.report.outcomes import BTC, markets, outcome, regular, trade

MARKETS = markets(bars=200)
AXIS = Span(0.0, 1.0).axis()


def test_exposure_is_the_notional_of_open_trades_over_equity() -> None:
    bars = MARKETS[BTC]
    trades = [trade(bars, BTC, 10, 20), replace(trade(bars, BTC, 15, 30), side=-1)]
    made = outcome(MARKETS, trades)
    found = exposed(made)
    first, second = (float(one.quantity * one.entry_price) for one in trades)
    assert found[[9, 20 + 10, 199]].tolist() == [0.0, 0.0, 0.0]
    assert found[[10, 15, 20]] == pytest.approx(
        [first / made.equity[10], (first + second) / made.equity[15], second / made.equity[20]]
    )


def test_no_exposure_without_trades_or_without_anything_left() -> None:
    assert not exposed(outcome(MARKETS, [])).any()
    ruined = np.r_[10_000.0, np.full(200, -1.0)]
    assert not exposed(outcome(MARKETS, regular(MARKETS), equity=ruined)).any()


@pytest.mark.parametrize("plot", [equity_plot, drawdown_plot])
def test_a_long_curve_is_thinned_and_keeps_its_deepest_point(plot: object) -> None:
    made = outcome(markets(bars=30_000), [])
    points = plot(made, AXIS).renderers[0].data_source.data  # type: ignore[operator]
    assert len(points["time"]) <= MOST_POINTS
    worst = made.equity.min() if plot is equity_plot else -made.performance.max_drawdown  # type: ignore[operator]
    assert points["equity"].min() == pytest.approx(worst)


@pytest.mark.parametrize(
    ("bars", "minutes", "symbols", "frame"),
    [
        (1, 1, 1, "1m"),
        (900, 1, 1, "1m"),
        (901, 1, 1, "5m"),
        (8760, 60, 1, "1d"),
        (8760, 60, 30, "1d"),
        (9000, 10080, 1, "1w"),
    ],
)
def test_candles_are_as_fine_as_there_is_room(bars: int, minutes: int, symbols: int, frame: str) -> None:
    base = {1: "1m", 60: "1h", 10080: "1w"}[minutes]
    played = market(bars, minutes=minutes, first=2 if minutes == 10080 else 0)
    candles, found = drawn(played, base, symbols)  # type: ignore[arg-type]
    assert found == frame
    assert len(candles) <= MOST or frame == "1w"


def test_gathered_candles_cover_every_bar() -> None:
    played = market(5000, first=7)
    candles, frame = drawn(played, "1m", 1)
    assert frame == "15m"
    assert (candles.open[0], candles.close[-1]) == (played.open[0], played.close[-1])
    assert (candles.high.max(), candles.low.min()) == (played.high.max(), played.low.min())
    assert candles.volume.sum() == pytest.approx(played.volume.sum())
    assert from_microseconds(int(candles.open_time[0])).minute == 0


def test_weeks_begin_on_monday() -> None:
    candles, frame = drawn(market(3000, minutes=1440), "1d", 1)
    assert frame == "1w"
    assert {from_microseconds(int(time)).weekday() for time in candles.open_time} == {0}


def test_every_trade_is_marked_at_its_price_and_time() -> None:
    bars, trades = MARKETS[BTC], regular(MARKETS)
    plot = price_plot(bars, "1h", trades, AXIS, ["stop"] * len(trades))
    sources = {id(one.data_source): one.data_source.data for one in plot.renderers if "entered" in one.data_source.data}
    entries = sorted(time for data in sources.values() for time in data["entered"])
    assert entries == [one.entry_time / 1000 for one in trades]
    winners, losers = sources.values()
    assert (len(winners["exit"]), len(losers["exit"])) == (
        sum(one.pnl > 0 for one in trades),
        sum(one.pnl <= 0 for one in trades),
    )


def test_no_bar_of_the_histogram_mixes_gains_with_losses() -> None:
    bars = MARKETS[BTC]
    trades = [replace(one, pnl=Decimal(number - 2)) for number, one in enumerate(regular(MARKETS))]
    data = result_histogram(trades).renderers[0].data_source.data
    assert int(data["count"].sum()) == len(trades)
    assert not ((data["left"] < -1e-12) & (data["right"] > 1e-12)).any()
    assert int(result_histogram(trades[:1]).renderers[0].data_source.data["count"].sum()) == 1
    assert len(bars) == 200
