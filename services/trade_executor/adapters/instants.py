"""Verdicts, the instants they wait for, and the books as a decision sees them, in PostgreSQL."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert

from services.trade_executor.adapters.rows import Row, values
from services.trade_executor.core.entries import Desk, Entry, Standing
from services.trade_executor.ports import Connection, Instant, Kept, Watched
from shared.models import DecisionInstant, Refusal
from shared.schemas.base import Timeframe
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, Mark
from shared.schemas.orders import OrderDenied
from shared.timeframes import duration

KEEP_INSTANT = upsert(DecisionInstant).on_conflict_do_nothing()
# A statement does not see its own insert: the verdict it brings is added by the caller. The others' bodies come along
# once all are there, which spares the decision a question.
KEEP_VERDICT = text("""
    WITH kept AS (
        INSERT INTO pending_verdicts (time, timeframe, symbol, body)
        SELECT :time, :timeframe, :symbol, CAST(:body AS jsonb)
        WHERE NOT EXISTS (
            SELECT FROM decision_instants WHERE time = :time AND timeframe = :timeframe AND decided_at IS NOT NULL)
        ON CONFLICT DO NOTHING RETURNING symbol),
    others AS (SELECT symbol, body FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe)
    SELECT (SELECT symbol FROM kept) AS kept, i.symbols, i.marks, ARRAY(SELECT symbol FROM others) AS waiting,
           CASE WHEN jsonb_array_length(i.symbols) <= (SELECT count(*) + 1 FROM others)
                THEN ARRAY(SELECT body FROM others) END AS verdicts
    FROM (SELECT 1) AS one LEFT JOIN decision_instants i ON i.time = :time AND i.timeframe = :timeframe
""")
WAITING = text("SELECT symbol FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe")
INSTANT = text("""
    SELECT i.marks, ARRAY(SELECT body FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe) AS verdicts
    FROM (SELECT 1) AS one LEFT JOIN decision_instants i ON i.time = :time AND i.timeframe = :timeframe
""")
LOCKED_ACCOUNT = text("SELECT cash, reserved, initial_balance FROM accounts WHERE name = :account FOR UPDATE")
# Read after the lock, so that nothing decided by whoever held it before is missed.
DESK = text("""
    SELECT coalesce(bool_or(system_status = 'PAUSED'), false) AS paused,
           coalesce(bool_or(NOT is_trading_active), false) AS halted,
           (SELECT coalesce(sum(pnl), 0) FROM trades
            WHERE account = :account AND status = 'closed' AND exit_time >= :midnight) AS daily_result,
           ARRAY(SELECT jsonb_build_array(t.symbol, CAST(t.held AS text), CAST(t.entry_price AS text), CAST(coalesce(
                     (SELECT sum(o.reserved) FROM orders o WHERE o.trade_id = t.id), 0) AS text))
                 FROM trades t WHERE t.account = :account AND t.status IN ('opening', 'open', 'closing')
                 ORDER BY t.symbol) AS standing
    FROM system_config
""")
# One round trip for all that a decision writes: it stands between a candle and its order.
DECIDED = text("""
    WITH begun AS (
        INSERT INTO trades SELECT * FROM jsonb_populate_recordset(NULL::trades, CAST(:trades AS jsonb))),
    wanted AS (
        INSERT INTO orders SELECT * FROM jsonb_populate_recordset(NULL::orders, CAST(:orders AS jsonb))),
    held_back AS (
        UPDATE accounts SET reserved = reserved + CAST(:reserved AS numeric) WHERE name = :account),
    refused AS (
        INSERT INTO refusals SELECT * FROM jsonb_populate_recordset(NULL::refusals, CAST(:refusals AS jsonb))
        ON CONFLICT DO NOTHING),
    gone AS (
        DELETE FROM pending_verdicts WHERE time = :time AND timeframe = :timeframe)
    UPDATE decision_instants SET decided_at = :at WHERE time = :time AND timeframe = :timeframe
""")
WATCH = text("""
    SELECT ARRAY(SELECT DISTINCT time FROM (
               SELECT time FROM decision_instants
               WHERE decided_at IS NULL AND timeframe = :timeframe AND time > :since AND time <= :due
               UNION ALL SELECT time FROM pending_verdicts WHERE timeframe = :timeframe AND time < :stale) AS late
               ORDER BY time) AS overdue,
           ARRAY(SELECT DISTINCT trade_id FROM orders
                 WHERE account = :account AND state = 'open' AND request IS NULL AND NOT cancel_wanted
                   AND (order_type = 'market' OR filled > 0) AND updated_at < :now) AS slow,
           ARRAY(SELECT id FROM trades t WHERE account = :account
                   AND (status = 'closing' OR (status = 'closed' AND held > 0 AND EXISTS (
                     SELECT FROM assets a WHERE a.symbol = t.symbol
                     AND t.held >= a.min_quantity AND t.held * t.entry_price >= a.min_cost)))
                   AND NOT EXISTS (
                     SELECT FROM orders o WHERE o.trade_id = t.id
                     AND o.state IN ('intended', 'submitting', 'unknown', 'open'))) AS stuck,
           EXISTS(SELECT FROM decision_instants
                  WHERE decided_at IS NULL AND timeframe = :timeframe AND time > :since)
           OR EXISTS(SELECT FROM pending_verdicts)
           OR EXISTS(SELECT FROM trades WHERE account = :account AND status IN ('opening', 'closing')) AS more
