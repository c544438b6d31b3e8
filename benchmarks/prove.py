"""`make prove-…`: long runs of the whole desk whose outcome must hold. Prints a line a claim, exits 1 where one fails.

The runs themselves are `parley demo` with a report, as a user would type it; reports stay in build/prove.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Report = dict[str, Any]
OUT = Path("build/prove")
DATA = Path(os.environ.get("PARLEY_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MONTH = "btc-perp-1m-2022-01.csv"
ALTS = {f"{name.upper()}/BTC": f"{name}-btc-5m-2018-01.csv" for name in ("ada", "eth", "ltc", "xlm", "xmr")}


HISTORY = 700
"""Bars of the five pairs before the run: enough for every window, so that it trades from the start."""


class Claims:
    """What was checked, and whether it held."""

    def __init__(self) -> None:
        self.failed = 0

    def aim(self, aim: str, reached: bool, figure: object = "") -> None:
        """Print one line about what is aimed at; missing it is no failure, only said."""
        print(f"{'AIM ' if reached else 'MISS'}  {aim}  {figure}", flush=True)

    def check(self, claim: str, holds: bool, figure: object = "") -> None:
        """Print one line."""
        self.failed += not holds
        print(f"{'PASS' if holds else 'FAIL'}  {claim}  {figure}", flush=True)


def play(name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Report:
    """One `parley demo`; its report, or an end to everything with what it printed."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = (OUT / f"{name}.json").resolve()
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "cli.main", "demo", *arguments, "--report", str(path), "--desk", f"prove-{name}"]
    print("  $ parley demo " + " ".join(arguments), flush=True)
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, text=True, capture_output=True, check=False
    )
    if not path.exists():
        sys.exit(
            f"the run '{name}' gave no report (exit {done.returncode}):\n{done.stderr[-3000:]}\n{done.stdout[-2000:]}"
        )
    report: Report = json.loads(path.read_text())
    report["exit_status"] = done.returncode
    report["output"] = done.stdout[-3000:]
    return report


def sound(claims: Claims, name: str, report: Report) -> None:
    """What must hold of every run: everything accounted for, nothing waiting or dead, the books agree."""
    claims.check(
        f"{name}: exit status 0", report["exit_status"] == 0, "" if not report["exit_status"] else report["output"]
    )
    if "in_data" in report["candles"]:
        claims.check(
            f"{name}: candles in data = played = stored", len(set(report["candles"].values())) == 1, report["candles"]
        )
    waiting = {
        s: v
        for s, v in report["streams"].items()
        if v["dead"] or any(g["pending"] or g["lag"] for g in v["groups"].values())
    }
    messages = sum(stream["messages"] for stream in report["streams"].values())
    claims.check(f"{name}: nothing pending, unread or dead", not waiting, waiting or f"{messages} messages")
    claims.check(f"{name}: ledger equals venue", report["agree"], report["ledger"]["cash"])


def same(claims: Claims, name: str, first: Report, second: Report) -> None:
    """The same trades, to the last digit, and the same final books."""
    equal = first["trades"] == second["trades"] and first["ledger"] == second["ledger"]
    claims.check(f"{name}: the same trades", equal, f"{len(first['trades'])} and {len(second['trades'])} trades")


def summary(report: Report) -> None:
    """The counts of a run in four lines."""
    for key in ("decisions", "debates", "refusals", "orders", "exits", "stops", "candles"):
        print(f"  {key:<10} {report[key]}")
    print(f"  seconds    {report['seconds']}   restarts {report['restarts']}", flush=True)


