"""The facts as of a bar's close, and the record of what was decided."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Row, bindparam, text

from services.council.case import Case, Facts, Portfolio, Sentiment
from shared import sentiment
from shared.redis_streams.transaction import Transaction
from shared.schemas.council import CouncilDecided
from shared.schemas.signals import SignalGenerated

_INSTANT = DateTime(timezone=True)

# strictly before :at, but for weights: what happens at the instant itself may or may not have arrived yet
_FACTS = text(f"""
    select equity.equity, equity.drawdown, trading.open_trades, trading.held_since, closed.day_pnl, weighing.weights,
           {sentiment.HAS_NEWS} as has_news
    from (
        select count(*) as open_trades, min(entry_time) filter (where symbol = :symbol) as held_since
        from trades where account = :account and entry_time < :at and (exit_time is null or exit_time >= :at)
    ) trading
    cross join (
        select coalesce(sum(pnl), 0) as day_pnl
        from trades where account = :account and exit_time >= :day and exit_time < :at
    ) closed
    cross join (
        select jsonb_object_agg(name, weight) as weights from (
            select distinct on (name) name, weight from weights
            where scope = 'members' and effective_from <= :at order by name, effective_from desc
        ) newest
    ) weighing
    left join (
        select equity, drawdown from equity_points
        where account = :account and time < :at order by time desc limit 1
    ) equity on true
""").bindparams(bindparam("at", type_=_INSTANT), bindparam("day", type_=_INSTANT))


# one round trip for both: it stands between a candle and its order
_KEEP = text("""
    with session as (
        insert into council_sessions
        select * from jsonb_populate_record(null::council_sessions, cast(:session as jsonb)) on conflict do nothing)
    insert into council_votes
    select * from jsonb_populate_recordset(null::council_votes, cast(:votes as jsonb)) on conflict do nothing
""")


class DatabaseRecords:
    """Of one account; `bar` is the length of a decision bar."""

    def __init__(self, account: str, bar: timedelta) -> None:
        self._account = account
        self._bar = bar

    async def facts(self, tx: Transaction, signal: SignalGenerated) -> Facts:
        """All that the council looks at, as of the signal's bar close."""
        at = signal.occurred_at
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        asked = {"symbol": signal.symbol, "account": self._account, "at": at, "day": day}
        row = (await tx.execute(_FACTS, asked)).one()
        mood = await self._sentiment(tx, signal.symbol, at) if row.has_news else Sentiment()
        return Facts(Case(signal, _portfolio(row), mood), row.weights or {})

    async def keep(self, tx: Transaction, decided: CouncilDecided) -> None:
        """Store the session with its votes; a second time changes nothing."""
        votes = [vote.model_dump() | {"session_id": decided.message_id} for vote in decided.votes]
        await tx.execute(_KEEP, {"session": _json(_session(decided)), "votes": _json(votes)})

    async def _sentiment(self, tx: Transaction, symbol: str, at: datetime) -> Sentiment:
        now, before = await sentiment.levels(tx.execute, symbol, [at, at - self._bar])
        return Sentiment(now, before)


def _portfolio(row: Row[Any]) -> Portfolio:
    return Portfolio(row.equity, row.drawdown, row.day_pnl, row.open_trades, row.held_since)


def _json(rows: object) -> str:
    """Decimals, ids and times as text, which PostgreSQL reads exactly."""
    return json.dumps(rows, default=str)


def _session(decided: CouncilDecided) -> Mapping[str, Any]:
    same = ("signal_id", "symbol", "timeframe", "verdict", "probability", "quorum", "reason", "score", "cost")
    return {
        "id": decided.message_id,
        "time": decided.occurred_at,
        "vetoed_by": list(decided.vetoed_by),
        **{name: getattr(decided, name) for name in same},
    }
