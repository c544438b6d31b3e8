"""From the close of a candle at the venue to the order at the venue, through the whole desk.

A lock-step run of a seeded market with every service, real Redis, PostgreSQL and ccxt. Both moments are the simulator's:
it prints the open that ends a bar, and it accepts an entry. `python -m benchmarks.candle_to_order --json` prints
candle_to_order_p50_ms and candle_to_order_p99_ms.
"""

import argparse
import json
import os
import tempfile
from bisect import bisect
from collections.abc import Mapping
from decimal import Decimal
from statistics import quantiles

import uvloop

from cli.demo import CHANNELS
from cli.desk import Servers, desk_named, migrate, servers
from cli.plan import Plan, free_port
from cli.playback import Conductor, Watched
from cli.run import Run, running, until_ready
from cli.venue import Json
from shared.config import load_settings
from shared.redis_streams.source import Source

EAGER = {
    "COUNCIL_BUY_ABOVE": "0.501",
    "ENTRY_SCORE": "0.01",
    "LEARNING": "off",
    "LOG_LEVEL": "WARNING",
    "MAX_DAILY_LOSS": "1",
    "MAX_DRAWDOWN": "1",
    "MAX_HOLD_BARS": "1",
}
"""Settings under which the desk enters often and leaves at the next bar."""
POLL = 0.02
"""Seconds between looks at the desk: it shall not compete with the looking."""
WARM_UP = 20
"""Entries that are not counted: connections open, caches fill."""


def latencies(timings: Json) -> list[float]:
    """Milliseconds from the last open before it to each entry, in the order of their arrival."""
    printed: list[int] = timings["printed"]
    arrived = [order["at"] for order in timings["received"] if order["side"] == "buy" and order["kind"] == "market"]
    return [(at - printed[bisect(printed, at) - 1]) / 1e6 for at in arrived]


async def _play(plan: Plan, found: Servers, environment: Mapping[str, str], entries: int) -> list[float]:
    async with running(plan.desk, found, environment, {}, plan) as run:
        assert run.venue is not None
        await until_ready(run, run.venue, CHANNELS)
        watched = Watched(run.bus, run.database, Source(run.bus, "market_data"), plan.base, plan.timeframe)
        await Conductor(run.venue, watched, poll=POLL).play(run.stop.is_set, _until(run, entries), plan.bars)
        return latencies(await run.venue.timings())


def _until(run: Run, entries: int):
    async def look(step: Json) -> None:
        assert run.venue is not None
        if step["step"] % 20 == 0 and step["phase"] == "opened":
            if len(latencies(await run.venue.timings())) >= entries:
                run.stop.set()

    return look


def play(entries: int, symbols: str, bars: int, settings: Mapping[str, str]) -> list[float]:
    """Latencies of one run on a fresh desk."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update(EAGER | {"DATA_DIR": folder} | settings)
        names = tuple(symbols.split(","))
        desk = desk_named("bench", load_settings())
        plan = Plan(desk, "1m", None, symbols=names, bars=bars, balance=Decimal(100_000))
        with desk.locked(), servers(desk, load_settings()) as found:
            migrate(found.database_url)
            environment = plan.environment(found.urls, free_port())
            return uvloop.run(_play(plan, found, environment, entries + WARM_UP))[WARM_UP:]


def measure(entries: int = 400, symbols: str = "BTC/USD", bars: int = 20_000) -> dict[str, float]:
    """Median and tail in milliseconds, and how many entries they are of."""
    found = play(entries, symbols, bars, {})
    cuts = quantiles(found, n=100)
    return {
        "candle_to_order_p50_ms": round(cuts[49], 2),
        "candle_to_order_p99_ms": round(cuts[98], 2),
        "entries": len(found),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=400, help="how many to measure")
    parser.add_argument("--symbols", default="BTC/USD", help="pairs of the seeded market")
    parser.add_argument("--bars", type=int, default=20_000, help="the most bars to play")
    parser.add_argument("--json", action="store_true", help="as always; here for symmetry with the other benchmarks")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.entries, arguments.symbols, arguments.bars)))


if __name__ == "__main__":
    main()
