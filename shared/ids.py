"""Ids derived from what caused them, so that a replay and a retry give the same id."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid5

NAMESPACE = UUID("6f2b6a54-5d0c-5c5e-9d0b-70a61e79d3c1")


def canonical(value: object) -> str:
    """One text for one value: normalised decimals, UTC microseconds, everything else as it prints."""
    if isinstance(value, Decimal):
        text = format(value.normalize(), "f")
        return "0" if text == "-0" else text
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("naive time in an id; give it a zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)


def derived_id(kind: str, causation: object, *key: object) -> UUID:
    """uuid5 over kind, what caused it and an ordinal or business key.

    >>> derived_id("SignalGenerated", "a", 1) == derived_id("SignalGenerated", "a", 1)
    True
    """
    return uuid5(NAMESPACE, "|".join(canonical(part) for part in (kind, causation, *key)))
