"""One run of a desk: its processes, started in order, watched, and stopped in order."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic

from cli.desk import Desk, Servers
from cli.output import note
from cli.plan import Plan
from cli.supervisor import SERVICES, Child, Supervisor, service_child
from cli.venue import Venue
from shared.config import load_settings
from shared.db import Database
from shared.errors import ConfigError, Retryable
from shared.redis_streams.bus import Bus
from shared.seed import seed

START_PATIENCE = 120.0


@dataclass(slots=True)
class Run:
    """What a view or a conductor needs of a desk that runs."""

    desk: Desk
    bus: Bus
    database: Database
    services: Supervisor
    stop: asyncio.Event
    servers: Servers
    venue: Venue | None = None
    market: Supervisor | None = None

    @property
    def restarts(self) -> int:
        return self.services.restarts + self.servers.restarts + (self.market.restarts if self.market else 0)

    def raise_failure(self) -> None:
        """ConfigError of a process that cannot run."""
        for supervisor in (self.services, self.market):
            if supervisor and supervisor.failed:
                raise supervisor.failed


@asynccontextmanager
async def running(
    desk: Desk, found: Servers, environment: Mapping[str, str], scale: Mapping[str, int], plan: Plan | None
) -> AsyncIterator[Run]:
    """Start the venue (where the plan plays one) and every service; stop them in the opposite order."""
    async with AsyncExitStack() as stack:
        database = Database(found.database_url)
        stack.push_async_callback(database.close)
        async with database.transaction() as connection:
            await seed(connection)
        bus = await Bus.connect(found.redis_url, load_settings().partitions)
        stack.push_async_callback(bus.close)
        await bus.ensure_groups()
        crashes = plan.crashes if plan else {}
        services = Supervisor(_children(desk, environment, scale, crashes))
        run = Run(desk, bus, database, services, _stop_on_signals(), found)
        stack.push_async_callback(_ended, asyncio.create_task(_keep_servers(run)))
        if plan:
            await _start_venue(run, plan, environment, stack)
        run.services.start()
        stack.push_async_callback(run.services.stop)
        yield run


def _children(
    desk: Desk, environment: Mapping[str, str], scale: Mapping[str, int], crashes: Mapping[str, Sequence[str]]
) -> list[Child]:
    counts = {service: scale.get(service, scale.get("all", 1)) for service in SERVICES}
    counts["api_gateway"] = 1  # it has one port
    return [
        service_child(service, index, environment, desk.logs, crashes.get(service, ()))
        for service, count in counts.items()
        for index in range(count)
    ]


async def _keep_servers(run: Run) -> None:
    while True:
        await asyncio.sleep(1)
        try:
            await asyncio.to_thread(run.servers.revive)
        except ConfigError as error:  # a full disk may be freed
            note(False, f"{error} (trying again)")


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _stop_on_signals() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _start_venue(run: Run, plan: Plan, environment: Mapping[str, str], stack: AsyncExitStack) -> None:
    port = int(environment["VENUE_URL"].rsplit(":", 1)[1])
    child = Child("exchange_simulator", plan.venue_command(port), plan.venue_environment(), run.desk.logs / "venue.log")
    run.market = Supervisor([child])
    run.market.start()
    stack.push_async_callback(run.market.stop)
    run.venue = Venue(environment["VENUE_URL"])
    stack.push_async_callback(run.venue.close)
    await until_ready(run, run.venue, subscribed=())


async def until_ready(run: Run, venue: Venue, subscribed: tuple[str, ...]) -> None:
    """Wait until the venue answers and somebody has subscribed to each of the channels."""
    began = monotonic()
    missing: object = "an answer"
    while monotonic() - began < START_PATIENCE and not run.stop.is_set():
        run.raise_failure()
        try:
            state = await venue.state()
            missing = [channel for channel in subscribed if not state["subscribers"].get(channel)]
            if not missing:
                return
        except Retryable as error:
            missing = error
        await asyncio.sleep(0.1)
    if not run.stop.is_set():
        raise ConfigError(
            f"the desk did not start within {START_PATIENCE:.0f} s; missing: {missing}. See {run.desk.logs}"
        )
