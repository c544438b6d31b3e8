"""The desk at a glance, and why it does not trade."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Candle, SystemConfig
from shared.reports.books import portfolio, refusals
from shared.reports.decisions import sessions, signals
from shared.reports.rows import RefusalRow, SessionRow, Status, WhyNoTrade
from shared.reports.select import Page

NEWEST = Page(limit=1)


async def status(connection: AsyncConnection) -> Status:
    """Flags, money, open positions, and why no trade."""
    flags = (await connection.execute(select(SystemConfig))).mappings().first()
    system_status = flags["system_status"] if flags else "ACTIVE"
    is_trading_active = bool(flags["is_trading_active"]) if flags else True
    money = await portfolio(connection)
    return Status(
        system_status=system_status,
        is_trading_active=is_trading_active,
        may_enter=system_status == "ACTIVE" and is_trading_active,
        reason=flags["reason"] if flags else "",
        portfolio=money,
        open_positions=len(money.positions) if money else 0,
        last_candle_at=(await connection.execute(select(func.max(Candle.open_time)))).scalar(),
        why_no_trade=await why_no_trade(connection),
    )


async def why_no_trade(connection: AsyncConnection) -> WhyNoTrade:
    """The last refusal with its numbers, the last HOLD with its reason, and one sentence that names the obstacle."""
    flags = (await connection.execute(select(SystemConfig))).mappings().first()
    refusal = next(iter(await refusals(connection, page=NEWEST)), None)
    newest = next(iter(await sessions(connection, page=NEWEST)), None)
    hold = next(iter(await sessions(connection, verdict="HOLD", page=NEWEST)), None)
    signal = next(iter(await signals(connection, page=NEWEST)), None)
    switched_off = _switched_off(flags["system_status"], flags["is_trading_active"], flags["reason"]) if flags else None
    return WhyNoTrade(
        sentence=switched_off or _sentence(refusal, newest),
        last_refusal=refusal,
        last_session=newest,
        last_hold=hold,
        last_signal=signal,
    )


def _switched_off(system_status: str, is_trading_active: bool, reason: str) -> str | None:
    if not is_trading_active:
        return f"Buying is disabled until a person enables it: {reason or 'is_trading_active is false'}"
    if system_status == "PAUSED":
        return f"The desk is paused: {reason or 'system_status is PAUSED'}"
    return None


def _sentence(refusal: RefusalRow | None, newest: SessionRow | None) -> str:
    if newest is None and refusal is None:
        return "No signal has reached the council yet: the strategies wait for their first closed bars."
    if refusal and (newest is None or refusal.time >= newest.time):
        figures = ", ".join(f"{figure['name']} {figure['value']}" for figure in refusal.figures)
        said = f"BUY of {refusal.symbol} at {refusal.time:%H:%M} was refused ({refusal.reason}): {refusal.detail}"
        return f"{said} [{figures}]" if figures else said
    assert newest is not None
    if newest.verdict == "BUY":
        return f"Nothing stands in the way: the BUY on {newest.symbol} at {newest.time:%H:%M} became an entry."
    return f"{newest.verdict} on {newest.symbol} at {newest.time:%H:%M}: {newest.reason}"
