"""Hours in which people sleep."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` on the clock of a zone; over midnight where the end is the earlier one."""

    start: time
    end: time
    zone: ZoneInfo

    def until(self, now: datetime) -> datetime | None:
        """The instant (UTC) at which the quiet hours that hold `now` end; None outside of them."""
        today = now.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            starts, ends = self._night(day)
            if starts <= now < ends:
                return ends
        return None

    def _night(self, day: date) -> tuple[datetime, datetime]:
        # Where the clocks change at its edge, the longer reading: an hour that comes twice, or never, is slept through.
        last = day if self.start < self.end else day + timedelta(days=1)
        return min(self._readings(day, self.start)), max(self._readings(last, self.end))

    def _readings(self, day: date, at: time) -> tuple[datetime, ...]:
        return tuple(datetime.combine(day, at, self.zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def quiet_hours(text: str, zone: str) -> QuietHours | None:
    """Of ALERT_QUIET_HOURS and ALERT_TIME_ZONE, both checked already; None where there are none."""
    if not text:
        return None
    start, end = (time.fromisoformat(part) for part in text.split("-"))
    return QuietHours(start, end, ZoneInfo(zone))
