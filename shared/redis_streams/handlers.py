"""Which method of a service's handlers takes which message."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from shared.errors import ConfigError
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.topology import MESSAGES, read_by

Handler = Callable[[Any, Transaction], Awaitable[Sequence[Message]]]
"""Takes a message, gives the messages it wants sent."""


def method_name(message: type[Message]) -> str:
    """
    >>> from shared.schemas.market import CandleClosed
    >>> method_name(CandleClosed)
    'on_candle_closed'
    """
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", message.__name__).lower()


def handlers_of(group: str, handlers: object) -> Mapping[type[Message], Handler]:
    """Every on_ method by its message; ConfigError for one whose message the group does not read."""
    readable = {method_name(message): message for stream in read_by(group) for message in stream.messages}
    known = {method_name(message) for message in MESSAGES.values()}
    found: dict[type[Message], Handler] = {}
    for name in dir(handlers):
        if not name.startswith("on_"):
            continue
        if name not in readable:
            reason = "the topology does not let it read that message" if name in known else "no message is called so"
            raise ConfigError(f"{group}.{name}: {reason}")
        found[readable[name]] = getattr(handlers, name)
    return found
