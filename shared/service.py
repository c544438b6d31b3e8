"""The one runner of every service: settings, logs, health, leases, consume loop, drain."""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import structlog
import uvloop
from sqlalchemy.exc import SQLAlchemyError

from shared.clock import Clock, WallClock
from shared.config import Settings, load_settings
from shared.db import Database
from shared.errors import ConfigError, InvariantBroken
from shared.health import health_endpoint
from shared.heartbeat import beat
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.failures import FROM_REDIS, is_outside
from shared.redis_streams.lane import ConsumerOptions, pause_after
from shared.redis_streams.maintenance import maintain
from shared.redis_streams.overview import group_lag
from shared.redis_streams.source import Source
from shared.telemetry import Telemetry, configure_logs

log = structlog.get_logger()

STOP_WITHIN = 10.0
"""Seconds that loops and the consumer get to finish after the first signal."""

STEADY_AFTER = 30.0
"""Seconds after which a loop counts as having recovered."""

Loop = Callable[[asyncio.Event], Awaitable[None]]
"""A background task that ends soon after the event is set."""


@dataclass
class Context:
    """What a service is built from. `stop` is set once it shall end."""

    name: str
    settings: Settings
    bus: Bus
    database: Database | None
    source: Source
    instance: str
    clock: Clock
    stop: asyncio.Event
    telemetry: Telemetry | None = None
    consumer: Consumer | None = field(default=None, init=False)
    health_port: int = field(default=0, init=False)
    troubles: dict[str, str] = field(default_factory=dict, init=False)

    def is_leader(self) -> bool:
        """Whether this process acts for a singleton group; true in services that are none."""
        return self.consumer is None or self.consumer.is_leader

    def partitions_held(self) -> Mapping[int, int]:
        """Partition to lease epoch."""
        return {} if self.consumer is None else self.consumer.partitions

    def require_database(self) -> Database:
        """The database, or ConfigError where none is set."""
        if self.database is None:
            raise ConfigError(f"{self.name} needs DATABASE_URL")
        return self.database


@dataclass
class Service:
    """A built service: what it handles, what it does besides, what it adds to its health.

    A loop that raises Retryable (or loses a connection) is started again after a pause, any other exception ends
    the process. `on_commit` is called after each committed batch. A health mapping may carry its own `status`.
    """

    handlers: object | None = None
    loops: Sequence[Loop] = ()
    health: Callable[[], Mapping[str, object]] | None = None
    on_commit: Callable[[], None] | None = None


Build = Callable[[Context], Awaitable[Service]]


async def run(name: str, settings: Settings, build: Build) -> None:
    """Run a service until SIGTERM or SIGINT; a second signal ends it at once. Raises what must crash the process."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.callback(_stop_on_signals(stop))
        context = await _context(stack, name, settings, stop)
        service = await build(context)
        if service.handlers is not None:
            context.consumer = _consumer(context, service.handlers, service.on_commit)
        calm_collector()
        report = partial(_health, context, service)
        context.health_port = await stack.enter_async_context(health_endpoint(settings.health_port, report))
        log.info("started", health_port=context.health_port)
        await _run_all(context, service)
        log.info("stopped")


def main(name: str, build: Build) -> None:
    """Entry point of a service's process: settings from the environment. Exit code 2 names a wrong setting."""
    try:
        settings = load_settings()
        configure_logs(name, settings.instance, settings.log_level)
        uvloop.run(run(name, settings, build))
    except ConfigError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(2)
    except InvariantBroken as error:
        log.critical("the books contradict themselves", exc_info=error)
        sys.exit(1)


def calm_collector() -> None:
    """Python's cycle collector would walk every object of the process for each batch; batches leave no cycles."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _stop_on_signals(stop: asyncio.Event) -> Callable[[], None]:
    """The second signal finds the default handler, which kills. Gives what undoes this."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def restore() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def first() -> None:
        log.info("stopping: finishing what is in hand; once more to end at once")
        stop.set()
        restore()

    for number in signals:
        loop.add_signal_handler(number, first)
    return restore


