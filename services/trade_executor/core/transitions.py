"""The life of an order as a table: which event moves which state where.

intended -> submitting (the sender's claim) -> open -> filled | canceled, with *unknown* where no answer came.
What is not in the table changes nothing: reports may come twice, late and in any order.
"""

from typing import Literal

State = Literal["intended", "submitting", "unknown", "open", "filled", "canceled", "rejected"]
Event = Literal["withdrawn", "not_sent", "unknown", "accepted", "executed", "completed", "ended", "refused", "missing"]

LIVE: frozenset[str] = frozenset({"intended", "submitting", "unknown", "open"})
IN_FLIGHT: frozenset[str] = frozenset({"submitting", "unknown"})

TRANSITIONS: dict[tuple[str, Event], State] = {
    ("intended", "withdrawn"): "canceled",
    # The venue speaks of an order that we do not remember to have sent: our memory is at fault, it is right.
    ("intended", "accepted"): "open",
    ("intended", "executed"): "open",
    ("intended", "completed"): "filled",
    ("intended", "ended"): "canceled",
    ("submitting", "not_sent"): "intended",
    ("unknown", "not_sent"): "intended",
    ("submitting", "unknown"): "unknown",
    ("submitting", "accepted"): "open",
    ("unknown", "accepted"): "open",
    ("submitting", "executed"): "open",
    ("unknown", "executed"): "open",
    ("submitting", "completed"): "filled",
    ("unknown", "completed"): "filled",
    ("open", "completed"): "filled",
    ("submitting", "ended"): "canceled",
    ("unknown", "ended"): "canceled",
    ("open", "ended"): "canceled",
    ("submitting", "refused"): "rejected",
    ("unknown", "refused"): "rejected",
    ("submitting", "missing"): "intended",
    ("unknown", "missing"): "intended",
    ("open", "missing"): "canceled",
}


def moved(state: str, event: Event) -> str:
    """The state after the event; the same where the event means nothing to it."""
    return TRANSITIONS.get((state, event), state)
