"""Verdicts, the instants they wait for, and the books as a decision sees them, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from services.trade_executor.adapters.rows import Connection, values
from services.trade_executor.core.entries import Desk, Entry, Standing
from shared.models import DecisionInstant, Order, Refusal, Trade
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, Mark
from shared.schemas.orders import OrderDenied

KEEP_INSTANT = upsert(DecisionInstant).on_conflict_do_nothing()
# A statement does not see its own insert: the verdict it brings is added by the caller.
KEEP_VERDICT = text("""
    WITH kept AS (
        INSERT INTO pending_verdicts (time, timeframe, symbol, body)
        SELECT :time, :timeframe, :symbol, CAST(:body AS jsonb)
        WHERE NOT EXISTS (
            SELECT FROM decision_instants WHERE time = :time AND timeframe = :timeframe AND decided_at IS NOT NULL)
        ON CONFLICT DO NOTHING RETURNING symbol)
    SELECT (SELECT symbol FROM kept) AS kept, i.symbols, i.decided_at,
           ARRAY(SELECT symbol FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe) AS waiting
    FROM (SELECT 1) AS one LEFT JOIN decision_instants i ON i.time = :time AND i.timeframe = :timeframe
""")
WAITING = text("SELECT symbol FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe")
INSTANT = text("""
    SELECT i.marks, ARRAY(SELECT body FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe) AS verdicts
    FROM (SELECT 1) AS one LEFT JOIN decision_instants i ON i.time = :time AND i.timeframe = :timeframe
""")
DECIDED = text("""
    WITH gone AS (DELETE FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe)
    UPDATE decision_instants SET decided_at = :at WHERE time = :time AND timeframe = :timeframe
""")
LOCKED_ACCOUNT = text("SELECT cash, reserved, initial_balance FROM accounts WHERE name = :account FOR UPDATE")
# Read after the lock, so that nothing decided by whoever held it before is missed.
FLAGS = text("""
    SELECT coalesce(bool_or(system_status = 'PAUSED'), false) AS paused,
           coalesce(bool_or(NOT is_trading_active), false) AS halted,
           (SELECT coalesce(sum(pnl), 0) FROM trades
            WHERE account = :account AND status = 'closed' AND exit_time >= :midnight) AS daily_result
    FROM system_config
""")
STANDING = text("""
    SELECT t.symbol, t.held, t.entry_price,
           coalesce((SELECT sum(o.reserved) FROM orders o WHERE o.trade_id = t.id), 0) AS reserved
    FROM trades t WHERE t.account = :account AND t.status IN ('opening', 'open', 'closing') ORDER BY t.symbol
""")
RESERVE = text("UPDATE accounts SET reserved = reserved + :reserved WHERE name = :account")
WATCH = text("""
    SELECT ARRAY(SELECT DISTINCT time FROM (
               SELECT time FROM decision_instants
               WHERE decided_at IS NULL AND timeframe = :timeframe AND time > :since AND time <= :due
               UNION ALL SELECT time FROM pending_verdicts WHERE timeframe = :timeframe AND time <= :due) AS late
               ORDER BY time) AS overdue,
           ARRAY(SELECT DISTINCT trade_id FROM orders
                 WHERE account = :account AND state = 'open' AND request IS NULL AND NOT cancel_wanted
                   AND (order_type = 'market' OR filled > 0) AND updated_at < :now) AS slow,
           ARRAY(SELECT id FROM trades t WHERE account = :account AND status = 'closing' AND NOT EXISTS (
                     SELECT FROM orders o WHERE o.trade_id = t.id
                     AND o.state IN ('intended', 'submitting', 'unknown', 'open'))) AS stuck,
           EXISTS(SELECT FROM decision_instants
                  WHERE decided_at IS NULL AND timeframe = :timeframe AND time > :since)
           OR EXISTS(SELECT FROM pending_verdicts)
           OR EXISTS(SELECT FROM trades WHERE account = :account AND status IN ('opening', 'closing')) AS more
""")
OPEN_BOOKS = text("""
    INSERT INTO accounts (name, currency, initial_balance, cash, reserved)
    VALUES (:name, :currency, :balance, :balance, 0) ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Watched:
    """What the clock found: instants past their deadline, trades with an order that should have filled by now,
    trades being left without an order; whether anything at all is worth another look.
    """

    overdue: list[datetime]
    slow: list[UUID]
    stuck: list[UUID]
    more: bool


