"""`make bench`: every figure with its aim, printed and in build/bench.json. Each part runs in a process of its own."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
OUT = Path("build/bench.json")
PARTS = {
    "fsync": ("benchmarks.fsync", "--json"),
    "bus": ("benchmarks.bus", "--json"),
    "candles": ("benchmarks.candles", "--json", "--rows", "100000"),
    "candle_to_order": ("benchmarks.candle_to_order", "--json"),
}
PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Line:
    """A figure, and what it shall reach; `holds` is None where there is nothing to reach."""

    key: str
    unit: str
    aim: str = ""
    holds: Callable[[Figures], bool] | None = None


LINES = (
    Line("bus_messages_per_s", "/s", "40,000/s on one core", lambda f: f["bus_messages_per_s"] >= 40_000),
    Line(
        "faststream_messages_per_s",
        "/s",
        "a tenth of ours",
        lambda f: f["bus_messages_per_s"] >= 10 * f["faststream_messages_per_s"],
    ),
    Line("hop_p50_ms", "ms at 1,000/s"),
    Line("hop_p99_ms", "ms at 1,000/s", "below 2 ms", lambda f: f["hop_p99_ms"] < 2),
    Line("candle_to_order_p50_ms", "ms", "below 10 ms", lambda f: f["candle_to_order_p50_ms"] < 10),
    Line("candle_to_order_p99_ms", "ms", "below 50 ms", lambda f: f["candle_to_order_p99_ms"] < 50),
    Line(
        "candle_upserts_per_s",
        "rows/s by 10,000",
        "150,000 rows/s",
        lambda f: f["candle_upserts_per_s"] >= 150_000,
    ),
    Line("fsync_ms", "ms, of the disk"),
)


def measured(command: tuple[str, ...]) -> Figures:
    """What one benchmark prints; SystemExit with its errors where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stderr[-3000:]}")
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def described(line: Line, figures: Figures) -> str:
    """The figure, its unit and its aim."""
    verdict = "" if line.holds is None else ("reached" if line.holds(figures) else "MISSED")
    return f"{line.key:<28}{figures[line.key]:>12,} {line.unit:<18}{line.aim:<24}{verdict}".rstrip()


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the JSON object instead of lines")
    arguments = parser.parse_args()
    figures: Figures = {}
    for name, command in PARTS.items():
        began = time.monotonic()
        figures |= measured(command)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(figures))
        return
    for line in LINES:
        print(described(line, figures))
    print(f"{figures['cores']}; {figures['entries']} entries; written to {OUT}")


if __name__ == "__main__":
    main()
