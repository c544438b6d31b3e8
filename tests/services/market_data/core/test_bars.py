"""Long bars are what their short bars add up to."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.market_data.core.bars import Bar, Named, aggregate
from services.market_data.core.instants import Ended, Progress, ending, rebuilt
from shared.schemas.base import Timeframe
from shared.timeframes import MINUTE, TIMEFRAMES, bar_open, length

MONDAY = 1_640_995_200_000_000 + 2 * 24 * 60 * MINUTE
"""2022-01-03 00:00"""


def bar(minute: int, *prices: int, volume: int = 1, start: int = MONDAY) -> Bar:
    opened, high, low, close = (Decimal(price) for price in prices)
    return Bar(start + minute * MINUTE, opened, high, low, close, Decimal(volume))


@st.composite
def bars(draw: st.DrawFn, least: int = 1, most: int = 40) -> list[Bar]:
    """Bars at some of consecutive minutes."""
    minutes = sorted(draw(st.sets(st.integers(0, 3 * 60), min_size=least, max_size=most)))
    made = []
    for minute in minutes:
        low, first, last, high = sorted(draw(st.lists(st.integers(1, 10**6), min_size=4, max_size=4)))
        opened, close = draw(st.sampled_from([(first, last), (last, first)]))
        made.append(bar(minute, opened, high, low, close, volume=draw(st.integers(0, 10**6))))
    return made


def naive(opened: int, parts: Sequence[Bar]) -> Bar:
    return Bar(
        opened,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum((part.volume for part in parts), Decimal(0)),
    )


@given(bars())
def test_an_aggregate_is_what_a_naive_computation_says(parts: list[Bar]) -> None:
    assert aggregate(MONDAY, parts) == naive(MONDAY, parts)


@given(bars(least=2), st.data())
def test_aggregating_aggregates_gives_the_same(parts: list[Bar], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(parts) - 1))
    halves = [aggregate(half[0].open_time, half) for half in (parts[:cut], parts[cut:])]
    assert aggregate(MONDAY, halves) == aggregate(MONDAY, parts)


def test_nothing_has_no_aggregate() -> None:
    with pytest.raises(ValueError, match="not enough"):
        aggregate(MONDAY, [])


def ended_by_steps(parts: Sequence[Bar], until: int, known_from: int = MONDAY) -> list[Ended]:
    """Every instant up to `until`, one after the other, of one symbol."""
    by_open = {part.open_time: part for part in parts}
    progress = Progress("1m", MONDAY, {"BTC/USD": known_from}, {})
    instants = []
    for time in progress.due(until):
        closing = by_open.get(time - MINUTE)
        ended, progress = progress.after(time, {} if closing is None else {"BTC/USD": closing})
        instants.append(ended)
    return instants


@given(bars(most=120))
def test_each_longer_bar_is_the_naive_aggregate_of_its_minutes(parts: list[Bar]) -> None:
    found = {
        (named.timeframe, named.bar.open_time): named.bar
        for ended in ended_by_steps(parts, MONDAY + 4 * 60 * MINUTE)
        for named in ended.bars
    }
    wanted = {}
    for timeframe in ("1m", "5m", "15m", "30m", "1h", "4h"):
        frame: Timeframe = timeframe
        for opened in {bar_open(frame, part.open_time) for part in parts}:
            inside = [part for part in parts if opened <= part.open_time < opened + length(frame)]
            wanted[frame, opened] = naive(opened, inside)
    assert found == wanted


@given(bars(most=60), st.integers(1, 4 * 60))
def test_a_restart_at_any_minute_goes_on_with_the_same_bars(parts: list[Bar], minute: int) -> None:
    time = MONDAY + minute * MINUTE
    before = [Named("BTC/USD", "1m", part) for part in parts if part.open_time < time]
    progress = rebuilt("1m", time, {"BTC/USD": MONDAY}, before)
    rest: list[Ended] = []
    by_open = {part.open_time: part for part in parts}
    for instant in progress.due(MONDAY + 4 * 60 * MINUTE):
        closing = by_open.get(instant - MINUTE)
        ended, progress = progress.after(instant, {} if closing is None else {"BTC/USD": closing})
        rest.append(ended)
    assert rest == [ended for ended in ended_by_steps(parts, MONDAY + 4 * 60 * MINUTE) if ended.time > time]


def test_a_bar_that_began_before_the_first_known_minute_is_never_complete() -> None:
    parts = [bar(minute, 10, 12, 9, 11) for minute in range(3, 15)]
    ended = ended_by_steps(parts, MONDAY + 15 * MINUTE, known_from=MONDAY + 3 * MINUTE)
    closed = [(named.timeframe, (named.bar.open_time - MONDAY) // MINUTE) for end in ended for named in end.bars]
    assert [name for name in closed if name[0] != "1m"] == [("5m", 5), ("5m", 10)]


def test_a_gap_at_the_end_of_a_longer_bar_does_not_keep_it_open() -> None:
    (ended,) = [
        e for e in ended_by_steps([bar(0, 10, 12, 9, 11)], MONDAY + 5 * MINUTE) if e.bars and e.time > MONDAY + MINUTE
    ]
    assert ended.time == MONDAY + 5 * MINUTE
    assert [(named.timeframe, named.bar.close) for named in ended.bars] == [("5m", Decimal(11))]


def test_every_timeframe_ends_when_a_week_ends_on_monday() -> None:
    assert ending("1m", MONDAY) == TIMEFRAMES
    assert ending("1m", MONDAY + 24 * 60 * MINUTE) == TIMEFRAMES[:-1]
    assert ending("1m", MONDAY + 7 * MINUTE) == ("1m",)
    assert ending("5m", MONDAY + 15 * MINUTE) == ("5m", "15m")


def test_symbols_are_sorted_and_a_symbol_without_a_bar_is_missing() -> None:
    known_from = {"ETH/USD": MONDAY, "BTC/USD": MONDAY, "ADA/USD": MONDAY}
    progress = Progress("1m", MONDAY, known_from, {})
    closing = bar(0, 10, 12, 9, 11)
    ended, _ = progress.after(MONDAY + MINUTE, {"ETH/USD": closing, "BTC/USD": closing})
    assert ended.symbols("1m") == ("BTC/USD", "ETH/USD")
