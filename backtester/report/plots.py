"""How our plots look and behave: readable on white and on black, zoomed in time together."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from bokeh.models import (
    BasicTicker,
    BoxZoomTool,
    DataRange1d,
    DatetimeTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.models.annotations import Label, Legend, LegendItem
from bokeh.models.annotations import Span as Line
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from shared.timeframes import SECOND

STRATEGY, HOLD = "#2f81d6", "#c9781a"
GAIN, LOSS = "#1f9d78", "#d9534f"
NEUTRAL = "#7a818b"
"""Colours with a contrast of 3 or more on the page's light and dark ground alike."""
LEFT = 64
"""Pixels for the numbers of the axis: plots over time stand exactly below each other."""
TEXT = "12px"


class Span(NamedTuple):
    """What of time all plots show at first, in milliseconds since the epoch."""

    begin: float
    end: float

    def axis(self) -> Range1d:
        """For all plots that are to be zoomed together; a little wider than the span."""
        margin = max((self.end - self.begin) * 0.01, 1.0)
        begin, end = self.begin - margin, self.end + margin
        return Range1d(start=begin, end=end, bounds=(begin, end))


def milliseconds(microseconds: int) -> float:
    """As plots count time."""
    return microseconds / (SECOND / 1000)


def over_time(axis: Range1d, height: int, numbers: str, values: DataRange1d | None = None) -> figure:
    """An empty plot of values over time; the values' axis follows what is seen, unless `values` says otherwise."""
    plot = _styled(_bare(height, axis, values or DataRange1d(only_visible=True), "datetime"), numbers)
    plot.xaxis.formatter = DatetimeTickFormatter(
        days="%b %d", months="%b %Y", years="%Y", hours="%H:%M", minutes="%H:%M", hourmin="%H:%M"
    )
    _add_tools(plot)
    return plot


def from_zero(down: bool) -> DataRange1d:
    """Shares that begin at 0, which is there even where nothing else is."""
    if down:
        return DataRange1d(only_visible=True, end=0, default_span=0.02)
    return DataRange1d(only_visible=True, start=0, default_span=0.02)


def histogram(height: int, numbers: str, meaning: str) -> figure:
    """An empty plot of counts over values."""
    plot = _styled(_bare(height, DataRange1d(), DataRange1d(start=0), "linear"), "0,0")
    plot.xaxis.formatter = NumeralTickFormatter(format=numbers)
    plot.xaxis.axis_label = meaning
    plot.yaxis.axis_label = "trades"
    plot.yaxis.ticker = BasicTicker(min_interval=1)
    return plot


def hover(
    fields: Mapping[str, str], renderers: Sequence["GlyphRenderer[Any]"], mode: Literal["mouse", "vline"] = "mouse"
) -> HoverTool:
    """Shows these fields of the point under the cursor, as text; times are `@time{%F %H:%M}`."""
    return HoverTool(
        tooltips=list(fields.items()), formatters={"@time": "datetime"}, renderers=list(renderers), mode=mode
    )


def add_legend(plot: figure, lines: Mapping[str, Sequence["GlyphRenderer[Any]"]]) -> None:
    """Between toolbar and plot; a click hides what it names."""
    legend = Legend(
        items=[LegendItem(label=label, renderers=list(renderers)) for label, renderers in lines.items()],
        orientation="horizontal",
        click_policy="hide",
        background_fill_alpha=0,
        border_line_color=None,
        label_text_color=NEUTRAL,
        label_text_font_size=TEXT,
        padding=0,  # type: ignore[arg-type]  # what Bokeh says of its type is not what it takes
        margin=0,
    )
    plot.add_layout(legend, "above")


def add_mark(plot: figure, time: float, words: str, leftwards: bool) -> None:
    """A broken line at this time (milliseconds), and words at its foot on one side of it."""
    plot.add_layout(Line(location=time, dimension="height", line_color=LOSS, line_dash="dashed", line_width=1.5))
    label = Label(
        x=time,
        y=4,
        y_units="screen",
        x_offset=-5 if leftwards else 5,
        text=words,
        text_align="right" if leftwards else "left",
        text_color=LOSS,
        text_font_size=TEXT,
    )
    plot.add_layout(label)


def _bare(height: int, across: Range1d | DataRange1d, up: DataRange1d, kind: Literal["datetime", "linear"]) -> figure:
    return figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=across,
        y_range=up,
        x_axis_type=kind,
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=4,
        min_border_left=LEFT,
    )


def _styled(plot: figure, numbers: str) -> figure:
    plot.toolbar.logo = None
    plot.yaxis.formatter = NumeralTickFormatter(format=numbers)
    plot.grid.grid_line_color = NEUTRAL
    plot.grid.grid_line_alpha = 0.22
    for place in (plot.xaxis, plot.yaxis):
        place.axis_line_color = place.major_tick_line_color = place.minor_tick_line_color = None
        place.major_label_text_color = place.axis_label_text_color = NEUTRAL
        place.major_label_text_font_size = place.axis_label_text_font_size = TEXT
        place.axis_label_text_font_style = "normal"
    return plot


def _add_tools(plot: figure) -> None:
    drag, wheel = BoxZoomTool(dimensions="width"), WheelZoomTool(dimensions="width", modifiers="ctrl")
    plot.add_tools(drag, PanTool(dimensions="width"), wheel, ResetTool(), SaveTool())
    plot.toolbar.active_drag, plot.toolbar.active_scroll = drag, wheel
    plot.toolbar_location = "above"
