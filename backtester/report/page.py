"""The report: one HTML file that opens anywhere, without any network."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from bokeh.document import Document
from bokeh.embed import components
from bokeh.model import Model
from bokeh.models import Range1d
from bokeh.plotting import figure
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined

from backtester.metrics.luck import Evidence
from backtester.report import assumptions, curves, headline, prices, repeat, results
from backtester.report.candles import drawn
from backtester.report.months import years
from backtester.report.plots import Span, milliseconds
from backtester.report.tables import Table, table
from backtester.report.words import NOT_DEFINED, change, counted, share
from backtester.runs.outcome import Outcome
from shared.errors import ConfigError
from shared.strategies.market import Market

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MOST_MARKED = 6000
"""Trades on the charts of all symbols together."""
OPEN_CHARTS = 3
"""Symbols whose chart is open from the start."""


class Priced(NamedTuple):
    """A symbol's chart: the name of its plot, what it shows in words."""

    symbol: str
    plot: str
    said: str


def write_report(outcome: Outcome, markets: Mapping[str, Market], path: Path) -> None:
    """Write the outcome, with the base bars it was played on by symbol, as one file of 1.4 MB and more.

    A symbol without a market has no chart, which the file says. ConfigError: the file can't be written.
    """
    page = rendered(outcome, markets)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--report {path}: {error.strerror}; name a file in a folder you may write to") from error


def rendered(outcome: Outcome, markets: Mapping[str, Market]) -> str:
    """The page's text. Only its own scripts may run, and nothing may be fetched: its policy names their digests."""
    plots, priced = _plots(outcome, markets)
    draw, places = components(_documented(plots), wrap_script=False)
    environment = Environment(
        loader=PackageLoader("backtester.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [Resources(mode="inline", components=["bokeh"]).js_raw[0], draw]
    scripts.append(environment.loader.get_source(environment, "page.js")[0] if environment.loader else "")
    return environment.get_template("page.html").render(
        outcome=outcome,
        plan=outcome.plan,
        policy=_policy(scripts),
        scripts=scripts,
        places=places,
        priced=priced,
        open_charts=OPEN_CHARTS,
        months=MONTHS,
        years=years(outcome.time, outcome.equity, outcome.hold),
        evidence=evidence_table(outcome.evidence),
        plan_json=json.dumps(outcome.plan.model_dump(mode="json"), indent=1),
        assumptions=assumptions,
        headline=headline,
        results=results,
        repeat=repeat,
        markets=markets,
        change=change,
        counted=counted,
    )


def evidence_table(known: Evidence) -> Table:
    """What the verdict rests on."""
    interval = NOT_DEFINED if known.interval is None else f"{known.interval.low:.2f} to {known.interval.high:.2f}"
    needed = "—" if known.track_record is None else f"{known.track_record:,.0f} needed"
    rows = [
        ("Probability that the true Sharpe ratio is above 0", share(known.probabilistic), f"{known.confidence:.0%}"),
        ("Days of returns", f"{known.periods:,}", needed),
        (f"Annual Sharpe ratio, {known.confidence:.0%} bootstrap interval", interval, "all above 0"),
        ("Trials that are counted", f"{known.trials:,}", "all that were made"),
    ]
    return table("Evidence|#This run|#What would convince", rows)


def _plots(outcome: Outcome, markets: Mapping[str, Market]) -> tuple[dict[str, Model], list[Priced]]:
    axis = Span(milliseconds(int(outcome.time[0])), milliseconds(int(outcome.time[-1]))).axis()
    plots: dict[str, Model] = {
        "equity": curves.equity_plot(outcome, axis),
        "drawdown": curves.drawdown_plot(outcome, axis),
        "exposure": curves.exposure_plot(outcome, axis),
    }
    if outcome.trades:
        plots["results"] = prices.result_histogram(outcome.trades)
        plots["holds"] = prices.hold_histogram(outcome.trades)
    priced: list[Priced] = []
    for symbol in _busiest(outcome):
        if symbol in markets:
            name = f"price{len(priced)}"
            plots[name], said = _price_plot(outcome, symbol, markets[symbol], axis)
            priced.append(Priced(symbol, name, said))
    return plots, priced


def _documented(plots: dict[str, Model]) -> dict[str, Model]:
    """All in one document at once: Bokeh adds them one by one, and walks through all of them each time."""
    document = Document()
    with document.models.freeze():
        for plot in plots.values():
            document.add_root(plot)
    return plots


def _busiest(outcome: Outcome) -> list[str]:
    """Symbols, the most traded first."""
    traded = Counter(trade.symbol for trade in outcome.trades)
    return sorted(outcome.plan.symbols, key=lambda symbol: (-traded[symbol], symbol))


def _price_plot(outcome: Outcome, symbol: str, market: Market, axis: Range1d) -> tuple[figure, str]:
    candles, frame = drawn(market, outcome.plan.base_timeframe, len(outcome.plan.symbols))
    made = [trade for trade in outcome.trades if trade.symbol == symbol]
    trades = made[-MOST_MARKED // len(outcome.plan.symbols) :]
    every = counted(len(made), "trade")
    cut = every if len(trades) == len(made) else f"the latest {len(trades):,} of {every}"
    ways = [results.way_out(trade, outcome) for trade in trades]
    return prices.price_plot(candles, frame, trades, axis, ways), f"{cut}, {frame} candles"


def _policy(scripts: list[str]) -> str:
    digests = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
