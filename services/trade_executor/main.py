"""Wires the executor: books, broker, the loop that sends, the loops that listen and compare."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import wraps

from services.trade_executor.adapters.books import Books
from services.trade_executor.adapters.claims import Claims
from services.trade_executor.adapters.instants import Instants
from services.trade_executor.adapters.listener import AccountListener, Reconciler
from services.trade_executor.adapters.sender import Pace, Sender
from services.trade_executor.adapters.venue import Venue
from services.trade_executor.core.entries import ENTRY_SLACK, Limits
from services.trade_executor.handlers import Handlers, PaperHandlers, Rules
from shared.broker.base import Broker
from shared.broker.factory import make_broker
from shared.broker.paper_broker import PaperBroker
from shared.config import Settings
from shared.portfolio.grid import to_fraction
from shared.risk.limits import EntryLimits
from shared.service import Context, Loop, Service
from shared.service import main as run_service

NAME = "trade_executor"
COMPARE_EVERY = 30.0
COMPARE_EVERY_IN_LOCKSTEP = 2.0


def rules_of(settings: Settings) -> Rules:
    """The settings that decide, in the units that the core counts in."""
    limits = Limits(
        entry=EntryLimits(
            settings.entry_score,
            settings.max_positions,
            to_fraction(settings.max_daily_loss),
            to_fraction(settings.max_drawdown),
        ),
        risk_per_trade=to_fraction(settings.risk_per_trade),
        max_position=to_fraction(settings.max_position),
        max_exposure=to_fraction(settings.max_exposure),
        taker_fee=to_fraction(settings.taker_fee),
        slack=ENTRY_SLACK,
        stop_atr=float(settings.stop_atr),
    )
    return Rules(
        settings.timeframe,
        settings.base_timeframe,
        settings.decision_ttl,
        float(settings.take_profit_r),
        limits,
        settings.lockstep,
    )


async def build(context: Context) -> Service:
    """The service for these settings; the account's books are opened the first time."""
    return await build_with(context, make_broker(context.settings))


async def build_with(context: Context, broker: Broker) -> Service:
    """The service on a given broker."""
    settings, database = context.settings, context.require_database()
    books, instants = Books(settings.desk), Instants(settings.desk, settings.timeframe)
    async with database.transaction() as connection:
        await instants.open_books(connection, settings.currency, settings.initial_balance)
        now = await instants.newest_close(connection, settings.base_timeframe)
    rules = rules_of(settings)
    handlers = (
        PaperHandlers(books, instants, rules, broker, now)
        if isinstance(broker, PaperBroker)
        else Handlers(books, instants, rules, now)
    )
    claims, venue = Claims(database, settings.desk), Venue(broker, context.source)
    pace = Pace(settings.playback_speed, settings.decision_ttl)
    sender = Sender(claims, venue, pace, context.is_leader)
    every = COMPARE_EVERY_IN_LOCKSTEP if settings.lockstep else COMPARE_EVERY
    reconciler = Reconciler(claims, venue, every, context.is_leader)
    listener = AccountListener(venue, context.source, context.is_leader, reconciler.compare_now)

    def committed() -> None:
        changed = handlers.changed
        handlers.committed()
        if changed:
            sender.wake()

    def health() -> Mapping[str, object]:
        troubles = {"venue": venue.trouble, "fills": listener.trouble, "ledger": "; ".join(reconciler.differences)}
        return {"status": "degraded" if any(troubles.values()) else "ok"} | troubles

    loops = _closing((sender.run, reconciler.run, listener.run), broker)
    return Service(handlers, loops, health, committed)


def _closing(loops: Sequence[Loop], broker: Broker) -> Sequence[Loop]:
    """The same loops; the last of them to end at the stop closes the broker, which they share."""
    running = set(loops)

    def closes(loop: Loop) -> Loop:
        @wraps(loop)
        async def until_stop(stop: asyncio.Event) -> None:
            await loop(stop)
            running.discard(loop)
            if not running:
                await broker.close()

        return until_stop

    return [closes(loop) for loop in loops]


def main() -> None:
    """Entry point of the process."""
    run_service(NAME, build)


if __name__ == "__main__":
    main()
