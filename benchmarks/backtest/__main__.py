"""`make bench-backtest`: speed beside the peers and a bare loop, printed and in build/bench-backtest.json.

Every case and engine runs in a process of its own, so that its peak of memory is its own. `first` is the first run in
that process, which compiles or loads what was compiled; `seconds` the best of those after it. Equal trades and the same
final equity to 1e-6 are asked of every engine, and where they are not there the row says so. backtesting.py plays few
of a sweep's pairs, scaled up in time: it has no trades and no equity there.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.backtest.cases import CASES, Case
from benchmarks.backtest.inputs import file_of
from benchmarks.backtest.venv import python_of_peers

OUT = Path("build/bench-backtest.json")
OURS = ("bare-loop", "parley-vector", "parley-event")
PEERS = ("vectorbt", "backtesting.py")
PEER_REPEATS = {"vectorbt": 3, "backtesting.py": 0}
PATIENCE = 900.0
SAME = 1e-6
PLANS = ("desk", "plan")
Row = dict[str, Any]
console = Console(width=None if sys.stdout.isatty() else 160)


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--engines", default=",".join(OURS + PEERS), help="separated by commas")
    arguments = parser.parse_args()
    engines = arguments.engines.split(",")
    python, trouble = python_of_peers() if set(engines) & set(PEERS) else (None, "")
    rows: list[Row] = []
    for case in CASES:
        if arguments.only in case.name:
            rows += _measured(case, engines, python, trouble)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n")
    console.print(_table(rows))
    console.print(
        f"written to {OUT}; equal averages are decided on integers of ticks and cross nothing", highlight=False
    )


def _measured(case: Case, engines: Sequence[str], python: Path | None, trouble: str) -> list[Row]:
    rows = []
    place = file_of(case) if python and case.kind not in PLANS else None
    for engine in engines:
        if not _plays(engine, case):
            continue
        print(f"{case.name}: {engine}", file=sys.stderr, flush=True)
        if engine in OURS:
            found = _figures([sys.executable, "-m", "benchmarks.backtest.measure", engine, case.name])
        elif python is None:
            found = {"note": f"not installed: {trouble}"}
        else:
            script = str(Path(__file__).parent / "peers/play.py")
            found = _figures([str(python), script, engine, case.kind, str(place), str(PEER_REPEATS[engine])])
        rows.append({"case": case.name, "engine": engine, **_with_speed(case, found)})
    return _compared(rows)


def _plays(engine: str, case: Case) -> bool:
    """A peer has no desk, the event engine runs nothing else; backtesting.py knows one symbol an account."""
    if case.kind in PLANS:
        return engine in ("parley-vector", "parley-event")
    return engine != "parley-event" and not (engine == "backtesting.py" and case.kind == "shared")


def _figures(command: list[str]) -> Row:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return {"note": f"took more than {PATIENCE:.0f} s"}
    if done.returncode != 0:
        return {"note": (done.stderr.strip().splitlines() or ["failed"])[-1][:120]}
    found: Row = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _with_speed(case: Case, found: Row) -> Row:
    keys = ("seconds", "first_seconds", "bars_per_s", "peak_mb", "trades", "final_equity")
    if "seconds" in found:
        found["bars_per_s"] = round(case.work / found["seconds"])
    return {key: found.get(key) for key in keys} | {"note": found.get("note", "")}


def _compared(rows: list[Row]) -> list[Row]:
    """Says where an engine did not trade as ours did."""
    ours = next((row for row in rows if row["engine"] == "parley-vector" and row["trades"]), None)
    for row in rows:
        if ours is None or row["trades"] is None or row["note"]:
            continue
        equal = abs(row["final_equity"] / ours["final_equity"] - 1) < SAME and row["trades"] == ours["trades"]
        row["note"] = "" if equal else "TRADES DIFFER"
    return rows


def _table(rows: list[Row]) -> Table:
    table = Table(title="Backtests", title_justify="left")
    for heading in ("case", "engine", "ms", "first s", "bars/s", "MB", "trades", "final equity", ""):
        table.add_column(heading, justify="left" if heading in ("case", "engine", "") else "right")
    before = ""
    for row in rows:
        known = row["seconds"] is not None
        figures = (
            (
                f"{1000 * row['seconds']:,.1f}",
                f"{row['first_seconds']:,.2f}",
                f"{row['bars_per_s']:,}",
                f"{row['peak_mb']:,.0f}",
                "" if row["trades"] is None else f"{row['trades']:,}",
                "" if row["final_equity"] is None else f"{row['final_equity']:,.4f}",
            )
            if known
            else ("",) * 6
        )
        table.add_row("" if row["case"] == before else row["case"], row["engine"], *figures, row["note"])
        before = row["case"]
    return table


if __name__ == "__main__":
    main()
