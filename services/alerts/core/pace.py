"""When something is sent, counted, tried again or given up."""

from datetime import datetime, timedelta
from typing import Literal

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""The least first."""

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=30)
MOST_ATTEMPTS = 16
"""Of one alert at one target; with the pauses between them about four hours."""


def wants(least: Severity, severity: Severity) -> bool:
    """Whether a target that hears `least` and worse hears this."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def is_repeat(handed_on: datetime, now: datetime, window: timedelta) -> bool:
    """Whether an alert of this code is counted: one was handed on less than `window` ago."""
    return now - handed_on < window


def pause_after(attempts: int) -> timedelta:
    """What a target gets after so many tries: 10 s doubling up to half an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 20)))
