"""Bars begin on their round times in UTC, weeks on Monday."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schemas.base import Timeframe
from shared.timeframes import TIMEFRAMES, above, bar_open, duration, from_microseconds, length, minutes, to_microseconds

MOMENTS = st.datetimes(datetime(1970, 1, 5), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("timeframe", "opened"),
    [
        ("1m", datetime(2022, 1, 5, 13, 47, tzinfo=UTC)),
        ("5m", datetime(2022, 1, 5, 13, 45, tzinfo=UTC)),
        ("4h", datetime(2022, 1, 5, 12, tzinfo=UTC)),
        ("1d", datetime(2022, 1, 5, tzinfo=UTC)),
        ("1w", datetime(2022, 1, 3, tzinfo=UTC)),
    ],
)
def test_a_wednesdays_bars(timeframe: Timeframe, opened: datetime) -> None:
    moment = to_microseconds(datetime(2022, 1, 5, 13, 47, 59, tzinfo=UTC))
    assert from_microseconds(bar_open(timeframe, moment)) == opened


@given(MOMENTS, st.sampled_from(TIMEFRAMES))
def test_a_bar_contains_its_open_and_not_its_close(moment: datetime, timeframe: Timeframe) -> None:
    time = to_microseconds(moment)
    opened = bar_open(timeframe, time)
    assert opened <= time < opened + length(timeframe)
    assert bar_open(timeframe, opened) == opened
    assert bar_open(timeframe, opened + length(timeframe)) == opened + length(timeframe)


@given(MOMENTS)
def test_times_survive_the_way_to_microseconds_and_back(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment


@given(MOMENTS, st.sampled_from(TIMEFRAMES))
def test_a_longer_bar_is_made_of_whole_shorter_ones(moment: datetime, base: Timeframe) -> None:
    for timeframe in above(base):
        opened = bar_open(timeframe, to_microseconds(moment))
        assert bar_open(base, opened) == opened
        assert length(timeframe) % length(base) == 0


def test_lengths_agree_in_every_unit() -> None:
    for timeframe in TIMEFRAMES:
        assert duration(timeframe) == timedelta(minutes=minutes(timeframe)) == timedelta(microseconds=length(timeframe))
