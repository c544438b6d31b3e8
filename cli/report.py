"""The account of a run: what was played, decided, traded, and whether our books and the venue's agree."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.venue import Json
from shared.ids import canonical
from shared.models.busy import BUSY_ORDERS
from shared.redis_streams.bus import Bus
from shared.redis_streams.overview import streams_overview

TRADES = text("""
    SELECT symbol, status, entry_time, exit_time, entry_price, exit_price, quantity, fees, exit_reason, pnl
    FROM trades ORDER BY decided_at, symbol
""")
COUNTS = {
    "signals": "SELECT 'all', count(*) FROM signals GROUP BY 1",
    "decisions": "SELECT verdict, count(*) FROM council_sessions GROUP BY 1 ORDER BY 1",
    "debates": """
        SELECT CASE WHEN NOT quorum THEN 'no quorum' WHEN jsonb_array_length(vetoed_by) > 0 THEN 'vetoed'
               ELSE 'voted' END, count(*) FROM council_sessions GROUP BY 1 ORDER BY 1""",
    "orders": "SELECT state, count(*) FROM orders GROUP BY 1 ORDER BY 1",
    "refusals": "SELECT reason, count(*) FROM refusals GROUP BY 1 ORDER BY 1",
    "exits": "SELECT exit_reason, count(*) FROM trades WHERE status = 'closed' AND quantity > 0 GROUP BY 1 ORDER BY 1",
    "stops": "SELECT kind, count(*) FROM stops GROUP BY 1 ORDER BY 1",
}
STORED = text(
    "SELECT count(*) FROM candles WHERE timeframe = :base AND symbol = ANY(:symbols) AND open_time >= :begins"
)
LEDGER = text("SELECT currency, cash FROM accounts")
LEAKED = text("""
    SELECT count(*) FROM accounts a
    WHERE reserved <> (SELECT coalesce(sum(o.reserved), 0) FROM orders o WHERE o.account = a.name
                       AND state IN ('intended', 'submitting', 'unknown', 'open'))
""")
MISSED = text("SELECT reason FROM council_sessions WHERE NOT quorum ORDER BY time DESC, symbol LIMIT 1")
UNPUBLISHED = text("SELECT count(*) FROM outbox WHERE published_at IS NULL")
HELD = text("SELECT symbol, sum(held) FROM trades WHERE held > 0 GROUP BY 1 ORDER BY 1")


async def run_report(
    connection: AsyncConnection, bus: Bus, books: Json, candles: Mapping[str, int], complete: bool
) -> Json:
    """The report of a run, as JSON-ready values; money and quantities are exact strings.

    `complete` says whether all the data was played; a run cut short is held to what it played.
    """
    counts = {name: await _counts(connection, query) for name, query in COUNTS.items()}
    streams = await _streams(bus)
    ledger, venue = await _ledger(connection), _venue(books)
    return {
        "candles": dict(candles),
        "complete": complete,
        "streams": streams,
        **counts,
        "signals": counts["signals"].get("all", 0),
        "missed_quorum": await connection.scalar(MISSED),
        "trades": [_plain(row) for row in (await connection.execute(TRADES)).mappings()],
        "ledger": ledger,
        "venue": venue,
        "unfinished": await _unfinished(connection),
        "agree": ledger["cash"] == venue["cash"] and ledger["positions"] == venue["positions"],
    }


def faults(report: Json) -> list[str]:
    """What in a report means that something was lost, is dead or disagrees; empty when all is well."""
    found = []
    candles = {k: v for k, v in report["candles"].items() if report["complete"] or k != "in_data"}
    if len(set(candles.values())) > 1:
        found.append(f"candles differ: {candles}")
    for name, stream in report["streams"].items():
        if stream["dead"]:
            found.append(f"{stream['dead']} dead letters of {name}")
        waiting = {g: s for g, s in stream["groups"].items() if s["pending"] or s["lag"]}
        if waiting:
            found.append(f"{name} is not finished: {waiting}")
    if waiting := {what: count for what, count in report["unfinished"].items() if count}:
        found.append(f"not finished: {waiting}")
    if not report["agree"]:
        found.append(f"our ledger {report['ledger']} and the venue {report['venue']} disagree")
    return found


async def stored_candles(connection: AsyncConnection, base: str, symbols: Sequence[str], begins: datetime) -> int:
    """How many base candles of these symbols, from `begins` on, the database holds."""
    return await connection.scalar(STORED, {"base": base, "symbols": list(symbols), "begins": begins}) or 0


async def _counts(connection: AsyncConnection, query: str) -> dict[str, int]:
    return {str(name): count for name, count in await connection.execute(text(query))}


async def _unfinished(connection: AsyncConnection) -> dict[str, int]:
    """Orders that wait to be sent or answered, messages that wait to be published, cash held back for no order."""
    return {
        "orders": await connection.scalar(BUSY_ORDERS) or 0,
        "reservations": await connection.scalar(LEAKED) or 0,
        "outbox": await connection.scalar(UNPUBLISHED) or 0,
    }


async def _streams(bus: Bus) -> Json:
    overview = (await streams_overview(bus)).streams
    return {
        name: {
            "messages": stream.messages,
            "dead": stream.dead,
            "groups": {g: {"pending": s.pending, "lag": s.lag} for g, s in stream.groups.items()},
        }
        for name, stream in overview.items()
    }


async def _ledger(connection: AsyncConnection) -> Json:
    cash = {row.currency: canonical(row.cash) for row in await connection.execute(LEDGER)}
    held = {symbol: canonical(quantity) for symbol, quantity in await connection.execute(HELD)}
    return {"cash": cash, "positions": held}


def _venue(books: Json) -> Json:
    def tidy(amounts: Mapping[str, str]) -> dict[str, str]:
        return {name: canonical(Decimal(amount)) for name, amount in sorted(amounts.items())}

    positions = {name: amount for name, amount in tidy(books["positions"]).items() if Decimal(amount)}
    return {"cash": tidy(books["cash"]), "positions": positions}


def _plain(row: Mapping[Any, Any]) -> Json:
    def text_of(value: object) -> object:
        return (
            canonical(value)
            if isinstance(value, Decimal)
            else value.isoformat()
            if hasattr(value, "isoformat")
            else value
        )

    return {str(name): text_of(value) for name, value in row.items()}


def total(trades: Sequence[Json]) -> Decimal:
    """Realised profit of the closed trades, quote currency."""
    return sum((Decimal(trade["pnl"]) for trade in trades if trade["pnl"] is not None), Decimal(0))
