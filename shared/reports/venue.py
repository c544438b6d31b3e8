"""How the venue is, from what the processes that listen to it say in their heartbeats."""

from collections.abc import Sequence
from datetime import datetime

from shared.heartbeat import Heartbeat

LISTENER = "market_data"
SILENT = f"unknown: no {LISTENER} process says how the venue is"


def venue_trouble(said: Sequence[Heartbeat], now: datetime) -> str | None:
    """What is amiss, as a sentence with its cause; None where one listener is content: one that works is enough."""
    listening = [beat for beat in said if beat.service == LISTENER and beat.is_fresh(now)]
    if not listening:
        return SILENT
    return min((_trouble(beat) for beat in listening), key=bool) or None


def _trouble(beat: Heartbeat) -> str:
    """Empty where it is well. The word on the venue comes before that on loops, which may only follow from it."""
    if beat.status == "ok":
        return ""
    troubles = beat.detail.get("troubles") or {}
    if venue := troubles.get("venue"):
        return str(venue)
    if troubles:
        return "; ".join(f"{beat.service}: {name}: {text}" for name, text in sorted(troubles.items()))
    if stale := beat.detail.get("stale"):
        return f"no news from the venue for {', '.join(map(str, stale))}"
    if beat.detail.get("ended_until") is None:
        return f"{beat.service} is connecting to {beat.detail.get('venue', 'the venue')} and has no answer yet"
    return f"{beat.service} is {beat.status}"
