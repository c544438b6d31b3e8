"""A run that stopped to trade says so."""

from dataclasses import replace

import numpy as np
from bokeh.models import Label

from backtester.report import headline
from backtester.report.curves import equity_plot
from backtester.report.plots import Span
from backtester.report.stopped import stopped
from backtester.report.words import moment
from backtester.runs.outcome import Outcome
from tests.backtester.report.outcomes import BTC, markets, outcome, plan, trade

MARKETS = markets(bars=200)
BARS = MARKETS[BTC]
EARLY = [trade(BARS, BTC, 10, 20)]
AXIS = Span(0.0, 1.0).axis()


def fallen(to: float, *, at: int = 60, council: str = "rules", back: int = 201) -> Outcome:
    """Equity falls to a share of what it was at a bar, and comes back at another."""
    equity = np.full(201, 10_000.0)
    equity[at:back] *= to
    given = plan(engine="event", council=council)
    return outcome(MARKETS, EARLY, given=given, equity=equity, refusals={})


def test_the_councils_veto_has_the_beginning_of_the_last_stretch_below_its_line() -> None:
    found = headline.halt(fallen(0.84))
    since = moment(int(BARS.open_time[60]))
    assert found == f"No entries since {since}: the council vetoes beyond a drawdown of 15% (COUNCIL_DRAWDOWN_VETO)."
    assert stopped(fallen(0.86)) is None


def test_no_veto_without_the_council_or_where_equity_came_back() -> None:
    assert stopped(fallen(0.84, council="none")) is None
    assert stopped(fallen(0.84, back=150)) is None


def test_an_entry_below_the_line_is_not_explained_away() -> None:
    assert stopped(fallen(0.84, at=5)) is None


def test_the_halt_begins_with_the_exit_that_it_asked_for_and_lasts() -> None:
    halted = replace(trade(BARS, BTC, 30, 61), exit_reason="drawdown")
    made = replace(fallen(0.79, back=150), trades=(*EARLY, halted), refusals={"halted": 7})
    assert headline.halt(made).endswith("the desk halted at a drawdown of 20% (MAX_DRAWDOWN).")
    assert stopped(made) is not None
    assert f"No entries since {moment(int(BARS.open_time[60]))}:" in headline.halt(made)
    again = replace(made, trades=(*made.trades, trade(BARS, BTC, 100, 110)))
    assert stopped(again) is None


def test_the_plot_of_equity_is_marked() -> None:
    labels = equity_plot(fallen(0.84), AXIS).select(Label)
    assert [(one.text, one.x) for one in labels] == [("no entries: council vetoes", BARS.open_time[60] / 1000)]
    assert not list(equity_plot(fallen(0.9), AXIS).select(Label))
