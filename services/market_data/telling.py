"""What market_data says of the venue in its health, in words for people."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.market_data.adapters.venue import LONGEST_PAUSE, Outage

OVER_AFTER = timedelta(seconds=LONGEST_PAUSE)
"""Sockets that are heard so long after REST failed last: what is not asked again can't say that it is well."""


def trouble(
    venue: str, rest: Outage | None, sockets: Mapping[str, Outage], count: int, quiet_for: float | None, now: datetime
) -> str | None:
    """One sentence with the cause, None while the venue answers. `count` is how many subscriptions there are.

    A venue that answers no question and is not heard either can't be reached; else only a part of it is down.
    """
    if rest and quiet_for is not None and now - timedelta(seconds=quiet_for) > rest.last + OVER_AFTER:
        rest = None
    if sockets and len(sockets) == count:
        first = min([*sockets.values(), *([rest] if rest else [])], key=lambda outage: outage.since)
        return f"{venue} can't be reached since {_when(first.since, now)}: {(rest or first).cause}"
    if rest and not count:
        return f"{venue} can't be reached since {_when(rest.since, now)}: {rest.cause}"
    if rest:
        return f"{venue} answers no questions since {_when(rest.since, now)}: {rest.cause}"
    if sockets:
        name, first = min(sockets.items(), key=lambda item: item[1].since)
        return (
            f"{venue}: {len(sockets)} of {count} subscriptions are down; {name} since {_when(first.since, now)}: "
            + (first.cause)
        )
    return None


def _when(since: datetime, now: datetime) -> str:
    day = "" if now - since < timedelta(hours=12) else f"{since.astimezone(UTC):%Y-%m-%d} "
    return f"{day}{since.astimezone(UTC):%H:%M} UTC"
