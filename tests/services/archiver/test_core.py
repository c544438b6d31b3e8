"""What is kept of an entry."""

import pytest

from services.archiver.core import kept
from shared.errors import Unprocessable
from shared.redis_streams.entries import Entry
from shared.schemas.base import Message
from tests.builders import GOOD, decided, signal
from tests.shared.recording.made import entry


def from_redis(message: Message, trace: bytes = b"") -> Entry:
    fields = [b"k", message.kind.encode(), b"b", message.model_dump_json().encode(), *([b"t", trace] if trace else [])]
    stream = entry(message).stream
    return Entry(f"{stream}:{{3}}", b"17-2", stream, fields)


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_every_field_of_a_message_is_kept(kind: type[Message]) -> None:
    message = GOOD[kind](7)
    row = kept(from_redis(message), 3)
    assert (row.time, row.message_id, row.kind, row.key) == (
        message.occurred_at,
        message.message_id,
        kind.__name__,
        message.key,
    )
    assert (row.partition, row.entry, row.causation_id, row.trace) == (3, "17-2", None, "")
    assert kind.model_validate_json(row.body) == message


def test_the_cause_and_the_trace_are_kept() -> None:
    caused = decided().model_copy(update={"causation_id": signal().message_id})
    row = kept(from_redis(caused, b"00-ab-cd-01"), 0)
    assert (row.causation_id, row.trace) == (signal().message_id, "00-ab-cd-01")


def test_what_is_no_message_of_its_stream_is_none() -> None:
    wrong = from_redis(signal())._replace(stream="council:decided")
    with pytest.raises(Unprocessable, match="carries no 'SignalGenerated'"):
        kept(wrong, 0)
