"""Every bar that can't be is found and named; a good one never is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.data.checks import BadCandles, Findings, checked, findings, gaps, sifted
from backtester.data.rows import VALUES, Rows
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import MINUTE, SECOND
from tests.backtester.data.candles import NOW, START, market, markets, rows

DAY = 1440 * MINUTE


def spoiled(at: int, **values: float) -> Rows:
    """Twenty good bars of which one is not."""
    good = rows(market(20), "a.csv")
    columns = {name: getattr(good, name).copy() for name in values}
    for name, value in values.items():
        columns[name][at] = value
    return replace(good, **columns)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"open_time": START + 2 * MINUTE}, "field time: 2022-01-01 00:02 stands in a row before it"),
        ({"open_time": START - 2 * MINUTE}, "field time: 2021-12-31 23:58 is older than a row before it"),
        ({"open_time": START + 3 * MINUTE + SECOND}, "field time: 2022-01-01 00:03 is off the grid, a 1m bar"),
        ({"low": 500.0}, "field high: "),
        ({"high": 1.0, "low": 0.5}, "lies outside low to high"),
        ({"open": float("nan")}, "field open: nan is not finite"),
        ({"high": float("inf")}, "field high: inf is not finite"),
        ({"low": 0.0}, "field low: 0.0 is not above zero"),
        ({"close": -3.0}, "field close: -3.0 is not above zero"),
        ({"volume": -1.0}, "field volume: -1.0 is negative"),
        ({"volume": float("nan")}, "field volume: nan is not finite"),
    ],
    ids=str,
)
def test_a_bad_bar_is_named_by_file_line_and_field(values: dict[str, float], said: str) -> None:
    found = findings(spoiled(3, **values), "1m", NOW)
    assert said in str(found)
    assert all(line.startswith("a.csv, line 5, field ") for line in found.first)
    with pytest.raises(BadCandles, match=f"nothing is stored, {found.count} findings:"):
        checked(spoiled(3, **values), "1m", NOW)


def test_a_bar_is_closed_once_its_length_has_passed() -> None:
    bars = rows(market(3), "a.csv")
    assert findings(bars, "1m", START + 3 * MINUTE).count == 0
    found = findings(bars, "1m", START + 3 * MINUTE - 1)
    assert found.first == (
        "a.csv, line 4, field time: 2022-01-01 00:02 is of a 1m bar that has not closed yet; take it out",
    )


@pytest.mark.parametrize(
    ("day", "timeframe", "good"), [(2, "1w", True), (0, "1w", False), (5, "1w", False), (0, "1d", True)]
)
def test_weeks_open_on_a_monday(day: int, timeframe: Timeframe, good: bool) -> None:
    one = market(1)
    bar = rows(replace(one, open_time=one.open_time + day * DAY))
    assert (findings(bar, timeframe, NOW).count == 0) == good


def test_twenty_findings_are_listed_in_the_order_of_rows_and_the_rest_counted() -> None:
    bars = rows(market(60))
    wrong = replace(bars, volume=-bars.volume - 1, open=np.where(np.arange(60) < 5, np.nan, bars.open))
    found = findings(wrong, "1m", NOW)
    assert (found.count, len(found.first)) == (65, 20)
    assert str(found).endswith("and 45 more")
    assert found.first[0].startswith("bars, line 2, field open: nan")
    assert found.first[1].startswith("bars, line 2, field volume: ")
    assert found.first[-1].startswith("bars, line 16, field volume: ")


def test_the_good_bars_of_a_venues_answer_are_kept() -> None:
    good, wrong = sifted(spoiled(3, close=-3.0), "1m", NOW)
    assert (len(good.market), wrong.count) == (19, 2)
    assert START + 3 * MINUTE not in good.market.open_time


def test_rows_are_held_against_the_newest_before_them() -> None:
    times = START + np.array([0, 1, 9, 2, 9, 10]) * MINUTE
    good, wrong = sifted(replace(rows(market(6)), open_time=times), "1m", NOW)
    assert [line.split(":")[0] for line in wrong.first] == ["bars, line 5, field time", "bars, line 6, field time"]
    assert good.market.open_time.tolist() == times[[0, 1, 2, 5]].tolist()


@given(bars=markets())
def test_what_can_be_is_never_refused(bars: Market) -> None:
    assert findings(rows(bars), "1m", NOW).count == 0


SPOILT = st.one_of(
    st.tuples(st.just("open_time"), st.integers(-10, 100 * 60).map(lambda seconds: START + seconds * SECOND)),
    st.tuples(st.sampled_from(VALUES), st.floats() | st.floats(-10, 10)),
)


@given(bars=markets(), at=st.integers(0, 29), spoilt=SPOILT)
def test_what_passes_makes_a_market_whatever_was_changed(bars: Market, at: int, spoilt: tuple[str, float]) -> None:
    field, value = spoilt
    column = getattr(bars, field).copy()
    column[at % len(bars)] = value
    good, wrong = sifted(replace(rows(bars), **{field: column}), "1m", NOW)
    assert (wrong.count == 0) == (len(good.market) == len(bars))


def test_gaps_are_stretches() -> None:
    times = START + np.array([0, 2, 5, 6, 7, 20]) * MINUTE
    assert [(gap.start, gap.end, gap.bars) for gap in gaps(times, "1m")] == [
        (START + 1 * MINUTE, START + 2 * MINUTE, 1),
        (START + 3 * MINUTE, START + 5 * MINUTE, 2),
        (START + 8 * MINUTE, START + 20 * MINUTE, 12),
    ]
    assert gaps(times[:1], "1m") == ()
    assert gaps(times[:0], "1m") == ()


def test_a_file_that_is_newest_first_is_one_finding() -> None:
    bars = rows(market(500)).only(np.arange(499, -1, -1))
    assert findings(bars, "1m", NOW) == Findings(1, ("bars: the file is newest first; sort it ascending",))
    bad = replace(bars, volume=np.where(np.arange(500) == 7, -1.0, bars.volume))
    assert findings(bad, "1m", NOW).first[1:] == ("bars, line 494, field volume: -1.0 is negative; correct it",)
    assert findings(bars.only(np.arange(500) != 0), "1m", NOW).count == 1
    mixed = findings(bars.only(np.r_[1, 0, 2:500]), "1m", NOW)
    assert mixed.count == 498
