"""Faults that a test orders beforehand: each waits for its moment and is then used up."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

FaultKind = Literal[
    "reply_lost",
    "refuse_429",
    "service_unavailable",
    "cancel_only",
    "drop_socket",
    "duplicate_event",
    "late_event",
    "partial_fill",
    "delay_ms",
]
KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass(slots=True)
class Fault:
    """``method`` limits it to one private endpoint, ``symbol`` to one pair; ``ms`` belongs to ``delay_ms``."""

    kind: str
    count: int = 1
    method: str | None = None
    symbol: str | None = None
    ms: int = 0


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def order(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def active(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._waiting]

    def take(self, kind: FaultKind, method: str | None = None, symbol: str | None = None) -> Fault | None:
        """Uses up one occurrence of the first fault that fits, if there is one."""
        for fault in self._waiting:
            if fault.kind == kind and fault.method in (None, method) and fault.symbol in (None, symbol):
                fault.count -= 1
                if fault.count <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
