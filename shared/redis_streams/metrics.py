"""What Prometheus sees of the bus."""

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import Counter, Histogram

from shared.redis_streams.entries import Settled

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

MESSAGES = Counter("parley_messages_total", "messages settled", ["group", "kind", "outcome"])
BATCH_SECONDS = Histogram("parley_batch_seconds", "reading to commit of one batch", ["group"], buckets=_SECONDS)
BATCH_MESSAGES = Histogram(
    "parley_batch_messages", "messages of one batch", ["group"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
RETRIES = Counter("parley_retries_total", "pauses after a failure", ["group", "reason"])
DEAD = Counter("parley_dead_letters_total", "messages buried", ["group", "kind"])
LOST = Counter("parley_lost_entries_total", "entries trimmed while pending", ["group"])


def count_batch(group: str, batch: Sequence[Settled], seconds: float) -> None:
    """Once per batch, so that the hot path pays nothing per message."""
    for (kind, outcome), count in Tally((settled.kind, settled.outcome) for settled in batch).items():
        MESSAGES.labels(group, kind, outcome).inc(count)
        if outcome == "buried":
            DEAD.labels(group, kind).inc(count)
    BATCH_SECONDS.labels(group).observe(seconds)
    BATCH_MESSAGES.labels(group).observe(len(batch))
