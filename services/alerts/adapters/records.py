"""The alerts and their deliveries, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, bindparam, text

from services.alerts.core.pace import MOST_ATTEMPTS
from services.alerts.core.words import Due
from services.alerts.handlers import Head
from shared.db import Database
from shared.redis_streams.transaction import Transaction
from shared.schemas.system import AlertRaised
from shared.telemetry import mask

AT_ONCE = 500
"""Deliveries that one message tells of at most."""

NOT_A_TARGET = "not delivered: the target is no longer in ALERT_URLS"
CUT_SHORT = "not delivered: every try was cut short by a restart"


def _instants(*names: str) -> list[Any]:
    return [bindparam(name, type_=DateTime(timezone=True)) for name in names]


_HEAD = text("""
    select id, received_at from alerts
    where code = :code and severity = :severity and repeat_of is null order by received_at desc limit 1
""")

_KEEP = """
    insert into alerts (id, time, received_at, severity, code, text, repeat_of, last_time)
    values (:id, :time, :now, :severity, :code, :text, :repeat_of, :time) on conflict do nothing returning id
"""

_COUNT = text(f"""
    with kept as ({_KEEP})
    update alerts set repeats = repeats + 1, last_time = greatest(last_time, :time)
    where id = :repeat_of and exists (select 1 from kept)
""").bindparams(*_instants("time", "now"))

_HAND_ON = text(f"""
    with kept as ({_KEEP})
    insert into alert_deliveries (alert_id, target, due_at)
    select kept.id, target, :now from kept, unnest(cast(:targets as text[])) target
""").bindparams(*_instants("time", "now"))

# what a dead process was sending is due again once its time is over, and may have arrived
_TAKE = text("""
    with due as (
        select d.alert_id, d.state from alert_deliveries d join alerts a on a.id = d.alert_id
        where d.target = :target and d.state in ('waiting', 'sending') and d.due_at <= :now
          and d.attempts < :most and (a.severity = 'critical' or not :quiet)
        order by a.received_at, a.id limit :at_once for update of d skip locked
    ), before as (
        select due.alert_id, coalesce((
            select p.repeats - pd.told from alerts p
            left join alert_deliveries pd on pd.alert_id = p.id and pd.target = :target and pd.state = 'sent'
            where p.code = a.code and p.severity = a.severity and p.repeat_of is null and p.received_at < a.received_at
            order by p.received_at desc limit 1
        ), 0) as earlier
        from due join alerts a on a.id = due.alert_id
    )
    update alert_deliveries d
    set state = 'sending', attempts = d.attempts + 1, due_at = :retake, told = a.repeats,
        uncertain = d.uncertain or due.state = 'sending'
    from due join before on before.alert_id = due.alert_id join alerts a on a.id = due.alert_id
    where d.alert_id = due.alert_id and d.target = :target
    returning d.alert_id, a.time, a.last_time, a.severity, a.code, a.text, a.repeats + 1 as times, before.earlier,
              d.attempts, d.uncertain
""").bindparams(*_instants("now", "retake"))

_SENT = text("""
    update alert_deliveries set state = 'sent', sent_at = :now, error = ''
    where target = :target and alert_id = any(cast(:ids as uuid[]))
""").bindparams(*_instants("now"))

_FAILED = text("""
    update alert_deliveries
    set state = case when attempts >= :most then 'not_delivered' else 'waiting' end, due_at = :due_at,
        uncertain = uncertain or :uncertain, error = :error
    where target = :target and alert_id = any(cast(:ids as uuid[])) and state = 'sending'
""").bindparams(*_instants("due_at"))

_GIVE_UP = text("""
    update alert_deliveries set state = 'not_delivered', error = :error
    where state in ('waiting', 'sending') and not (target = any(cast(:targets as text[])))
""")

_GIVE_UP_CUT_SHORT = text("""
    update alert_deliveries set state = 'not_delivered', error = :error
    where state = 'sending' and attempts >= :most and due_at <= :now
""").bindparams(*_instants("now"))


class DatabaseRecords:
    """What the handlers keep; every method works on the caller's transaction."""

    async def head(self, tx: Transaction, alert: AlertRaised) -> Head | None:
        """The newest of the alert's code and severity that was handed on."""
        row = (await tx.execute(_HEAD, {"code": alert.code, "severity": alert.severity})).first()
        return Head(row.id, row.received_at) if row else None

    async def count(self, tx: Transaction, alert: AlertRaised, now: datetime, head: UUID) -> None:
        """Keep it as a repeat; a second time changes nothing."""
        await tx.execute(_COUNT, _row(alert, now, head))

    async def hand_on(self, tx: Transaction, alert: AlertRaised, now: datetime, targets: Sequence[str]) -> None:
        """Keep it, due at once at each target; a second time changes nothing."""
        await tx.execute(_HAND_ON, _row(alert, now, None) | {"targets": list(targets)})


def _row(alert: AlertRaised, now: datetime, head: UUID | None) -> dict[str, Any]:
    return {
        "id": alert.message_id,
        "time": alert.occurred_at,
        "now": now,
        "severity": alert.severity,
        "code": alert.code,
        "text": mask(alert.text),
        "repeat_of": head,
    }


class DatabaseDeliveries:
    """What waits for each target, and what became of it. Raises as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, target: str, now: datetime, retake: datetime, *, quiet: bool) -> Sequence[Due]:
        """What is due, marked as being sent until `retake`, the oldest first; only what is critical where `quiet`."""
        asked = {"target": target, "now": now, "retake": retake, "quiet": quiet}
        async with self._database.single() as connection:
            rows = (await connection.execute(_TAKE, {**asked, "most": MOST_ATTEMPTS, "at_once": AT_ONCE})).all()
        return sorted((Due(*row) for row in rows), key=lambda due: due.time)

    async def sent(self, target: str, ids: Sequence[UUID], now: datetime) -> None:
        """It arrived."""
        async with self._database.single() as connection:
            await connection.execute(_SENT, {"target": target, "ids": list(ids), "now": now})

    async def failed(self, target: str, ids: Sequence[UUID], due_at: datetime, why: str, *, uncertain: bool) -> None:
        """It did not arrive (or that is `uncertain`): due again then, unless it was tried often enough."""
        said = {"target": target, "ids": list(ids), "due_at": due_at, "error": why, "uncertain": uncertain}
        async with self._database.single() as connection:
            await connection.execute(_FAILED, {**said, "most": MOST_ATTEMPTS})

    async def give_up(self, targets: Sequence[str], now: datetime) -> None:
        """What waits for none of these targets, and what no process lived to send, is not delivered."""
        async with self._database.transaction() as connection:
            await connection.execute(_GIVE_UP, {"targets": list(targets), "error": NOT_A_TARGET})
            await connection.execute(_GIVE_UP_CUT_SHORT, {"error": CUT_SHORT, "most": MOST_ATTEMPTS, "now": now})
