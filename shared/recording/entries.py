"""One stream entry as a recording keeps it, and the order in which entries are played again."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from shared.errors import Unprocessable
from shared.redis_streams.codec import split_fields
from shared.schemas.market import BarsClosed, BookUpdated, CandleRevised, TickerUpdated
from shared.topology import BY_MESSAGE, STREAMS

Json = dict[str, Any]

PRICES = BY_MESSAGE[BarsClosed].name
_QUOTES = (BY_MESSAGE[TickerUpdated].name, BY_MESSAGE[BookUpdated].name)
_PLACE = {stream.name: place for place, stream in enumerate(STREAMS)}


class Recorded(NamedTuple):
    """An entry with all its fields. Ids are empty where the body has none; `entry_id` is Redis's "ms-sequence"."""

    stream: str
    partition: int
    entry_id: str
    kind: str
    message_id: str
    causation_id: str
    body: str
    trace: str = ""

    @property
    def message(self) -> Json:
        """The body's fields; empty where it is no JSON object."""
        return _object(self.body)


def recorded(stream: str, partition: int, entry_id: bytes, fields: Sequence[bytes]) -> Recorded:
    """What Redis holds; bytes that are no text are kept as escapes."""
    try:
        kind, body, trace = (part.decode("utf-8", "backslashreplace") for part in split_fields(fields))
    except Unprocessable:
        kind, body, trace = "", "", ""
    message = _object(body)
    ids = (str(message.get("message_id") or ""), str(message.get("causation_id") or ""))
    return Recorded(stream, partition, entry_id.decode(), kind, *ids, body, trace)


def in_order(entries: Iterable[Recorded]) -> list[Recorded]:
    """As they were published. Redis numbers each stream for itself, so that within a millisecond something else must
    decide: an instant's end stands after its candles, and prices before what is made of them.
    """
    return sorted(entries, key=_order)


def instants(entries: Iterable[Recorded]) -> list[list[Recorded]]:
    """Ordered entries in groups that the desk got at once: an instant's candles with its end, a millisecond's prices
    of the same stream; everything else alone.
    """
    groups: list[list[Recorded]] = []
    last: object = None
    for entry in entries:
        if (moment := _moment(entry)) is None or moment != last:
            groups.append([])
        groups[-1].append(entry)
        last = moment
    return groups


def _moment(entry: Recorded) -> object:
    if entry.stream == PRICES:
        return None if entry.kind == CandleRevised.__name__ else (PRICES, entry.message.get("occurred_at"))
    return (entry.stream, _milliseconds(entry)) if entry.stream in _QUOTES else None


def _order(entry: Recorded) -> tuple[object, ...]:
    sequence = int(entry.entry_id.partition("-")[2] or 0)
    time = str(entry.message.get("occurred_at")) if entry.stream == PRICES else ""
    ends = entry.kind == BarsClosed.__name__
    return _milliseconds(entry), _PLACE.get(entry.stream, 99), time, ends, sequence, entry.partition


def _milliseconds(entry: Recorded) -> int:
    return int(entry.entry_id.partition("-")[0])


def _object(body: str) -> Json:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