def month(claims: Claims, rows: int | None) -> None:
    """The real BTC month, twice."""
    data = [f"--data=BTC/USD={head(DATA / MONTH, rows)}", "--speed=max", "--timeframe=5m"]
    reports = [play(f"month-{run}", data) for run in (1, 2)]
    for run, report in enumerate(reports, 1):
        summary(report)
        sound(claims, f"run {run}", report)
    same(claims, "both runs", *reports)
    closed = [trade for trade in reports[0]["trades"] if trade["status"] == "closed"]
    claims.check("at least 50 trades closed", len(closed) >= 50 or bool(rows), len(closed))
    seen = set(reports[0]["exits"]) | set(reports[0]["decisions"]) | set(reports[0]["debates"])
    wanted = {"stop", "breakeven", "trailing", "target", "council", "BUY", "SELL", "HOLD", "vetoed", "no quorum"}
    if missing := wanted - seen:
        print(f"  the month lacks {sorted(missing)}: a seeded market shows it")
        seeded = play("month-seeded", ["--speed=max", "--timeframe=5m", "--bars=6000", "--seed=7"])
        summary(seeded)
        sound(claims, "seeded", seeded)
        seen |= set(seeded["exits"]) | set(seeded["decisions"]) | set(seeded["debates"])
    claims.check("every exit and verdict, a veto and a missed quorum seen", wanted <= seen, sorted(wanted - seen))
    claims.aim("under five minutes a run", reports[0]["seconds"] < 300, [r["seconds"] for r in reports])


def cash(claims: Claims, rows: int | None) -> None:
    """Five pairs quoted in BTC that compete for cash; ADA and XMR have gaps, ETH loses 50 bars more."""
    files = {symbol: head(DATA / file, rows and HISTORY + rows) for symbol, file in ALTS.items()}
    files["ETH/BTC"] = cut(files["ETH/BTC"], 50, rows)
    data = [f"--data={symbol}={file}" for symbol, file in files.items()]
    environment = {"MAX_POSITION": "1", "MAX_EXPOSURE": "1", "RISK_PER_TRADE": "0.05"}
    arguments = [*data, "--speed=max", "--timeframe=5m", "--balance=10", f"--history={HISTORY}"]
    reports = [play(f"cash-{run}", arguments, environment) for run in (1, 2, 3)]
    summary(reports[0])
    for run, report in enumerate(reports, 1):
        sound(claims, f"run {run}", report)
        if run > 1:
            same(claims, f"run {run} and run 1", reports[0], report)
    claims.check("the cash limit binds", reports[0]["refusals"].get("cash", 0) > 0, reports[0]["refusals"])
    traded = {trade["symbol"] for trade in reports[0]["trades"]}
    claims.check("all five pairs trade", traded == set(ALTS), sorted(traded))


def scale(claims: Claims, rows: int | None) -> None:
    """Every service at one, two and four instances, a standby for each singleton; five pairs fill the partitions."""
    files = [f"--data={symbol}={head(DATA / file, HISTORY + (rows or 400))}" for symbol, file in ALTS.items()]
    arguments = [*files, "--speed=max", "--timeframe=5m", "--balance=10", f"--history={HISTORY}"]
    standby = ["--scale=trade_executor=2", "--scale=learning_engine=2"]
    reports = {1: play("scale-1", arguments)}
    for count in (2, 4):
        reports[count] = play(f"scale-{count}", [*arguments, f"--scale=all={count}", *standby])
    for count, report in reports.items():
        sound(claims, f"{count} instances", report)
        if count > 1:
            same(claims, f"{count} instances and one", reports[1], report)
    claims.check("it trades", len(reports[1]["trades"]) >= 10, f"{len(reports[1]['trades'])} trades")
    summary(reports[4])


def head(path: Path, rows: int | None) -> Path:
    """The file, or a copy of its first rows."""
    if not path.exists():
        sys.exit(f"no recorded candles at {path}: set PARLEY_DATA to their folder")
    if rows is None:
        return path
    lines = path.read_text().splitlines(keepends=True)[: rows + 1]
    return _written(path.name, lines)


def cut(path: Path, bars: int, rows: int | None) -> Path:
    """A copy without `bars` rows in the middle of what is played."""
    lines = path.read_text().splitlines(keepends=True)
    middle = len(lines) - (rows or len(lines)) // 2
    return _written(path.name, lines[:middle] + lines[middle + bars :])


def _written(name: str, lines: Sequence[str]) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = (OUT / name).resolve()
    path.write_text("".join(lines))
    return path


PROOFS = {"month": month, "cash": cash, "scale": scale}


def main() -> None:
    """Run one proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proof", choices=PROOFS)
    parser.add_argument("--rows", type=int, help="only the first rows of the data")
    arguments = parser.parse_args()
    claims = Claims()
    PROOFS[arguments.proof](claims, arguments.rows)
    print(f"{'all claims hold' if not claims.failed else f'{claims.failed} claims failed'}")
    sys.exit(bool(claims.failed))


if __name__ == "__main__":
    main()