""")
NEWEST_BAR = text("SELECT max(open_time) FROM candles WHERE timeframe = :timeframe")
OPEN_BOOKS = text("""
    INSERT INTO accounts (name, currency, initial_balance, cash, reserved)
    VALUES (:name, :currency, :balance, :balance, 0) ON CONFLICT DO NOTHING
""")


class Instants:
    """Decision instants of one account and timeframe. Every method works on the caller's transaction."""

    def __init__(self, account: str, timeframe: str) -> None:
        self._account = account
        self._timeframe = timeframe

    async def open_books(self, tx: Connection, currency: str, balance: Decimal) -> None:
        """The account's row, the first time."""
        await tx.execute(OPEN_BOOKS, {"name": self._account, "currency": currency, "balance": balance})

    async def newest_close(self, tx: Connection, base: Timeframe) -> datetime | None:
        """When the newest bar closed that market_data has written, None where there is none: not later than now."""
        opened: datetime | None = (await tx.execute(NEWEST_BAR, {"timeframe": base})).scalar_one()
        return None if opened is None else opened + duration(base)

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

    async def keep(self, tx: Connection, verdict: CouncilDecided) -> Kept:
        """Keep a verdict: whether it was in time, and with it the whole instant where that can be decided now."""
        key = self._key(verdict.occurred_at)
        body = {"symbol": verdict.symbol, "body": verdict.model_dump_json()}
        row = (await tx.execute(KEEP_VERDICT, key | body)).one()
        if row.kept is None:
            return Kept(False, None)
        if row.verdicts is None or not set(row.symbols) <= {*row.waiting, verdict.symbol}:
            return Kept(True, None)
        others = [CouncilDecided.model_validate(other) for other in row.verdicts]
        return Kept(True, Instant(verdict.occurred_at, [*others, verdict], _marks(row.marks)))

    async def instant(self, tx: Connection, time: datetime) -> Instant:
        """The instant's verdicts and marks; no marks where its end was never said."""
        row = (await tx.execute(INSTANT, self._key(time))).one()
        return Instant(time, [CouncilDecided.model_validate(body) for body in row.verdicts], _marks(row.marks))

    async def desk(self, tx: Connection, now: datetime) -> Desk:
        """The books, under the account's lock from here to the end of the transaction."""
        of = {"account": self._account}
        account = (await tx.execute(LOCKED_ACCOUNT, of)).one()
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        facts = dict((await tx.execute(DESK, of | {"midnight": midnight})).one()._mapping)
        standing = tuple(_standing(*row) for row in facts.pop("standing"))
        return Desk(self._account, now, **account._mapping, **facts, standing=standing)

    async def decided(
        self, tx: Connection, time: datetime, at: datetime, outcomes: Sequence[Entry | OrderDenied]
    ) -> None:
        """Write what an instant came to: entries with what they reserve, refusals with their numbers."""
        entries = [outcome for outcome in outcomes if isinstance(outcome, Entry)]
        denials = [outcome for outcome in outcomes if isinstance(outcome, OrderDenied)]
        written = {
            "trades": _json([values(entry.trade) for entry in entries]),
            "orders": _json([values(entry.order) for entry in entries]),
            "refusals": _json([_refusal(denial) for denial in denials]),
            "reserved": sum((entry.order.reserved for entry in entries), Decimal(0)),
            "account": self._account,
            "at": at,
        }
        await tx.execute(DECIDED, self._key(time) | written)

    async def refuse(self, tx: Connection, denials: Sequence[OrderDenied]) -> None:
        """Keep why there was no trade."""
        if denials:
            await tx.execute(upsert(Refusal).on_conflict_do_nothing(), [_refusal(denial) for denial in denials])

    async def watch(self, tx: Connection, now: datetime, due: datetime, stale: datetime, since: datetime) -> Watched:
        """What the clock must see to at `now`: instants up to `due` are past their deadline, before `since` none is;
        verdicts from before `stale` have expired, whether or not the end of their instant was said.
        """
        times = {"now": now, "due": due, "stale": stale, "since": since}
        row = (await tx.execute(WATCH, times | {"account": self._account, "timeframe": self._timeframe})).one()
        return Watched(**row._mapping)

    def _key(self, time: datetime) -> dict[str, object]:
        return {"time": time, "timeframe": self._timeframe}


def _marks(marks: Any) -> dict[str, Mark]:
    return {mark["symbol"]: Mark.model_validate(mark) for mark in marks or ()}


def _standing(symbol: str, held: str, entry_price: str | None, reserved: str) -> Standing:
    return Standing(symbol, Decimal(held), None if entry_price is None else Decimal(entry_price), Decimal(reserved))


def _json(rows: Sequence[Row]) -> str:
    """Decimals, ids and times as text, which PostgreSQL reads exactly."""
    return json.dumps(rows, default=str)


def _refusal(denial: OrderDenied) -> Row:
    return {
        "id": denial.message_id,
        "symbol": denial.symbol,
        "time": denial.occurred_at,
        "decision_id": denial.decision_id,
        "reason": denial.reason,
        "detail": denial.detail,
        "figures": [figure.model_dump() for figure in denial.figures],
    }
