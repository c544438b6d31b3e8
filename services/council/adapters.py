"""The facts as of a bar's close, and the record of what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Row, bindparam, text
from sqlalchemy.dialects.postgresql import insert

from services.council.case import Case, Portfolio, Sentiment
from shared import models, sentiment
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
        from trades where entry_time < :at and (exit_time is null or exit_time >= :at)
    ) trading
    cross join (
        select coalesce(sum(pnl), 0) as day_pnl from trades where exit_time >= :day and exit_time < :at
    ) closed
    cross join (
        select jsonb_object_agg(name, weight) as weights from (
            select distinct on (name) name, weight from weights
            where scope = 'members' and effective_from <= :at order by name, effective_from desc
        ) newest
    ) weighing
    left join (
        select equity, drawdown from equity_points where time < :at order by time desc limit 1
    ) equity on true
""").bindparams(bindparam("at", type_=_INSTANT), bindparam("day", type_=_INSTANT))


@dataclass(frozen=True, slots=True)
class Facts:
    """A case, and what the members' votes weigh in it."""

    case: Case
    weights: Mapping[str, float]


async def facts_of(tx: Transaction, signal: SignalGenerated, bar: timedelta) -> Facts:
    """All that the council looks at, as of the signal's bar close; `bar` is the length of one bar."""
    at = signal.occurred_at
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    row = (await tx.execute(_FACTS, {"symbol": signal.symbol, "at": at, "day": day})).one()
    mood = await _sentiment(tx, signal.symbol, at, bar) if row.has_news else Sentiment()
    return Facts(Case(signal, _portfolio(row), mood), row.weights or {})


async def _sentiment(tx: Transaction, symbol: str, at: datetime, bar: timedelta) -> Sentiment:
    now, before = await sentiment.levels(tx.execute, symbol, [at, at - bar])
    return Sentiment(now, before)


def _portfolio(row: Row[Any]) -> Portfolio:
    return Portfolio(row.equity, row.drawdown, row.day_pnl, row.open_trades, row.held_since)


_SESSION = insert(models.CouncilSession).on_conflict_do_nothing()
_VOTES = text("""
    insert into council_votes (session_id, member, weight, probability, veto, reason)
    select :session, * from unnest(
        cast(:members as text[]), cast(:weights as float8[]), cast(:probabilities as float8[]), cast(:vetoes as bool[]),
        cast(:reasons as text[])
    ) on conflict do nothing
""")


async def keep(tx: Transaction, decided: CouncilDecided) -> None:
    """Store the session with its votes; a second time changes nothing."""
    await tx.execute(_SESSION, _session(decided))
    if votes := decided.votes:
        await tx.execute(
            _VOTES,
            {
                "session": decided.message_id,
                "members": [vote.member for vote in votes],
                "weights": [vote.weight for vote in votes],
                "probabilities": [vote.probability for vote in votes],
                "vetoes": [vote.veto for vote in votes],
                "reasons": [vote.reason for vote in votes],
            },
        )


def _session(decided: CouncilDecided) -> Mapping[str, Any]:
    same = ("signal_id", "symbol", "timeframe", "verdict", "probability", "quorum", "reason", "score", "cost")
    return {
        "id": decided.message_id,
        "time": decided.occurred_at,
        "vetoed_by": list(decided.vetoed_by),
        **{name: getattr(decided, name) for name in same},
    }
