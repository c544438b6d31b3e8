"""From the close of a candle at the venue to the order at the venue, through the whole desk.

A lock-step run of a seeded market with every service, real Redis, PostgreSQL and ccxt. Both moments are the
simulator's: it prints the open that ends a bar, and it accepts an entry. The hops between are told by the ids of the
stream entries, whole milliseconds. A live desk extrapolates the venue's time; in lock-step it asks for it before each
order, which is part of the last hop. `python -m benchmarks.candle_to_order` prints one JSON object.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from bisect import bisect
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

from cli.demo import run_plan
from cli.desk import desk_named
from cli.plan import Plan
from cli.run import Run
from cli.venue import Json
from shared.config import load_settings
from shared.redis_streams.bus import Bus

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
    "RISK_PER_TRADE": "0.00002",
}
"""Settings under which the desk enters often, with little, and leaves at the next bar: fees must not end the run."""
WARM_UP = 20
"""Entries that are not counted: connections open, caches fill."""
LOOK_EVERY = 25
"""Bars between looks at how many entries there are."""
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
    """Median ms of each part of the way. In lock-step nothing else is under way between a print and its orders.

    Of the entries whose messages still stand in their streams: what everybody has read is trimmed now and then.
    """
    streams = [await _published(bus, stream) for stream in STREAMS]
    since = max(stream[0] for stream in streams)
    ways = []
    for entry in entries:
        if entry.printed / 1e6 < since:
            continue
        end = entry.received / 1e6
        passed = [stream[bisect(stream, end) - 1] for stream in streams]
        ways.append([later - earlier for earlier, later in pairwise([entry.printed / 1e6, *passed, end])])
    return {name: round(median(column), 1) for name, column in zip(HOPS, zip(*ways, strict=True), strict=True)}


@dataclass(slots=True)
class Watch:
    """Looks at the run now and then, and ends it once there are enough entries."""

    wanted: int
    next_step: int = LOOK_EVERY
    found: dict[str, float] = field(default_factory=dict)

    async def look(self, run: Run, step: Json) -> None:
        """Never after an open, when that which is measured is under way."""
        if step["phase"] == "opened" or step["step"] < self.next_step or run.venue is None or run.stop.is_set():
            return
        self.next_step = step["step"] + LOOK_EVERY
        entries = entries_of(await run.venue.timings())[WARM_UP:]
        if len(entries) >= self.wanted:
            self.found = await summary(run.bus, entries)
            run.stop.set()


async def summary(bus: Bus, entries: list[Entry]) -> dict[str, float]:
    """Median and tail in milliseconds, the median of each hop, and how many entries they are of."""
    cuts = quantiles([entry.milliseconds for entry in entries], n=100)
    return {
        "candle_to_order_p50_ms": round(cuts[49], 2),
        "candle_to_order_p99_ms": round(cuts[98], 2),
        **await hops_of(bus, entries),
        "entries": len(entries),
    }


def measure(entries: int, symbols: str, bars: int) -> dict[str, float]:
    """One run on a desk of its own; SystemExit where it gave too few entries or its books disagree."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update(EAGER | {"DATA_DIR": folder})
        settings, watch = load_settings(), Watch(entries)
        desk = desk_named("bench", settings)
        plan = Plan(desk, "1m", None, symbols=tuple(symbols.split(",")), bars=bars, balance=Decimal(100_000))
        report = run_plan(plan, settings, forget=True, quiet=True, meddle=watch.look)
    if not watch.found or not report["agree"]:
        sys.exit(f"no figure of {len(report['trades'])} trades, books agree: {report['agree']}")
    return watch.found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200, help="how many to measure")
    parser.add_argument("--symbols", default="SOL/USD", help="pairs of the seeded market")
    parser.add_argument("--bars", type=int, default=10_000, help="the most bars to play")
    parser.add_argument("--json", action="store_true", help="as always; here for symmetry with the other benchmarks")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.entries, arguments.symbols, arguments.bars)))


if __name__ == "__main__":
    main()