class Instants:
    """Decision instants of one account and timeframe. Every method works on the caller's transaction."""

    def __init__(self, account: str, timeframe: str) -> None:
        self._account = account
        self._timeframe = timeframe

    async def open_books(self, tx: Connection, currency: str, balance: Decimal) -> None:
        """The account's row, the first time."""
        await tx.execute(OPEN_BOOKS, {"name": self._account, "currency": currency, "balance": balance})

    async def end(self, tx: Connection, bars: BarsClosed) -> bool:
        """Keep an ended instant. Whether every verdict that it waits for is there."""
        row = {
            "time": bars.occurred_at,
            "timeframe": bars.timeframe,
            "message_id": bars.message_id,
            "symbols": list(bars.symbols),
            "marks": [mark.model_dump(mode="json") for mark in bars.marks],
            "decided_at": None,
        }
        await tx.execute(KEEP_INSTANT, row)
        return set(bars.symbols) <= set((await tx.execute(WAITING, self._key(bars.occurred_at))).scalars())

    async def keep(self, tx: Connection, verdict: CouncilDecided) -> tuple[bool, bool]:
        """Keep a verdict. Whether it was in time, and whether its instant can be decided now."""
        key = self._key(verdict.occurred_at)
        body = {"symbol": verdict.symbol, "body": verdict.model_dump_json()}
        row = (await tx.execute(KEEP_VERDICT, key | body)).one()
        kept = row.kept is not None
        ready = kept and row.symbols is not None and set(row.symbols) <= {*row.waiting, verdict.symbol}
        return kept, ready

    async def verdicts(self, tx: Connection, time: datetime) -> tuple[list[CouncilDecided], dict[str, Mark]]:
        """The instant's verdicts and marks; no marks where its end was never said."""
        row = (await tx.execute(INSTANT, self._key(time))).one()
        marks = [Mark.model_validate(mark) for mark in row.marks or ()]
        return [CouncilDecided.model_validate(body) for body in row.verdicts], {mark.symbol: mark for mark in marks}

    async def desk(self, tx: Connection, now: datetime) -> Desk:
        """The books, under the account's lock from here to the end of the transaction."""
        of = {"account": self._account}
        account = (await tx.execute(LOCKED_ACCOUNT, of)).one()
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        flags = (await tx.execute(FLAGS, of | {"midnight": midnight})).one()
        standing = [Standing(**row) for row in (await tx.execute(STANDING, of)).mappings()]
        return Desk(self._account, now, **account._mapping, **flags._mapping, standing=tuple(standing))

    async def decided(
        self, tx: Connection, time: datetime, at: datetime, outcomes: Sequence[Entry | OrderDenied]
    ) -> None:
        """Write what an instant came to: entries with what they reserve, refusals with their numbers."""
        entries = [outcome for outcome in outcomes if isinstance(outcome, Entry)]
        if entries:
            await tx.execute(insert(Trade), [values(entry.trade) for entry in entries])
            await tx.execute(insert(Order), [values(entry.order) for entry in entries])
            reserved = sum((entry.order.reserved for entry in entries), Decimal(0))
            await tx.execute(RESERVE, {"reserved": reserved, "account": self._account})
        await self.refuse(tx, [outcome for outcome in outcomes if isinstance(outcome, OrderDenied)])
        await tx.execute(DECIDED, self._key(time) | {"at": at})

    async def refuse(self, tx: Connection, denials: Sequence[OrderDenied]) -> None:
        """Keep why there was no trade."""
        if denials:
            await tx.execute(upsert(Refusal).on_conflict_do_nothing(), [_refusal(denial) for denial in denials])

    async def watch(self, tx: Connection, now: datetime, due: datetime, since: datetime) -> Watched:
        """What the clock must see to at `now`: instants up to `due` are past their deadline, before `since` none is."""
        times = {"now": now, "due": due, "since": since}
        row = (await tx.execute(WATCH, times | {"account": self._account, "timeframe": self._timeframe})).one()
        return Watched(**row._mapping)

    def _key(self, time: datetime) -> dict[str, object]:
        return {"time": time, "timeframe": self._timeframe}


def _refusal(denial: OrderDenied) -> dict[str, object]:
    return {
        "id": denial.message_id,
        "symbol": denial.symbol,
        "time": denial.occurred_at,
        "decision_id": denial.decision_id,
        "reason": denial.reason,
        "detail": denial.detail,
        "figures": [figure.model_dump() for figure in denial.figures],
    }