async def _context(stack: AsyncExitStack, name: str, settings: Settings, stop: asyncio.Event) -> Context:
    if not settings.redis_url.get_secret_value():
        raise ConfigError("REDIS_URL is empty: start the desk with `parley up`, or name your Redis")
    bus = await Bus.connect(settings.redis_url.get_secret_value(), settings.partitions)
    stack.push_async_callback(bus.close)
    database = None
    if url := settings.database_url.get_secret_value():
        database = Database(url)
        stack.push_async_callback(database.close)
    telemetry = None
    if settings.tracing:
        telemetry = Telemetry(name, settings.instance)
        stack.callback(telemetry.close)
    source = Source(bus, name)
    return Context(name, settings, bus, database, source, settings.instance, WallClock(), stop, telemetry)


def _consumer(context: Context, handlers: object, on_commit: Callable[[], None] | None) -> Consumer:
    settings = context.settings
    options = ConsumerOptions(
        batch_size=settings.batch_size, max_attempts=settings.max_attempts, lease_ttl=settings.lease_ttl
    )
    return Consumer(
        context.bus,
        context.name,
        context.instance,
        handlers,
        context.database,
        options=options,
        spans=context.telemetry,
        on_commit=on_commit,
    )


async def _run_all(context: Context, service: Service) -> None:
    """Until `stop`, which the first failure sets too. Raises that failure once the others have ended."""
    loops: dict[str, Loop] = {f"{loop_name(loop)}": loop for loop in service.loops}
    loops["maintenance"] = partial(
        maintain, context.bus, context.database, context.instance, context.settings.stream_max_length
    )
    report = partial(_health, context, service)
    loops["heartbeat"] = partial(beat, context.bus, context.name, context.instance, context.health_port, report)
    tasks = [asyncio.create_task(_keep_running(name, loop, context)) for name, loop in loops.items()]
    if context.consumer is not None:
        tasks.append(asyncio.create_task(context.consumer.run(context.stop)))
    for task in tasks:
        task.add_done_callback(lambda ended: context.stop.set() if _failed(ended) else None)
    await context.stop.wait()
    _, late = await asyncio.wait(tasks, timeout=STOP_WITHIN)
    for task in late:
        log.warning("a loop did not stop in time", task=task.get_name())
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if error := _failed(task):
            raise error


def loop_name(loop: Loop) -> str:
    """What logs and health call it."""
    return getattr(loop, "__qualname__", type(loop).__name__)


def _failed(task: "asyncio.Task[None]") -> BaseException | None:
    return None if task.cancelled() else task.exception()


async def _keep_running(name: str, loop: Loop, context: Context) -> None:
    """Start the loop again, after a growing pause, while only the world outside fails it."""
    failures = 0
    while not context.stop.is_set():
        began = time.monotonic()
        try:
            await loop(context.stop)
            return
        except (*FROM_REDIS, SQLAlchemyError) as error:
            if not is_outside(error):
                raise
            failures = 1 if time.monotonic() - began > STEADY_AFTER else failures + 1
            seconds = pause_after(failures)
            context.troubles[name] = f"{type(error).__name__}: {error}"
            log.warning("a loop starts again", loop=name, seconds=seconds, error=context.troubles[name])
        with suppress(TimeoutError):
            await asyncio.wait_for(context.stop.wait(), seconds)
        context.troubles.pop(name, None)


async def _health(context: Context, service: Service) -> dict[str, Any]:
    consumer = context.consumer
    report: dict[str, Any] = {
        "name": context.name,
        "instance": context.instance,
        "troubles": context.troubles,
        "partitions": list(context.partitions_held()),
        "leader": context.is_leader(),
        "last_message_age": None if consumer is None else consumer.idle_seconds,
    }
    status = "degraded" if context.troubles else "ok"
    try:
        report["lag"] = asdict(await group_lag(context.bus, context.name)) if consumer else None
    except FROM_REDIS as error:
        status, report["redis"] = "degraded", f"{type(error).__name__}: {error}"
    if status == "ok" and consumer is not None and not consumer.started:
        status = "starting"
    if service.health is not None:
        own = dict(service.health())
        status = str(own.pop("status", status)) if status == "ok" else status
        report |= own
    return {"status": status, **report}
