"""Messages to stream entries and back. An entry has `k` kind, `b` JSON body, and `t` where traces are on."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError

from shared.errors import InvariantBroken, Unprocessable
from shared.schemas.base import Message
from shared.topology import BY_MESSAGE, BY_NAME, MESSAGES, partition_of, stream_key

MAX_BODY = 256 * 1024
"""Bytes of a message's JSON; a larger one is a mistake or an attack."""


class Outgoing(NamedTuple):
    """A message as it will stand in its stream."""

    stream_key: str
    partition: int
    message_id: UUID
    kind: str
    body: bytes
    trace: str = ""

    def fields(self) -> list[str | bytes]:
        """The entry's fields and values in turn; `k` and `b` stand first."""
        if self.trace:
            return ["k", self.kind, "b", self.body, "t", self.trace]
        return ["k", self.kind, "b", self.body]


@cache
def _stream_published_by(message: type[Message], publisher: str) -> str:
    stream = BY_MESSAGE.get(message)
    if stream is None or publisher not in stream.publishers:
        raise InvariantBroken(f"{publisher} publishes {message.__name__}, which the topology does not allow")
    return stream.name


_key_of = cache(stream_key)


def encode(message: Message, publisher: str, partitions: int, trace: str = "") -> Outgoing:
    """InvariantBroken where the topology has no such arrow, Unprocessable where the body is too large."""
    stream = _stream_published_by(type(message), publisher)
    body = message.__pydantic_serializer__.to_json(message)
    if len(body) > MAX_BODY:
        raise Unprocessable(f"{message.kind} {message.message_id} has {len(body)} bytes, more than {MAX_BODY}")
    partition = partition_of(message.key, partitions)
    return Outgoing(_key_of(stream, partition), partition, message.message_id, message.kind, body, trace)


@cache
def _type_in(stream: str, kind: bytes) -> type[Message] | None:
    message = MESSAGES.get(kind.decode("utf-8", "replace"))
    return message if message in BY_NAME[stream].messages else None


def type_in(stream: str, kind: bytes) -> type[Message]:
    """The message type of a kind; Unprocessable where the stream carries no such kind."""
    message = _type_in(stream, kind) if len(kind) < 64 else None
    if message is None:
        raise Unprocessable(f"{stream} carries no {kind[:64].decode('utf-8', 'replace')!r}")
    return message


def decode(message_type: type[Message], body: bytes) -> Message:
    """Unprocessable with the reason where the body is too large, malformed or of another version."""
    if len(body) > MAX_BODY:
        raise Unprocessable(f"a body of {len(body)} bytes, more than {MAX_BODY}")
    try:
        message: Message = message_type.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        raise Unprocessable(f"malformed {message_type.__name__}: {_reasons(error)}") from None
    if message.schema_version != message_type.SCHEMA_VERSION:
        raise Unprocessable(
            f"{message_type.__name__} of version {message.schema_version}, known is {message_type.SCHEMA_VERSION}"
        )
    return message


def _reasons(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:3])


def split_fields(fields: Sequence[bytes]) -> tuple[bytes, bytes, bytes]:
    """Kind, body and trace ('' without) of an entry; Unprocessable where it has no kind or body."""
    if len(fields) == 4 and fields[0] == b"k" and fields[2] == b"b":
        return fields[1], fields[3], b""
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        return named[b"k"], named[b"b"], named.get(b"t", b"")
    except KeyError:
        raise Unprocessable(f"an entry without kind or body: fields {sorted(named)[:8]}") from None
