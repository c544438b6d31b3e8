"""The desk at a glance, and why it does not trade."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Candle, SystemConfig
from shared.reports.books import portfolio
from shared.reports.rows import Status
from shared.reports.why import why_no_trade


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
