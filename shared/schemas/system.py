"""Control of the desk, and what its people must hear."""

from typing import Literal

from shared.schemas.base import Message


class _Control(Message):
    reason: str
    by: str

    @property
    def key(self) -> str:
        return "system"


class TradingPaused(_Control):
    """No new entries until resumed; exits and stops go on."""

    kind: Literal["TradingPaused"] = "TradingPaused"


class TradingResumed(_Control):
    """Entries are allowed again."""

    kind: Literal["TradingResumed"] = "TradingResumed"


class TradingHalted(_Control):
    """The drawdown guard tripped: everything is closed, buying is off until a person enables it."""

    kind: Literal["TradingHalted"] = "TradingHalted"


class AlertRaised(Message):
    """Something a person must hear. `code` is stable, `text` says it in plain words with the numbers."""

    kind: Literal["AlertRaised"] = "AlertRaised"
    severity: Literal["info", "warning", "critical"]
    code: str
    text: str

    @property
    def key(self) -> str:
        return "system"
