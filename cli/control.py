"""`parley pause | resume | close`: an operator's hand on the desk. Every act is in the audit trail."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.access import DeskName, Opened, on_desk
from cli.desk import KIND
from cli.output import say
from shared.errors import ConfigError
from shared.ids import derived_id
from shared.models import Account, Audit, DecisionInstant, SystemConfig, Trade
from shared.redis_streams.source import Source
from shared.reports import queries
from shared.schemas.base import Message
from shared.schemas.orders import ExitRequested
from shared.schemas.system import TradingPaused, TradingResumed

Reason = Annotated[str, typer.Option(help="kept in the audit trail")]


def pause(desk: DeskName = None, reason: Reason = "paused by hand") -> None:
    """No new entries from now on; exits and stops go on."""
    if on_desk(desk, lambda opened: _set_status(opened, "PAUSED", False, reason)):
        say("Paused: no new entries. Open trades stay guarded. `parley resume` goes on.")
    else:
        say("The desk does not run. It is paused: started again, it enters nothing until `parley resume`.")


def resume(
    desk: DeskName = None,
    reason: Reason = "resumed by hand",
    enable_buying: Annotated[bool, typer.Option(help="also after the drawdown guard has tripped")] = False,
    rebase: Annotated[bool, typer.Option(help="hold drawdown to today's equity from now on")] = False,
) -> None:
    """Allow entries again. After a drawdown halt say so with --enable-buying, and --rebase where the loss stands."""
    runs = on_desk(desk, lambda opened: _resume(opened, reason, enable_buying or rebase, rebase))
    done = "Resumed." if runs else "The desk does not run. Entries are allowed from its next start on."
    say(done if enable_buying or rebase else f"{done} (After a drawdown halt: add --enable-buying.)")


def close(
    symbol: Annotated[str | None, typer.Argument(help="pair to leave, like BTC/USD")] = None,
    everything: Annotated[bool, typer.Option("--all", help="leave every open trade")] = False,
    desk: DeskName = None,
) -> None:
    """Sell what is held of SYMBOL, or everything, at the market."""
    if symbol and everything:
        raise ConfigError(f"--all closes every trade and {symbol} names one: give either, not both.")
    if not symbol and not everything:
        raise ConfigError("say which trade to close: `parley close BTC/USD` or `parley close --all`.")
    wanted = symbol.upper() if symbol else None
    closing, runs = on_desk(desk, lambda opened: _close(opened, wanted))
    if wanted and not closing:
        raise ConfigError(f"there is no open trade of {wanted}; `parley positions` lists them.")
    say(_closing(closing, runs))


def _closing(symbols: Sequence[str], runs: bool) -> str:
    if not symbols:
        return "Closing nothing: no trade is open."
    if runs:
        return f"Closing {', '.join(symbols)}."
    return f"The desk does not run. {', '.join(symbols)} will be sold at its next start."


async def _resume(desk: Opened, reason: str, enable_buying: bool, rebase: bool) -> bool:
    async with desk.database.transaction() as connection:
        money = await queries.portfolio(connection)
        loss = money.drawdown if money else None
        limit = float(desk.settings.max_drawdown)
        if rebase and money and money.equity:
            await connection.execute(
                update(Account).where(Account.name == money.account).values(initial_balance=money.equity)
            )
            await _record(connection, "rebase", "account", {"initial_balance": str(money.equity)})
        elif enable_buying and loss is not None and loss > limit:
            raise ConfigError(
                f"the loss is still {loss:.1%}, beyond the limit of {limit:.0%}: buying would be halted again. "
                "To hold drawdown to today's equity from now on, add --rebase."
            )
    return await _set_status(desk, "ACTIVE", enable_buying, reason)


async def _set_status(desk: Opened, status: str, enable_buying: bool, reason: str) -> bool:
    """Set the status; whether the desk runs."""
    _refuse_ended(desk)
    values: dict[str, object] = {"system_status": status}
    # while halted, the reason tells of the halt until a person enables buying
    values["reason"] = (
        reason if enable_buying else case((SystemConfig.is_trading_active, reason), else_=SystemConfig.reason)
    )
    if enable_buying:
        values["is_trading_active"] = True
    now = datetime.now(UTC)
    kind = TradingPaused if status == "PAUSED" else TradingResumed
    async with desk.database.transaction() as connection:
        await connection.execute(update(SystemConfig).values(values))
        await _record(connection, kind.__name__, "desk", {"reason": reason, "enable_buying": enable_buying})
    message = kind(message_id=derived_id(kind.__name__, now), occurred_at=now, reason=reason, by=getpass.getuser())
    await _publish(desk, [message])
    return not desk.stopped


def _refuse_ended(desk: Opened) -> None:
    """A playback has no next start: its desk is emptied first."""
    if desk.stopped and desk.desk and desk.desk.remembered().get(KIND) == "playback":
        raise ConfigError(
            f"the playback '{desk.desk.name}' has ended, and every playback begins anew: nothing would come of it."
        )


async def _close(desk: Opened, symbol: str | None) -> tuple[list[str], bool]:
    """Ask for the exits; the symbols, and whether the desk runs."""
    _refuse_ended(desk)
    async with desk.database.transaction() as connection:
        query = select(Trade.id, Trade.symbol).where(Trade.status.in_(("opening", "open", "closing")))
        open_trades = (await connection.execute(query if symbol is None else query.where(Trade.symbol == symbol))).all()
        now = await connection.scalar(select(func.max(DecisionInstant.time))) or datetime.now(UTC)
        for trade in open_trades:
            await _record(connection, "close", trade.symbol, {"trade": str(trade.id)})
    await _publish(desk, [_exit(trade.id, trade.symbol, now) for trade in open_trades])
    return [trade.symbol for trade in open_trades], not desk.stopped


def _exit(trade_id: UUID, symbol: str, now: datetime) -> ExitRequested:
    return ExitRequested(
        message_id=derived_id("ExitRequested", trade_id, "manual", datetime.now(UTC)),
        occurred_at=now,
        symbol=symbol,
        trade_id=trade_id,
        reason="manual",
        note=f"by {getpass.getuser()}",
    )


async def _record(connection: AsyncConnection, action: str, subject: str, details: object) -> None:
    await connection.execute(
        insert(Audit).values(who=getpass.getuser(), action=action, subject=subject, details=details)
    )


async def _publish(desk: Opened, messages: Sequence[Message]) -> None:
    source = Source(desk.bus, "cli")
    for message in messages:
        await source.publish_unseen(message)
