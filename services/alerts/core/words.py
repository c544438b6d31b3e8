"""Alerts put into words: one as a message, several as a digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from services.alerts.core.advice import advice
from services.alerts.core.pace import SEVERITIES, Severity

LONGEST_BODY = 1_900
"""Characters; Discord takes 2,000."""
LONGEST_ALONE, LONGEST_IN_DIGEST, LONGEST_CODE = 900, 160, 40
ROOM_FOR_LINES = 1_300
"""Of a digest; the rest of its body is what stands around the lines."""

UNCERTAIN = "This may have reached you before: it was not known whether it arrived."


class Due(NamedTuple):
    """An alert to send. `times` counts it and its repeats so far, `earlier` repeats that no message has told of yet."""

    alert_id: UUID
    time: datetime
    last_time: datetime
    severity: Severity
    code: str
    text: str
    times: int
    earlier: int
    attempts: int
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What a digest says of one code. `text` is that of the newest."""

    severity: Severity
    code: str
    text: str
    times: int
    earlier: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """Who speaks. `kind` says what its money is worth, `zone` is the reader's."""

    name: str
    kind: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Words:
    """A message; `severity` is the worst of what it tells."""

    severity: Severity
    title: str
    body: str


def lines(due: Sequence[Due]) -> list[Line]:
    """One for each code and severity, the worst first, then the oldest."""

    def key(alert: Due) -> tuple[str, str]:
        return alert.code, alert.severity

    found = [_line(list(same)) for _, same in groupby(sorted(due, key=key), key=key)]
    return sorted(found, key=lambda line: (-SEVERITIES.index(line.severity), line.first, line.code))


def _line(same: Sequence[Due]) -> Line:
    newest = max(same, key=lambda alert: alert.time)
    return Line(
        severity=newest.severity,
        code=newest.code,
        text=newest.text,
        times=sum(alert.times for alert in same),
        earlier=sum(alert.earlier for alert in same),
        first=min(alert.time for alert in same),
        last=max(alert.last_time for alert in same),
    )


def words(due: Sequence[Due], desk: Desk) -> Words:
    """What is due, as one message: what, which desk, since when, what to do. At most LONGEST_BODY characters."""
    found = lines(due)
    worst = found[0].severity
    uncertain = [UNCERTAIN] if any(alert.uncertain for alert in due) else []
    if len(found) == 1:
        title = f"Parley, desk {desk.name}: {worst}, {_short(found[0].code, LONGEST_CODE)}"
        return Words(worst, title, "\n".join([*_alone(found[0], desk), *uncertain]))
    title = f"Parley, desk {desk.name}: {sum(line.times for line in found)} alerts, the worst is {worst}"
    return Words(worst, title, "\n".join([*_digest(found, desk), *uncertain]))


def trial_words(now: datetime, desk: Desk) -> Words:
    """A message that nobody takes for an alert."""
    body = (
        "This is a test: somebody ran `parley alerts test`. Nothing is wrong.",
        f"Desk: {desk.name} ({desk.kind})",
        f"Since: {_moment(now, desk.zone)}",
        "What to do: nothing.",
    )
    return Words("info", f"Parley, desk {desk.name}: TEST", "\n".join(body))


def _alone(line: Line, desk: Desk) -> list[str]:
    return [
        _short(line.text, LONGEST_ALONE),
        f"Desk: {desk.name} ({desk.kind})",
        f"Since: {_moment(line.first, desk.zone)}{_counted(line, desk.zone)}",
        f"What to do: {advice(line.code)}",
    ]


def _digest(found: Sequence[Line], desk: Desk) -> list[str]:
    shown: list[str] = []
    for line in found:
        said = _told(line, desk.zone)
        if sum(map(len, shown)) + len(said) > ROOM_FOR_LINES:
            break
        shown.append(said)
    left = sum(line.times for line in found[len(shown) :])
    return [
        f"Desk: {desk.name} ({desk.kind})",
        *shown,
        *([f"and {left} more"] if left else []),
        f"What to do first: {advice(found[0].code)} `parley alerts` lists them all.",
    ]


def _told(line: Line, zone: tzinfo) -> str:
    what = f"{line.severity}, {_short(line.code, LONGEST_CODE)}: {_short(line.text, LONGEST_IN_DIGEST)}"
    return f"- {what} (since {_moment(line.first, zone)}{_counted(line, zone)})"


def _counted(line: Line, zone: tzinfo) -> str:
    said = f", {line.times} times, last {_moment(line.last, zone)}" if line.times > 1 else ""
    return said + (f", and {line.earlier} times more after the last message" if line.earlier else "")


def _moment(time: datetime, zone: tzinfo) -> str:
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
