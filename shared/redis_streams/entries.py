"""What a lane reads, and what it has made of it when it commits."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared.errors import Unprocessable
from shared.redis_streams.bus import Reply
from shared.redis_streams.codec import Outgoing, split_fields
from shared.topology import BY_MESSAGE, BY_NAME, MESSAGES, stream_key


class Entry(NamedTuple):
    """One stream entry in a group's hands. `stream` is the topology's name of where it was first published."""

    key: str
    entry_id: bytes
    stream: str
    fields: Sequence[bytes]


class Settled(NamedTuple):
    """An entry that is done: what to publish when it is acknowledged.

    `once` outputs are remembered by id, so that no recovery publishes them twice.
    """

    entry: Entry
    kind: str
    outcome: str
    outputs: Sequence[Outgoing] = ()
    once: bool = False
    burial: Sequence[str | bytes] = ()


def stream_of(key: str, fields: Sequence[bytes]) -> str:
    """The topology's stream of an entry; one that was given back after a burial names it in `s`."""
    if not key.startswith("retry:"):
        return key[: key.rindex(":")]
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    return named.get(b"s", b"").decode("utf-8", "replace")


def entries_of(key: str, rows: Sequence[Any]) -> list[Entry]:
    """Redis's rows of one stream."""
    if not key.startswith("retry:"):
        stream = key[: key.rindex(":")]
        return [Entry(key, row[0], stream, row[1]) for row in rows]
    return [Entry(key, row[0], stream_of(key, row[1]), row[1]) for row in rows]


def in_order(entries: list[Entry]) -> list[Entry]:
    """By the rank of their stream, then as they were published; Python's sort keeps the latter."""
    if len({entry.key for entry in entries}) > 1:
        entries.sort(key=lambda entry: BY_NAME[entry.stream].rank if entry.stream in BY_NAME else 99)
    return entries


def entries_read(reply: Reply) -> list[Entry]:
    """What XREADGROUP answered, in the order to handle it."""
    found: list[Entry] = []
    for key, rows in reply or ():
        found += entries_of(key.decode(), rows)
    return in_order(found)


def kind_and_body(entry: Entry) -> tuple[bytes, bytes, bytes]:
    """Kind, body and trace; Unprocessable where the entry is none of ours."""
    if entry.stream not in BY_NAME:
        raise Unprocessable(f"the topology has no stream {entry.stream[:64]!r}")
    return split_fields(entry.fields)


def to_json(partition: int, outputs: Sequence[Outgoing]) -> dict[str, Any]:
    """What a handled message led to, for the database."""
    rows = [[str(o.message_id), o.partition, o.kind, o.body.decode()] for o in outputs]
    return {"partition": partition, "outputs": rows}


def from_json(stored: dict[str, Any]) -> list[Outgoing]:
    """The outputs as they were, with equal ids."""
    return [_outgoing(*row) for row in stored["outputs"]]


def _outgoing(message_id: str, partition: int, kind: str, body: str) -> Outgoing:
    stream = BY_MESSAGE[MESSAGES[kind]].name
    return Outgoing(stream_key(stream, partition), partition, UUID(message_id), kind, body.encode())
