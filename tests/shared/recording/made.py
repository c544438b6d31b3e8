"""Recorded entries made of good messages."""

from shared.recording.entries import Recorded, recorded
from shared.recording.file import Recording
from shared.redis_streams.codec import Outgoing
from shared.schemas.base import Message
from shared.topology import BY_MESSAGE, partition_of

PARTITIONS = 8


def entry(message: Message, millisecond: int = 0, sequence: int = 0, trace: str = "") -> Recorded:
    """As if it had been published then."""
    stream, partition = BY_MESSAGE[type(message)].name, partition_of(message.key, PARTITIONS)
    body = message.model_dump_json().encode()
    fields = Outgoing("", partition, message.message_id, message.kind, body, trace).fields()
    raw = [part.encode() if isinstance(part, str) else part for part in fields]
    return recorded(stream, partition, f"{millisecond}-{sequence}".encode(), raw)


def recording(*entries: Recorded) -> Recording:
    """With a header, a row and an end."""
    header = {"format": 1, "partitions": PARTITIONS, "streams": [], "settings": {}}
    rows = {"accounts": ['{"name":"desk","cash":10000.123456789012345678}']}
    return Recording(header, rows, {}, list(entries), {"entries": len(entries), "at_rest": True})
