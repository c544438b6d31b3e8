"""How far a recording is played."""

from collections.abc import Sequence
from datetime import datetime

from shared.recording.entries import PRICES, Recorded, instants
from shared.schemas.market import CandleRevised


def time_of(entry: Recorded) -> datetime | None:
    """The instant that an entry of the market speaks of; None for any other."""
    if entry.stream != PRICES or entry.kind == CandleRevised.__name__:
        return None
    return datetime.fromisoformat(entry.message["occurred_at"])


def up_to(inputs: Sequence[Recorded], until: datetime) -> list[Recorded]:
    """The inputs before the first bar that closes after `until`."""
    for place, entry in enumerate(inputs):
        time = time_of(entry)
        if time is not None and time > until:
            return list(inputs[:place])
    return list(inputs)


def settled(inputs: Sequence[Recorded]) -> list[Recorded]:
    """Without the last instant of the market and what came after it: its consequences may not all be recorded."""
    groups = instants(inputs)
    for place in range(len(groups) - 1, -1, -1):
        if time_of(groups[place][0]) is not None:
            return [entry for group in groups[:place] for entry in group]
    return []
