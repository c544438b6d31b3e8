"""Why there is no trade: of each symbol its open trade, its last refusal or its last verdict, in one line."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import CouncilSession, Refusal, SystemConfig, Trade
from shared.reports.books import HELD, refusals
from shared.reports.decisions import sessions, signals
from shared.reports.rows import SymbolWhy, WhyNoTrade
from shared.reports.select import Page

NEWEST = Page(limit=1)
LOOKED_BACK = timedelta(days=1)
"""A symbol without a verdict for so long before the newest one is not traded any more."""

NOTHING_YET = "No signal has reached the council yet: the strategies wait for their first closed bars."
ALL_OPEN = "Every symbol has an open trade."
TELLING = ("refused", "vetoed", "hold", "sell", "bought", "open")
"""The kinds of lines, the most telling first."""
UNDER_WAY = {"opening": "is being bought", "open": "is open", "closing": "is being sold"}


async def why_no_trade(connection: AsyncConnection) -> WhyNoTrade:
    """A line for each symbol, the most telling first, and one sentence that names the obstacle."""
    flags = (await connection.execute(select(SystemConfig))).mappings().first()
    switched_off = _switched_off(flags["system_status"], flags["is_trading_active"], flags["reason"]) if flags else None
    symbols = await _symbols(connection)
    return WhyNoTrade(
        sentence=switched_off or _sentence(symbols),
        symbols=tuple(symbols),
        last_refusal=next(iter(await refusals(connection, page=NEWEST)), None),
        last_session=next(iter(await sessions(connection, page=NEWEST)), None),
        last_hold=next(iter(await sessions(connection, verdict="HOLD", page=NEWEST)), None),
        last_signal=next(iter(await signals(connection, page=NEWEST)), None),
    )


def _switched_off(system_status: str, is_trading_active: bool, reason: str) -> str | None:
    if not is_trading_active:
        return f"Buying is disabled until a person enables it: {reason or 'is_trading_active is false'}"
    if system_status == "PAUSED":
        return f"The desk is paused: {reason or 'system_status is PAUSED'}"
    return None


def _sentence(symbols: list[SymbolWhy]) -> str:
    if not symbols:
        return NOTHING_YET
    return ALL_OPEN if symbols[0].kind == "open" else symbols[0].sentence


async def _symbols(connection: AsyncConnection) -> list[SymbolWhy]:
    """What was said last of each symbol, the most telling first."""
    newest = (await connection.execute(select(func.max(CouncilSession.time)))).scalar()
    since = newest - LOOKED_BACK if newest else None
    debated = await _newest_of_each(connection, CouncilSession, since)
    refused = await _newest_of_each(connection, Refusal, since)
    decisions = [row["id"] for row in debated.values()]
    query = select(Trade).where(or_(Trade.status.in_(HELD), Trade.decision_id.in_(decisions)))
    # an open trade hides a closed one of the same symbol
    rows = sorted((await connection.execute(query)).mappings(), key=lambda row: row["status"] in HELD)
    traded = {row["symbol"]: row for row in rows}
    lines = [
        told(symbol, debated.get(symbol), refused.get(symbol), traded.get(symbol))
        for symbol in debated.keys() | refused.keys() | traded.keys()
    ]
    return sorted(lines, key=lambda why: (TELLING.index(why.kind), -(why.score or 0.0), why.symbol))


async def _newest_of_each(connection: AsyncConnection, table: Any, since: datetime | None) -> dict[str, RowMapping]:
    query = select(table).ext(distinct_on(table.symbol)).order_by(table.symbol, table.time.desc())
    if since:
        query = query.where(table.time >= since)
    return {row["symbol"]: row for row in (await connection.execute(query)).mappings()}


def told(symbol: str, debated: RowMapping | None, refused: RowMapping | None, traded: RowMapping | None) -> SymbolWhy:
    """The line of a symbol, of which one of the three is known. An open trade says more than what was said since."""
    score = debated["score"] if debated else None
    if traded and traded["status"] in HELD:
        since = traded["entry_time"] or traded["decided_at"]
        sentence = f"{symbol}: the trade {UNDER_WAY[traded['status']]}, since {since:%H:%M}"
        return SymbolWhy(symbol=symbol, time=since, kind="open", score=score, sentence=sentence)
    if refused and (debated is None or refused["time"] >= debated["time"]):
        return SymbolWhy(symbol=symbol, time=refused["time"], kind="refused", score=score, sentence=_refused(refused))
    assert debated is not None
    kind, sentence = _debated(debated, traded)
    return SymbolWhy(symbol=symbol, time=debated["time"], kind=kind, score=score, sentence=sentence)


def _refused(refusal: RowMapping) -> str:
    figures = ", ".join(f"{figure['name']} {figure['value']}" for figure in refusal["figures"])
    head = f"{refusal['symbol']} {refusal['time']:%H:%M} BUY refused by risk ({refusal['reason']}): {refusal['detail']}"
    return f"{head} [{figures}]" if figures else head


def _debated(session: RowMapping, bought: RowMapping | None) -> tuple[str, str]:
    """Of a symbol without an open trade: the kind and the sentence."""
    head = f"{session['symbol']} {session['time']:%H:%M} {session['verdict']}"
    if session["verdict"] == "SELL":
        return "sell", f"{head}, nothing held: {session['reason']}"
    if session["verdict"] == "BUY":
        return "bought", f"{head}, {_became(bought)}"
    return "vetoed" if session["vetoed_by"] else "hold", f"{head}: {session['reason']}"


def _became(bought: RowMapping | None) -> str:
    if bought is None:
        return "no order yet"
    if not bought["quantity"]:
        return "and the order bought nothing"
    return f"bought, and closed at {bought['exit_time']:%H:%M} ({bought['exit_reason']})"
