"""A past stretch out of the archive, as a recording that begins where nothing was held.

What was held at any other moment can't be told from rows that have changed since. Before an instant at which no trade
was open, the books are told by what had ended by then: closed trades, equity, outcomes and weights by their times, and
the cash of today less the fills since.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.config import Settings
from shared.errors import ConfigError
from shared.recording.entries import PRICES, Recorded, in_order
from shared.recording.file import Recording
from shared.recording.settings import deciding
from shared.recording.snapshot import WINDOW, read_rows, sorted_tables
from shared.schemas.market import BarsClosed, CandleRevised
from shared.timeframes import duration
from shared.topology import STREAMS

_BEGIN = text("""
    select max(time) from events ended
    where kind = :bars and body->>'timeframe' = :base and time <= :start and not exists (
        select from trades where decided_at < ended.time and case
            when exit_time is not null then exit_time >= ended.time - cast(:bar as interval)
            when status = 'closed' then decided_at >= ended.time - 2 * cast(:decision_bar as interval)
            else true end)
""")
_FIRST = text("""
    select min(cast(split_part(entry, '-', 1) as bigint)) from events
    where stream = :prices and kind <> :revised and time = :time
""")
_NEXT = text("select min(time) from events where stream = :prices and kind <> :revised and time > :time")
_EVENTS = text("""
    select stream, partition, entry, kind, message_id, causation_id, cast(body as text) as body, trace from events
    where time between cast(:begin as timestamptz) - interval '7 days'
          and cast(:end as timestamptz) + interval '7 days'
      and cast(split_part(entry, '-', 1) as bigint) between :first and :last
""")
_LAST = 2**62

_CLOSED = "select id from trades where exit_time < :begin"
_ROWS: Mapping[str, str] = {
    "assets": "select * from assets",
    "strategies": "select * from strategies",
    "sentiment_logs": "select * from sentiment_logs",
    "candles": """select * from candles where open_time < :begin and (
        (timeframe = :timeframe and open_time >= cast(:begin as timestamptz) - cast(:window as interval))
        or (timeframe = :base and open_time >= cast(:begin as timestamptz) - cast(:bar as interval)))""",
    "weights": "select * from weights where effective_from < :begin",
    "learning_outcomes": "select * from learning_outcomes where time < :begin",
    "learning_adjustments": "select * from learning_adjustments where effective_from < :begin",
    "accounts": """select name, currency, initial_balance, 0 as reserved, cash - coalesce((
        select sum(case side when 'sell' then cost - fee else -cost - fee end) from fills where time >= :begin
        ), 0) as cash from accounts""",
    "trades": "select * from trades where exit_time < :begin",
    "orders": f"select * from orders where trade_id in ({_CLOSED})",
    "fills": f"select * from fills where trade_id in ({_CLOSED})",
    "stops": f"select * from stops where trade_id in ({_CLOSED})",
    "decision_instants": "select * from decision_instants where time < :begin",
    "equity_points": "select * from equity_points where time < :begin",
    "system_config": """select 1 as id, coalesce((
        select case kind when 'TradingPaused' then 'PAUSED' else 'ACTIVE' end from events
        where kind in ('TradingPaused', 'TradingResumed') and time < :begin order by time desc limit 1
        ), 'ACTIVE') as system_status, halted.reason is null as is_trading_active, coalesce(halted.reason, '') as reason
        from (select 1) one left join lateral (
        select body->>'reason' as reason from events halt where kind = 'TradingHalted' and time < :begin
        and not exists (select from events where kind = 'TradingResumed' and time between halt.time and :begin)
        order by time desc limit 1) halted on true""",
}


async def past(
    connection: AsyncConnection, settings: Settings, partitions: int, start: datetime, end: datetime
) -> Recording:
    """From the last moment without a trade before `start` to `end`. ConfigError where the archive has none."""
    begin = await _begin(connection, settings, start)
    asked: dict[str, Any] = {
        "begin": begin,
        "timeframe": settings.timeframe,
        "base": settings.base_timeframe,
        "window": duration(settings.timeframe) * WINDOW,
        "bar": duration(settings.base_timeframe),
    }
    rows: dict[str, list[str]] = {}
    for table in sorted_tables(_ROWS):
        named = {name: value for name, value in asked.items() if f":{name}" in _ROWS[table]}
        async for part in read_rows(connection, table, _ROWS[table], named):
            rows.setdefault(table, []).extend(part)
    header = {
        "began": begin.isoformat(),
        "desk": settings.desk,
        "partitions": partitions,
        # prices between bars are not kept, which only a soft stop could have acted on
        "streams": [stream.name for stream in STREAMS],
        "from_start": False,
        "settings": deciding(settings),
    }
    entries = await _events(connection, begin, end)
    return Recording(header, rows, entries=entries, ended={"entries": len(entries), "at_rest": True})


async def _begin(connection: AsyncConnection, settings: Settings, start: datetime) -> datetime:
    asked = {
        "bars": BarsClosed.__name__,
        "base": settings.base_timeframe,
        "start": start,
        "bar": duration(settings.base_timeframe),
        "decision_bar": duration(settings.timeframe),
    }
    begin: datetime | None = await connection.scalar(_BEGIN, asked)
    if begin is None:
        raise ConfigError(
            f"--from {start.isoformat()}: the archive has no bar before it at which nothing was held,"
            " where a replay could begin. Choose a later time."
        )
    return begin


async def _events(connection: AsyncConnection, begin: datetime, end: datetime) -> list[Recorded]:
    if end < begin:
        raise ConfigError(f"--to {end.isoformat()}: is before the replay begins, {begin.isoformat()}")
    after: datetime | None = await _ask(connection, _NEXT, end)
    last = await _ask(connection, _FIRST, after) - 1 if after else _LAST
    limits = {"begin": begin, "end": end, "first": await _ask(connection, _FIRST, begin), "last": last}
    rows = await connection.execute(_EVENTS, limits)
    return in_order(
        Recorded(
            stream=row.stream,
            partition=row.partition,
            entry_id=row.entry,
            kind=row.kind,
            message_id=str(row.message_id),
            causation_id=str(row.causation_id or ""),
            body=row.body,
            trace=row.trace,
        )
        for row in rows
    )


async def _ask(connection: AsyncConnection, question: TextClause, time: datetime) -> Any:
    return await connection.scalar(question, {"prices": PRICES, "revised": CandleRevised.__name__, "time": time})
