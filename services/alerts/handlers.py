"""An alert is kept, and laid ready for every target that hears its severity."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from services.alerts.core.pace import Severity, is_repeat, wants
from shared.clock import Clock
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.system import AlertRaised


class Hears(Protocol):
    """A target, as far as it matters who hears what."""

    @property
    def name(self) -> str: ...

    @property
    def least(self) -> Severity: ...


class Head(NamedTuple):
    """The newest alert of a code and severity that was not merely counted."""

    alert_id: UUID
    received_at: datetime


class Records(Protocol):
    """The alerts so far."""

    async def head(self, tx: Transaction, alert: AlertRaised) -> Head | None:
        """The newest of the alert's code and severity that was handed on."""
        ...

    async def count(self, tx: Transaction, alert: AlertRaised, now: datetime, head: UUID) -> None:
        """Keep it as a repeat; a second time changes nothing."""
        ...

    async def hand_on(self, tx: Transaction, alert: AlertRaised, now: datetime, targets: Sequence[str]) -> None:
        """Keep it, due at once at each target; a second time changes nothing."""
        ...


class Handlers:
    """People live by the wall's clock, whatever time the desk trades in: so `window` is measured by it."""

    def __init__(self, targets: Sequence[Hears], window: timedelta, records: Records, clock: Clock) -> None:
        self._targets = targets
        self._window = window
        self._records = records
        self._clock = clock

    async def on_alert_raised(self, alert: AlertRaised, tx: Transaction) -> Sequence[Message]:
        """Count it where its code was handed on a short while ago, hand it on otherwise."""
        now = self._clock.now()
        head = await self._records.head(tx, alert)
        if head is not None and is_repeat(head.received_at, now, self._window):
            await self._records.count(tx, alert, now, head.alert_id)
        else:
            hearing = [target.name for target in self._targets if wants(target.least, alert.severity)]
            await self._records.hand_on(tx, alert, now, hearing)
        return []
