"""What is kept of a stream entry."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.redis_streams.codec import decode, type_in
from shared.redis_streams.entries import Entry, kind_and_body


class Kept(NamedTuple):
    """A row of `events`, in the order of its columns."""

    time: datetime
    message_id: UUID
    stream: str
    partition: int
    entry: str
    kind: str
    causation_id: UUID | None
    key: str
    body: str
    trace: str


def kept(entry: Entry, partition: int) -> Kept:
    """The row of an entry. Unprocessable where it is no message of its stream."""
    kind, body, trace = kind_and_body(entry)
    message = decode(type_in(entry.stream, kind), body)
    return Kept(
        time=message.occurred_at,
        message_id=message.message_id,
        stream=entry.stream,
        partition=partition,
        entry=entry.entry_id.decode(),
        kind=message.kind,
        causation_id=message.causation_id,
        key=message.key,
        body=body.decode(),
        trace=trace.decode("ascii", "replace"),
    )
