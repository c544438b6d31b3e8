"""The report as one file."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from backtester.metrics.performance import METRICS
from backtester.report import headline
from backtester.report.curves import exposed
from backtester.report.page import rendered, write_report
from backtester.report.words import moment
from backtester.runs.trade import OpenTrade
from shared.errors import ConfigError
from shared.strategies.market import Market
from shared.timeframes import MINUTE
from tests.backtester.data.candles import market
from tests.backtester.report.outcomes import BTC, markets, outcome, plan, regular

HOSTILE = "</script><img src=http://evil.example/x onerror=alert(1)>'\"&"
MARKETS = markets(bars=300)


class Page(HTMLParser):
    """Tags with their attributes, the text outside scripts and styles, the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def found(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(rendered(outcome(MARKETS, held={BTC: Decimal("0.5")}), MARKETS))


def test_nothing_is_fetched(page: Page) -> None:
    for tag, attributes in page.tags:
        assert not {"src", "href", "srcset", "data", "action"} & set(attributes), tag
    (policy,) = (one["content"] or "" for one in page.found("meta") if one.get("http-equiv"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]


def test_every_script_is_one_that_the_policy_lets_run(page: Page) -> None:
    (policy,) = (one["content"] or "" for one in page.found("meta") if one.get("http-equiv"))
    assert len(page.scripts) == 3
    assert len(page.scripts[0]) > 1_000_000, "BokehJS itself is not in the page"
    for script in page.scripts:
        assert b64encode(sha256(script.encode()).digest()).decode() in policy


def test_all_that_a_trader_looks_for_is_there(page: Page) -> None:
    order = [
        "BTC/USD at 4h: momentum, swing",
        "Too short to judge",
        "Final equity",
        "Equity and drawdown",
        "Figures",
        "Monthly returns",
        "Trades on the price",
        "What the trades were like",
        "Entries that were refused",
        "What was assumed",
        "To repeat it",
    ]
    places = [page.text.index(words) for words in order]
    assert places == sorted(places)
    for metric in METRICS:
        assert metric.title in page.text
        assert any(one.get("title") == metric.meaning for one in page.found("th"))


def test_the_assumptions_are_there(page: Page) -> None:
    made = outcome(MARKETS)
    for words in (
        *("open of the next bar", "the stop counts", "fills it at that open", "No fill lies outside its bar's range"),
        *("taker fee", "MAX_EXPOSURE", "Least notional", "equal shares of the cash"),
        *(made.candles[BTC].fingerprint, made.code, made.result, "parley backtest --venue file"),
        "Still open at the end: 1 position (0.5 BTC/USD)",
    ):
        assert words in page.text


def test_what_is_still_open_is_a_trade_that_says_so() -> None:
    left = OpenTrade(
        symbol=BTC,
        entry_time=int(MARKETS[BTC].open_time[200]),
        quantity=Decimal("0.5"),
        entry_price=Decimal("101.25"),
        fees=Decimal("0.13"),
        price=Decimal("99.75"),
        pnl=Decimal("-0.88"),
    )
    held = outcome(MARKETS, held={BTC: Decimal("0.5")}, open_trades=(left,))
    text = Page(rendered(held, MARKETS)).text
    _, _, table = text.partition("Still open at the end Entry")
    row = f"{moment(left.entry_time)} still open BTC/USD long 0.5 101.25 99.75 0.13 -0.88 -1.74%"
    assert row in table
    assert "No figure about trades has them" in table
    assert "are not in it" not in text
    (without,) = (exposed(outcome(MARKETS))[-1],)
    assert exposed(held)[-1] == pytest.approx(without + 0.5 * 101.25 / held.equity[-1])


def test_hostile_text_stays_text() -> None:
    trades = [replace(one, exit_reason=HOSTILE, shares={HOSTILE: 1.0}) for one in regular(MARKETS)]
    choices = [{"name": "momentum", "params": {HOSTILE: HOSTILE}, "weight": 1.0}]
    given = plan().model_copy(update={"council": f"replay:{HOSTILE}"})
    given = given.model_validate(given.model_dump() | {"strategies": choices})
    made = outcome(MARKETS, trades, given=given, refusals={HOSTILE: 3}, code=HOSTILE)
    page = Page(rendered(made, MARKETS))
    assert not list(page.found("img"))
    assert len(page.scripts) == 3
    assert page.text.count(HOSTILE) > len(trades)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_a_flat_run_says_what_is_not_defined() -> None:
    made = outcome(MARKETS, [], refusals={}, equity=np.full(301, 10_000.0))
    text = Page(rendered(made, MARKETS)).text
    assert "It earned nothing" in text
    assert "not defined" in text
    assert "No trade was closed." in text
    assert "nan" not in text.lower().split()


def test_a_single_bar_is_a_report() -> None:
    one = markets(bars=1)
    assert "1 h" in Page(rendered(outcome(one), one)).text


def test_thirty_symbols_each_have_a_chart_and_few_are_open() -> None:
    many = markets([f"C{number}/USD" for number in range(30)], 200)
    page = Page(rendered(outcome(many), many))
    charts = [one for one in page.found("figure") if (one["aria-label"] or "").startswith("Price and trades of ")]
    assert len(charts) == 30
    assert sum("open" in one for one in page.found("details")) == 3
    assert "C0/USD, C1/USD, C2/USD, C3/USD and 26 more at 4h" in page.text


def test_candles_that_are_gone_are_said() -> None:
    text = Page(rendered(outcome(MARKETS), {})).text
    assert "Without a chart, for want of the candles that were played: BTC/USD." in text


def test_a_year_of_minutes_is_a_small_file(tmp_path: Path) -> None:
    played = market(525_600)
    played = Market(
        played.open_time,
        *(np.round(getattr(played, name), 2) for name in ("open", "high", "low", "close")),
        played.volume,
    )
    year = {BTC: played}
    made = outcome(
        year,
        regular(year, every=60),
        given=plan(base_timeframe="1m"),
        time=np.append(played.open_time, played.open_time[-1] + MINUTE),
    )
    write_report(made, year, tmp_path / "year.html")
    assert len(made.trades) > 8000
    assert (tmp_path / "year.html").stat().st_size < 4_000_000


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--report .*/none/a\.html: No such file or directory; name a file in a"):
        write_report(outcome(MARKETS), MARKETS, tmp_path / "none" / "a.html")


@pytest.mark.parametrize(
    ("drift", "answer", "tone"),
    [
        (0.004, "hard to explain by luck", "sound"),
        (-0.004, "lost, and luck does not explain it", "lost"),
        (0.0001, "could be luck", "doubtful"),
    ],
)
def test_a_verdict_looks_like_what_it_says(drift: float, answer: str, tone: str) -> None:
    long = markets(bars=1500)
    made = outcome(long, drift=drift)
    page = Page(rendered(made, long))
    assert made.verdict.answer == answer
    assert any(one.get("class") == f"verdict {tone}" for one in page.found("section"))
    assert answer.capitalize() in page.text


def test_a_run_that_stopped_and_one_that_warmed_up_say_so_under_the_headline() -> None:
    fallen, given = np.r_[10_000.0, np.full(300, 8_000.0)], plan(council="rules", engine="event")
    made = outcome(MARKETS, [], equity=fallen, given=given)
    text = Page(rendered(made, MARKETS)).text
    assert "No entries since 2022-01-01 01:00: the council vetoes" in text
    assert text.index("No entries since") < text.index("Final equity")
    assert "every strategy was warming up" in text
    calm = outcome(markets(bars=40_000), [], given=plan(timeframe="1h"))
    assert "warming up" in headline.warmed(replace(calm, plan=plan(timeframe="4h")))
    assert headline.warmed(replace(calm, time=calm.time + calm.time[-1] - calm.time[0])) == ""
