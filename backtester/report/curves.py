"""The account over time: its worth, its drawdowns, what of it was in the market."""

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from backtester.metrics.deviation import Floats
from backtester.metrics.drawdowns import underwater
from backtester.metrics.series import EquityCurve
from backtester.report.plots import HOLD, STRATEGY, add_legend, add_mark, from_zero, hover, milliseconds, over_time
from backtester.report.stopped import stopped
from backtester.report.thinning import thinned
from backtester.runs.outcome import Outcome
from backtester.runs.trade import OpenTrade, Trade

MOST_POINTS = 4000
TIME = ("time", "@time{%F %H:%M}")


def equity_plot(outcome: Outcome, axis: Range1d) -> figure:
    """The account beside the one that bought and held, in quote currency."""
    plot = over_time(axis, 320, "0,0.[00000000]")
    source = _source(outcome, equity=outcome.equity, hold=outcome.hold)
    held = plot.line("time", "hold", source=source, color=HOLD, line_width=1.4)
    line = plot.line("time", "equity", source=source, color=STRATEGY, line_width=2)
    numbers = "{0,0.00[000000]}"
    shown = dict([TIME, ("strategy", f"@equity{numbers}"), ("buy and hold", f"@hold{numbers}")])
    plot.add_tools(hover(shown, [line], mode="vline"))
    add_legend(plot, {"Strategy": [line], "Buy and hold": [held]})
    if (found := stopped(outcome)) is not None:
        late = found.time > (int(outcome.time[0]) + int(outcome.time[-1])) // 2
        add_mark(plot, milliseconds(found.time), f"no entries: {found.mark}", leftwards=late)
    return plot


def drawdown_plot(outcome: Outcome, axis: Range1d) -> figure:
    """Share of the highest worth so far that is lost, downwards."""
    plot = over_time(axis, 200, "0.[0]%", from_zero(down=True))
    fallen = {"equity": -underwater(outcome.curve), "hold": -underwater(EquityCurve(outcome.time, outcome.hold))}
    source = _source(outcome, **fallen)
    plot.varea("time", 0, "equity", source=source, color=STRATEGY, alpha=0.25)
    plot.line("time", "hold", source=source, color=HOLD, line_width=1.2)
    line = plot.line("time", "equity", source=source, color=STRATEGY, line_width=1.4)
    shown = dict([TIME, ("strategy", "@equity{0.00%}"), ("buy and hold", "@hold{0.00%}")])
    plot.add_tools(hover(shown, [line], mode="vline"))
    return plot


def exposure_plot(outcome: Outcome, axis: Range1d) -> figure:
    """Notional of the trades that were open, at their entry prices, over the account's worth then."""
    plot = over_time(axis, 150, "0.[0]%", from_zero(down=False))
    source = _source(outcome, exposed=exposed(outcome))
    plot.varea_step("time", 0, "exposed", source=source, color=STRATEGY, alpha=0.25, step_mode="after")
    line = plot.step("time", "exposed", source=source, color=STRATEGY, mode="after")
    plot.add_tools(hover(dict([TIME, ("exposure", "@exposed{0.0%}")]), [line], mode="vline"))
    return plot


def exposed(outcome: Outcome) -> Floats:
    """Share of equity in trades' positions, shape (n,): at their entry prices, shorts too; 0 when ruined."""
    notional = np.zeros(len(outcome.time) + 1)
    every: tuple[Trade | OpenTrade, ...] = (*outcome.trades, *outcome.open_trades)
    cost = np.array([float(trade.quantity * trade.entry_price) for trade in every])
    entered, left = (
        np.searchsorted(outcome.time, np.array(times, np.int64))
        for times in ([t.entry_time for t in every], [t.exit_time for t in outcome.trades])
    )
    np.add.at(notional, entered, cost)
    np.add.at(notional, left, -cost[: len(left)])
    open_now = np.cumsum(notional[:-1])
    open_now[open_now < 1e-9 * cost.max(initial=0.0)] = 0.0  # what adding and taking away leaves behind
    worth = outcome.equity
    return np.divide(open_now, worth, out=np.zeros(len(worth)), where=worth > 0)


def _source(outcome: Outcome, **curves: Floats) -> ColumnDataSource:
    kept = thinned(list(curves.values()), MOST_POINTS)
    return ColumnDataSource(
        {"time": outcome.time[kept] / 1000.0, **{name: curve[kept] for name, curve in curves.items()}}
    )
