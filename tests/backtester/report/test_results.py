"""Tables of results."""

from dataclasses import replace
from decimal import Decimal
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.metrics.performance import METRICS
from backtester.report import results
from backtester.report.tables import Table
from backtester.report.words import NOT_DEFINED
from tests.backtester.report.outcomes import markets, outcome, plan, regular

MARKETS = markets(("BTC/USD", "ETH/USD"), 400)
TRADES = regular(MARKETS)


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcd"), st.floats(-1, 1, allow_subnormal=False), max_size=4),
        min_size=len(TRADES),
        max_size=len(TRADES),
    )
)
def test_what_strategies_earned_adds_up_to_what_trades_earned(shares: list[dict[str, float]]) -> None:
    trades = [replace(trade, shares=parts) for trade, parts in zip(TRADES, shares, strict=True)]
    credited = results.credits(trades)
    assert isclose(sum(one.pnl for one in credited.values()), float(sum(trade.pnl for trade in trades)), rel_tol=1e-9)
    against = sum(not any(part > 0 for part in parts.values()) for parts in shares)
    assert credited.get(results.UNCREDITED, results.Credit(0, 0, 0.0)).trades == against


def test_a_strategy_gets_its_share() -> None:
    trade = replace(TRADES[0], pnl=Decimal(100), shares={"a": 0.6, "b": 0.2, "c": -0.2})
    assert {name: (one.trades, one.won, round(one.pnl, 9)) for name, one in results.credits([trade]).items()} == {
        "a": (1, 1, 75.0),
        "b": (1, 1, 25.0),
    }


def test_a_strategy_that_never_spoke_is_listed() -> None:
    mine = [replace(trade, shares={"momentum": 1.0}) for trade in TRADES]
    rows = texts(results.by_strategy(outcome(MARKETS, mine)))
    assert [row[0] for row in rows] == ["momentum", "swing"]
    assert rows[1] == ["swing", "0", NOT_DEFINED, "0.00", "+0.00%"]


def test_trades_without_shares_are_not_credited_to_anyone() -> None:
    told = results.by_strategy(outcome(MARKETS, [replace(trade, shares={}) for trade in TRADES]))
    assert [row[0] for row in texts(told)] == [results.UNCREDITED]
    assert "do not say which strategy" in told.note


def test_ways_out_and_symbols_each_hold_every_trade_once() -> None:
    made = outcome(MARKETS, TRADES)
    for table in (results.by_exit(made), results.by_symbol(made)):
        rows = texts(table)
        assert sum(int(row[1]) for row in rows) == len(TRADES)
        assert sum(Decimal(row[3].replace(",", "")) for row in rows) == pytest.approx(
            sum(trade.pnl for trade in TRADES), abs=Decimal("0.02")
        )
    assert {row[0] for row in texts(results.by_symbol(made))} == set(MARKETS)


def test_every_figure_stands_beside_buying_and_holding_with_its_meaning() -> None:
    drawn = results.figures(outcome(MARKETS, []))
    rows = {row[0]: row[1:] for row in texts(drawn)}
    assert list(rows) == [metric.title for metric in METRICS]
    assert list(drawn.hints) == [metric.meaning for metric in METRICS]
    assert rows["Win rate"] == [NOT_DEFINED, NOT_DEFINED]
    assert rows["Time in market"] == ["0.00%", "100.00%"]


def test_only_the_latest_trades_are_listed_and_it_is_said() -> None:
    many = [replace(TRADES[0], exit_reason=str(number)) for number in range(results.MOST_TRADES + 1)]
    cut = results.trades_table(outcome(MARKETS, many))
    assert len(cut.rows) == results.MOST_TRADES
    assert (cut.rows[0][-1].text, cut.rows[-1][-1].text) == ("1", "2000")
    assert cut.note == "Only the latest 2,000 of 2,001 trades are listed."
    assert results.trades_table(outcome(MARKETS, many[1:])).note == ""


def test_a_trade_in_words() -> None:
    first = replace(TRADES[0], side=-1, pnl=Decimal("-12.5"), quantity=Decimal("0.5"), entry_price=Decimal(1250))
    (row,) = texts(results.trades_table(outcome(MARKETS, [first])))
    assert row[:6] == ["2022-01-01 05:00", "2022-01-01 14:00", "BTC/USD", "short", "0.5", "1,250"]
    assert row[8:] == ["-12.50", "-2.00%", "9 h", "target" if first.exit_reason == "target" else first.exit_reason]


def test_refusals_are_ordered_by_how_often() -> None:
    assert texts(results.refused(outcome(MARKETS, [], refusals={"cash": 3, "already_open": 1200}))) == [
        ["already open", "1,200"],
        ["cash", "3"],
    ]


def test_holding_in_words() -> None:
    assert results.holding([]) == ""
    assert results.holding(TRADES) == "Held from 9 h to 9 h, half of them no longer than 9 h."


def test_without_a_council_the_signal_is_what_closed_a_trade() -> None:
    closed = [replace(TRADES[0], exit_reason="council")]
    for council, way in (("none", "signal"), ("rules", "council")):
        made = outcome(MARKETS, closed, given=plan(tuple(MARKETS), engine="event", council=council))
        assert texts(results.by_exit(made))[0][0] == way
        assert texts(results.trades_table(made))[0][-1] == way


def test_a_breakeven_exit_is_explained_where_there_is_one() -> None:
    even = [replace(TRADES[0], exit_reason="breakeven")]
    assert "fees not covered" in results.by_exit(outcome(MARKETS, even)).note
    assert results.by_exit(outcome(MARKETS, [replace(TRADES[0], exit_reason="stop")])).note == ""


def test_the_share_of_a_loser_is_below_zero() -> None:
    won, lost = replace(TRADES[0], pnl=Decimal(30), shares={"momentum": 1}), replace(TRADES[1], shares={"swing": 1})
    rows = texts(results.by_strategy(outcome(MARKETS, [won, replace(lost, pnl=Decimal(-70))])))
    assert [(row[0], row[2], row[4]) for row in rows] == [("momentum", "100%", "+30.00%"), ("swing", "0%", "-70.00%")]
