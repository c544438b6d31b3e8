"""Trades on their symbols' prices, and how their results and their length were distributed."""

from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from backtester.metrics.deviation import Floats
from backtester.metrics.series import DAY
from backtester.report.plots import GAIN, LOSS, NEUTRAL, STRATEGY, add_legend, hover, milliseconds, over_time
from backtester.report.plots import histogram as empty_histogram
from backtester.report.results import fraction
from backtester.report.words import change, duration, moment, money, price
from backtester.runs.trade import Trade
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import length

BINS = 40


def price_plot(
    candles: Market, frame: Timeframe, trades: Sequence[Trade], axis: Range1d, ways: Sequence[str]
) -> figure:
    """Candles, and each trade as a line from its entry to its exit; `ways` says how each was left."""
    plot = over_time(axis, 340, "0,0.[0000000000]")
    _add_candles(plot, candles, length(frame))
    if trades:
        _add_trades(plot, trades, ways)
    return plot


def result_histogram(trades: Sequence[Trade]) -> figure:
    """Trades by P&L over their entry notional."""
    return _histogram(np.array([fraction(trade) for trade in trades]), "0.[00]%", "P&L of a trade, of its notional")


def hold_histogram(trades: Sequence[Trade]) -> figure:
    """Trades by how long they were held, in days or hours."""
    held = np.array([trade.exit_time - trade.entry_time for trade in trades], np.float64)
    unit, name = (DAY, "days") if np.median(held) >= DAY else (DAY / 24, "hours")
    return _histogram(held / unit, "0,0.[00]", f"{name} held")


def _add_candles(plot: figure, candles: Market, width: int) -> None:
    time = (candles.open_time + width // 2) / 1000.0
    rose = candles.close >= candles.open
    source = ColumnDataSource(
        {
            "time": time,
            "high": candles.high,
            "low": candles.low,
            "top": np.maximum(candles.open, candles.close),
            "bottom": np.minimum(candles.open, candles.close),
            "alpha": np.where(rose, 0.25, 0.75),
        }
    )
    plot.segment("time", "high", "time", "low", source=source, color=NEUTRAL)
    plot.vbar(
        "time",
        milliseconds(width) * 0.7,
        "top",
        "bottom",
        source=source,
        line_color=NEUTRAL,
        fill_color=NEUTRAL,
        fill_alpha="alpha",
    )


def _add_trades(plot: figure, trades: Sequence[Trade], ways: Sequence[str]) -> None:
    entries, exits = [], []
    for won, colour, shape in ((True, GAIN, "inverted_triangle"), (False, LOSS, "x")):
        source = _marks(trades, ways, won)
        plot.segment("entered", "entry", "left", "exit", source=source, color=colour, line_width=2)
        entries.append(plot.scatter("entered", "entry", source=source, marker="triangle", size=9, color=STRATEGY))
        exits.append(plot.scatter("left", "exit", source=source, marker=shape, size=9, color=colour, line_width=2))
    fields = ("P&L", "exit by", "side", "quantity", "entry", "exit", "held")
    plot.add_tools(hover({field: f"@{{{field} text}}" for field in fields}, [*entries, *exits]))
    add_legend(plot, {"Entry": entries, "Exit with a gain": exits[:1], "Exit with a loss": exits[1:]})


def _marks(trades: Sequence[Trade], ways: Sequence[str], won: bool) -> ColumnDataSource:
    chosen = [(trade, way) for trade, way in zip(trades, ways, strict=True) if (trade.pnl > 0) == won]
    some = [trade for trade, _ in chosen]
    quote = trades[0].symbol.partition("/")[2]
    return ColumnDataSource(
        {
            "entered": [milliseconds(trade.entry_time) for trade in some],
            "left": [milliseconds(trade.exit_time) for trade in some],
            "entry": [float(trade.entry_price) for trade in some],
            "exit": [float(trade.exit_price) for trade in some],
            "P&L text": [f"{money(trade.pnl, quote)} {quote} ({change(fraction(trade))})" for trade in some],
            "exit by text": [way for _, way in chosen],
            "side text": ["long" if trade.side > 0 else "short" for trade in some],
            "quantity text": [price(trade.quantity) for trade in some],
            "entry text": [f"{price(trade.entry_price)} at {moment(trade.entry_time)}" for trade in some],
            "exit text": [f"{price(trade.exit_price)} at {moment(trade.exit_time)}" for trade in some],
            "held text": [duration(trade.exit_time - trade.entry_time) for trade in some],
        }
    )


def _histogram(values: Floats, numbers: str, meaning: str) -> figure:
    plot = empty_histogram(230, numbers, meaning)
    edges = np.histogram_bin_edges(values, min(BINS, max(5, round(2 * len(values) ** 0.5))))
    edges = _with_an_edge_at_zero(edges)
    counts, _ = np.histogram(values, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    signed = bool((values < 0).any())
    colours = np.where(middle < 0, LOSS, GAIN) if signed else np.full(len(counts), STRATEGY)
    source = ColumnDataSource({"count": counts, "left": edges[:-1], "right": edges[1:], "colour": colours.tolist()})
    bars = plot.quad("left", "right", "count", 0, source=source, fill_color="colour", fill_alpha=0.8, line_color=None)
    numbers = f"{{{numbers}}}"
    plot.add_tools(hover({meaning: f"@left{numbers} to @right{numbers}", "trades": "@count"}, [bars]))
    return plot


def _with_an_edge_at_zero(edges: Floats) -> Floats:
    """Shifted so that no bar mixes gains with losses."""
    width = edges[1] - edges[0]
    if not edges[0] < 0 < edges[-1]:
        return edges
    below, above = np.ceil(-edges[0] / width), np.ceil(edges[-1] / width)
    return np.asarray(np.arange(-below, above + 1) * width)
