"""Wires market_data: venue -> sockets -> market -> closer -> store and streams; the guard looks after them."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from services.market_data.adapters.store import Store
from services.market_data.adapters.venue import RestVenue, connect
from services.market_data.alerts import Alerts
from services.market_data.closer import Closer
from services.market_data.core.venue_time import VenueTime
from services.market_data.guard import Guard
from services.market_data.market import Market
from services.market_data.sockets import Sockets
from services.market_data.telling import trouble
from shared.config import Settings
from shared.service import Context, Service, main
from shared.timeframes import SECOND, length

log = structlog.get_logger()

LONGEST_GRACE = 2.0
"""Wall seconds that silent symbols are waited for."""


def grace(settings: Settings) -> float | None:
    """At most a quarter of a bar's wall time; None in lock-step, where every symbol always speaks."""
    if settings.lockstep:
        return None
    return min(LONGEST_GRACE, length(settings.base_timeframe) / SECOND / settings.playback_speed / 4)


async def watched(settings: Settings, store: Store) -> tuple[str, ...]:
    """SYMBOLS, and those of trades still open: they need prices for their exits."""
    held = await store.symbols_of_open_trades(settings.desk)
    leftovers = [symbol for symbol in held if symbol not in settings.symbols]
    if leftovers:
        log.warning("not in SYMBOLS, but watched until their trades are closed", symbols=leftovers)
    return (*settings.symbols, *leftovers)


async def first_of(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def named(settings: Settings) -> str:
    """The venue as people know it, with the address where it is not its own."""
    return f"{settings.venue} at {settings.venue_url}" if settings.venue_url else settings.venue


async def build(context: Context) -> Service:
    """The service of one instance; several may run at once, the source's cursors keep what is published single."""
    settings = context.settings
    exchange = connect(settings)
    alerts, store = Alerts(context.source), Store(context.require_database())
    venue = RestVenue(exchange, alerts.dropped)
    symbols = await watched(settings, store)
    market = Market(
        base=settings.base_timeframe,
        symbols=symbols,
        lockstep=settings.lockstep,
        time=VenueTime(settings.base_timeframe, symbols, grace(settings)),
        alerts=alerts,
        leftovers=frozenset(symbols) - set(settings.symbols),
    )
    sockets = Sockets(exchange, market, settings.base_timeframe, books=not settings.lockstep)
    speed = settings.playback_speed
    closer = Closer(market, sockets, venue, store, context.source, alerts, settings.timeframe, speed)
    guard = Guard(market, sockets, closer, venue, store, context.source, alerts, speed)

    async def watch(stop: asyncio.Event) -> None:
        # whoever sees us subscribed may move a venue on: what came before must be known by then
        await first_of(closer.recovered, stop)
        try:
            await sockets.run(stop)
        finally:
            await venue.close()

    def health() -> Mapping[str, object]:
        outages, count = sockets.outages(), sum(map(len, sockets.health.values()))
        said = trouble(named(settings), venue.outage, outages, count, sockets.quiet_for(), datetime.now(UTC))
        degraded = bool(guard.stale or closer.deaf or outages or said) or closer.progress is None
        return {
            **({"status": "degraded"} if degraded else {}),
            # a loop's own trouble is gone while it tries again, which is most of the time of an outage
            "troubles": {**context.troubles, **({"venue": said} if said else {})},
            "venue": settings.venue_url or settings.venue,
            "sockets": sockets.report(),
            "stale": sorted(guard.stale | closer.deaf),
            "ended_until": None if closer.progress is None else closer.progress.time,
        }

    return Service(loops=(watch, closer.run, guard.run), health=health)


if __name__ == "__main__":
    main("market_data", build)
