"""Returns of months and years."""

from datetime import UTC, datetime
from math import prod

import numpy as np
import pytest

from backtester.report.months import Year, years
from shared.timeframes import to_microseconds


def at(*moments: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([to_microseconds(datetime.fromisoformat(moment).replace(tzinfo=UTC)) for moment in moments])


def told(year: Year) -> dict[int, float]:
    return {place + 1: round(value, 9) for place, value in enumerate(year.months) if value is not None}


def test_midnight_belongs_to_the_month_that_it_ends() -> None:
    time = at("2021-12-30", "2022-01-01", "2022-02-01", "2022-02-01 00:01")
    old, new = years(time, np.array([100.0, 110.0, 121.0, 242.0]), np.array([100.0, 100.0, 50.0, 50.0]))
    assert (old.year, told(old), old.hold) == (2021, {12: 0.1}, 0.0)
    assert (new.year, told(new), new.hold) == (2022, {1: 0.1, 2: 1.0}, -0.5)
    assert (old.whole, new.whole) == (pytest.approx(0.1), pytest.approx(1.2))


def test_months_compound_to_their_year_and_years_to_the_return() -> None:
    time = at("2020-11-15")[0] + np.arange(600) * 86_400_000_000
    equity = 1000 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 600)))
    found = years(time, equity, equity)
    assert [year.year for year in found] == [2020, 2021, 2022]
    for year in found:
        assert prod(1 + value for value in told(year).values()) == pytest.approx(1 + (year.whole or 0))
    assert prod(1 + (year.whole or 0) for year in found) == pytest.approx(equity[-1] / equity[0])


def test_one_value_earned_nothing() -> None:
    (year,) = years(at("2022-03-01"), np.array([100.0]), np.array([100.0]))
    assert (told(year), year.whole) == ({3: 0.0}, 0.0)


def test_nothing_can_be_earned_on_nothing() -> None:
    time = at("2022-01-01", "2022-01-31", "2022-02-28", "2022-03-30")
    (year,) = years(time, np.array([100.0, 50.0, -5.0, -5.0]), np.full(4, 100.0))
    assert told(year) == {1: -0.5, 2: -1.1}
    assert year.months[2] is None


def test_less_than_a_day_of_another_year_gets_no_row() -> None:
    time = at("2021-12-31 23:01", "2022-01-01", "2022-02-01", "2023-01-01", "2023-01-01 05:00")
    (year,) = years(time, np.array([100.0, 110.0, 121.0, 121.0, 242.0]), np.full(5, 100.0))
    assert (year.year, told(year), year.whole) == (2022, {1: 0.21, 12: 1.0}, pytest.approx(1.42))
    assert len(years(time[:2], np.array([100.0, 110.0]), np.full(2, 100.0))) == 1
