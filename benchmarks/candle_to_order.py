"""From the close of a candle at the venue to the order at the venue, through the whole desk.

A lock-step run of a seeded market with every service, real Redis, PostgreSQL and ccxt. Both moments are the
simulator's: it prints the open that ends a bar, and it accepts an entry. The hops between are told by the ids of the
stream entries, whole milliseconds. A live desk extrapolates the venue's time; in lock-step it asks for it before each
order, which is part of the last hop. `python -m benchmarks.candle_to_order` prints one JSON object.
"""

import argparse
import json
import os
import tempfile
import time
from bisect import bisect
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

import uvloop

from cli.demo import CHANNELS
from cli.desk import Servers, desk_named, migrate, servers
from cli.plan import Plan, free_port
from cli.playback import Conductor, Watched
from cli.run import Run, running, until_ready
from cli.venue import Json
from shared.config import load_settings
from shared.redis_streams.bus import Bus
from shared.redis_streams.source import Source

EAGER = {
    "COUNCIL_BUY_ABOVE": "0.501",
    "COUNCIL_QUORUM": "1",
    "ENTRY_SCORE": "0.01",
    "LEARNING": "off",
    "LOG_LEVEL": "WARNING",
    "MAX_DAILY_LOSS": "1",
    "MAX_DRAWDOWN": "1",
    "MAX_EXPOSURE": "1",
    "MAX_HOLD_BARS": "1",
}
"""Settings under which the desk enters often and leaves at the next bar."""
POLL = 0.005
"""Seconds between looks at the desk: it shall not compete with the looking."""
WARM_UP = 20
"""Entries that are not counted: connections open, caches fill."""
STREAMS = ("market:candles", "signals:generated", "council:decided")
HOPS = ("print_to_candle_ms", "candle_to_signal_ms", "signal_to_verdict_ms", "verdict_to_order_ms")


class Entry(NamedTuple):
    """When a bar's end was printed and when the order came that it led to, in ns of the wall's clock."""

    printed: int
    received: int

    @property
    def milliseconds(self) -> float:
        return (self.received - self.printed) / 1e6


def entries_of(timings: Json) -> list[Entry]:
    """Each entry with the last open before it, in the order of their arrival."""
    offset = time.time_ns() - time.monotonic_ns()
    printed: list[int] = timings["printed"]
    arrived = [order["at"] for order in timings["received"] if order["side"] == "buy" and order["kind"] == "market"]
    return [Entry(printed[bisect(printed, at) - 1] + offset, at + offset) for at in arrived]


async def _published(bus: Bus, stream: str) -> list[float]:
    """When each entry of a stream was published, in ms of the wall's clock."""
    found: list[float] = []
    for partition in range(bus.partitions):
        rows = await bus.execute("XRANGE", f"{stream}:{{{partition}}}", "-", "+")
        found += [float(row[0].split(b"-")[0]) + 0.5 for row in rows]
    return sorted(found)


async def hops_of(bus: Bus, entries: list[Entry]) -> dict[str, float]:
    """Median ms of each part of the way. In lock-step nothing else is under way between a print and its orders."""
    streams = [await _published(bus, stream) for stream in STREAMS]
    ways = []
    for entry in entries:
        end = entry.received / 1e6
        passed = [stream[bisect(stream, end) - 1] for stream in streams]
        ways.append([later - earlier for earlier, later in pairwise([entry.printed / 1e6, *passed, end])])
    return {name: round(median(column), 1) for name, column in zip(HOPS, zip(*ways, strict=True), strict=True)}


def _until(run: Run, wanted: int) -> Callable[[Json], Awaitable[None]]:
    async def look(step: Json) -> None:
        assert run.venue is not None  # a plan always plays a venue
        due = step["step"] % 20 == 0 and step["phase"] == "opened"
        if due and len(entries_of(await run.venue.timings())) >= wanted:
            run.stop.set()

    return look


async def _play(plan: Plan, found: Servers, environment: Mapping[str, str], wanted: int) -> dict[str, float]:
    async with running(plan.desk, found, environment, {}, plan) as run:
        assert run.venue is not None  # a plan always plays a venue
        await until_ready(run, run.venue, CHANNELS)
        watched = Watched(run.bus, run.database, Source(run.bus, "market_data"), plan.base, plan.timeframe)
        conductor = Conductor(run.venue, watched, poll=POLL)
        await conductor.play(run.stop.is_set, _until(run, wanted + WARM_UP), plan.bars)
        entries = entries_of(await run.venue.timings())[WARM_UP:]
        cuts = quantiles([entry.milliseconds for entry in entries], n=100)
        return {
            "candle_to_order_p50_ms": round(cuts[49], 2),
            "candle_to_order_p99_ms": round(cuts[98], 2),
            **await hops_of(run.bus, entries),
            "entries": len(entries),
        }


def measure(entries: int, symbols: str, bars: int) -> dict[str, float]:
    """Median and tail in milliseconds, the median of each hop, and how many entries they are of."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update(EAGER | {"DATA_DIR": folder})
        settings = load_settings()
        desk = desk_named("bench", settings)
        plan = Plan(desk, "1m", None, symbols=tuple(symbols.split(",")), bars=bars, balance=Decimal(100_000))
        with desk.locked(), servers(desk) as found:
            migrate(found.database_url)
            environment = plan.environment(found.urls, free_port())
            return uvloop.run(_play(plan, found, environment, entries))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=250, help="how many to measure")
    parser.add_argument("--symbols", default="BTC/USD,ETH/USD,SOL/USD", help="pairs of the seeded market")
    parser.add_argument("--bars", type=int, default=10_000, help="the most bars to play")
    parser.add_argument("--json", action="store_true", help="as always; here for symmetry with the other benchmarks")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.entries, arguments.symbols, arguments.bars)))


if __name__ == "__main__":
    main()
