"""JSON and times as Kraken writes them: numbers with all their digits, RFC 3339 with microseconds."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Num(str):
    """Digits that go out as a JSON number: a float would drop the trailing zeros the book's checksum covers."""

    __slots__ = ()


def encode(value: object) -> str:
    """JSON text of nested mappings, sequences, strings, numbers and ``Num``."""
    match value:
        case Num():
            return str(value)
        case str():
            return encode_basestring_ascii(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Mapping():
            return "{" + ",".join(f"{encode(str(k))}:{encode(v)}" for k, v in value.items()) + "}"
        case Sequence():
            return "[" + ",".join(map(encode, value)) + "]"
    raise TypeError(f"not JSON: {type(value).__name__}")


def rfc3339(microseconds: int) -> str:
    """``2022-01-01T00:00:00.000000Z``."""
    seconds, fraction = divmod(microseconds, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"


def parse_rfc3339(text: str) -> int:
    """Microseconds since the epoch; a time without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)
