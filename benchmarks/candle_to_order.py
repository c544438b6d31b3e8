"""From the close of a candle at the venue to the order at the venue, through the whole desk.

A lock-step run of a seeded market with every service, real Redis, PostgreSQL and ccxt. Both moments are the simulator's:
it prints the open that ends a bar, and it accepts an entry. `python -m benchmarks.candle_to_order --json` prints
candle_to_order_p50_ms and candle_to_order_p99_ms.
"""

import argparse
import json
import os
import shutil
import tempfile
from bisect import bisect
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from cli.demo import run_plan
from cli.desk import desk_named
from cli.plan import Plan
from cli.run import Run
from cli.venue import Json
from shared.config import load_settings

EAGER = {
    "ENTRY_SCORE": "0.05",
    "COUNCIL_BUY_ABOVE": "0.501",
    "MAX_HOLD_BARS": "1",
    "MAX_DRAWDOWN": "1",
    "MAX_DAILY_LOSS": "1",
    "LEARNING": "off",
    "LOG_LEVEL": "WARNING",
}
"""Settings under which the desk enters on most signals and leaves at the next bar."""
WARM_UP = 20
"""Entries that are not counted: connections open, caches fill."""


class Timings:
    """Kept up to date with the venue while the desk runs; the last word is the whole run's."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted + WARM_UP
        self.milliseconds: list[float] = []

    async def look(self, run: Run, step: Json) -> None:
        """After each step of the playback: end it once there are enough entries."""
        if step["step"] % 50 == 0 and step["phase"] == "opened":
            assert run.venue is not None
            self.milliseconds = latencies(await run.venue.timings())
            if len(self.milliseconds) >= self._wanted:
                run.stop.set()

    def counted(self) -> list[float]:
        """Without those of the warm-up."""
        return self.milliseconds[WARM_UP:]


def latencies(timings: Json) -> list[float]:
    """Milliseconds from the last open before it to each entry, in the order of their arrival."""
    printed: list[int] = timings["printed"]
    arrived = [order["at"] for order in timings["received"] if order["side"] == "buy" and order["kind"] == "market"]
    return [(at - printed[bisect(printed, at) - 1]) / 1e6 for at in arrived]


def play(wanted: int, symbols: str, bars: int, settings: Mapping[str, str]) -> list[float]:
    """Latencies of one run on a fresh desk."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update(EAGER | settings | {"DATA_DIR": folder})
        plan = Plan(
            desk=desk_named("bench", load_settings()),
            timeframe="1m",
            speed=None,
            symbols=tuple(symbols.split(",")),
            seed=1,
            bars=bars,
            balance=Decimal(100_000),
        )
        timings = Timings(wanted)
        report = run_plan(plan, load_settings(), forget=True, quiet=True, meddle=timings.look)
        assert report["agree"], "ledger and venue disagree"
        if logs := os.environ.get("BENCH_LOGS"):
            shutil.copytree(plan.desk.logs, logs, dirs_exist_ok=True)
        return timings.counted()


def measure(wanted: int = 400, symbols: str = "BTC/USD", bars: int = 20_000) -> dict[str, float]:
    """Medians and tails in milliseconds, and how many entries they are of."""
    found = play(wanted, symbols, bars, {})
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
    parser.add_argument("--json", action="store_true", help="as always; here for symmetry with the other benchmarks")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.entries, arguments.symbols)))


if __name__ == "__main__":
    main()
