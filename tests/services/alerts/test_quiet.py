from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.core.quiet import QuietHours, quiet_hours

BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def hours(text: str, zone: str = "UTC") -> QuietHours:
    found = quiet_hours(text, zone)
    assert found is not None
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_quiet_hours_it_is_never_quiet() -> None:
    assert quiet_hours("", BERLIN) is None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-05 21:59", None),
        ("2026-01-05 22:00", "2026-01-06 07:00"),
        ("2026-01-06 00:00", "2026-01-06 07:00"),
        ("2026-01-06 06:59", "2026-01-06 07:00"),
        ("2026-01-06 07:00", None),
        ("2026-01-06 12:00", None),
    ],
)
def test_over_midnight(now: str, until: str | None) -> None:
    assert hours("22:00-07:00").until(utc(now)) == (utc(until) if until else None)


def test_within_a_day() -> None:
    siesta = hours("13:00-15:00")
    assert siesta.until(utc("2026-01-05 14:00")) == utc("2026-01-05 15:00")
    assert siesta.until(utc("2026-01-05 12:59")) is None


def test_hours_are_those_of_the_zone_in_summer_and_winter() -> None:
    night = hours("22:00-07:00", BERLIN)
    assert night.until(utc("2026-01-05 21:00")) == utc("2026-01-06 06:00")
    assert night.until(utc("2026-07-05 20:00")) == utc("2026-07-06 05:00")
    assert night.until(utc("2026-07-05 19:59")) is None


def test_the_night_that_loses_an_hour_ends_by_the_new_time() -> None:
    # 2026-03-29: 02:00 becomes 03:00 in Berlin
    assert hours("22:00-07:00", BERLIN).until(utc("2026-03-28 22:00")) == utc("2026-03-29 05:00")


def test_the_night_that_gains_an_hour_ends_by_the_new_time() -> None:
    # 2026-10-25: 03:00 becomes 02:00 in Berlin
    assert hours("22:00-07:00", BERLIN).until(utc("2026-10-24 22:00")) == utc("2026-10-25 06:00")


def test_an_end_that_comes_twice_is_the_second_and_one_that_never_comes_lies_after_the_gap() -> None:
    night = hours("22:00-02:30", BERLIN)
    assert night.until(utc("2026-10-25 00:45")) == utc("2026-10-25 01:30")
    assert night.until(utc("2026-03-29 00:45")) == utc("2026-03-29 01:30")


def test_a_begin_that_comes_twice_is_the_first() -> None:
    night = hours("02:30-07:00", BERLIN)
    assert night.until(utc("2026-10-25 00:29")) is None
    assert night.until(utc("2026-10-25 00:30")) == night.until(utc("2026-10-25 01:15")) == utc("2026-10-25 06:00")


minutes = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")
instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(start=minutes, end=minutes, now=instants, zone=st.sampled_from(ZONES))
def test_where_clocks_run_evenly_the_wall_clock_says_whether_it_is_quiet(
    start: str, end: str, now: datetime, zone: str
) -> None:
    if start == end:
        return
    local = now.astimezone(ZoneInfo(zone))
    around = [(now + timedelta(hours=h)).astimezone(ZoneInfo(zone)).utcoffset() for h in (-49, 0, 49)]
    if len(set(around)) > 1:
        return
    clock = f"{local:%H:%M}"
    wanted = start <= clock < end if start < end else clock >= start or clock < end
    until = hours(f"{start}-{end}", zone).until(now)
    assert (until is not None) is wanted
    if until is not None:
        assert now < until <= now + timedelta(days=1)
        assert f"{until.astimezone(ZoneInfo(zone)):%H:%M}" == end


@given(start=minutes, end=minutes, now=instants, zone=st.sampled_from(ZONES))
def test_the_end_is_the_same_all_through_a_night_and_lies_outside_of_it(
    start: str, end: str, now: datetime, zone: str
) -> None:
    if start == end:
        return
    quiet = hours(f"{start}-{end}", zone)
    until = quiet.until(now)
    if until is None:
        return
    assert quiet.until(until - timedelta(microseconds=1)) == until
    assert quiet.until(now + (until - now) / 2) == until
