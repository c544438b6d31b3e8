"""`make prove-kills`: kills everywhere, and the books come out as if nothing had happened.

One undisturbed playback; then the same one with every service killed (SIGKILL) at the three points around its
commits, five times each, and market_data, the venue, Redis and PostgreSQL killed on the way; then one in which Redis is
put back to its state of two seconds ago under a live database.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from benchmarks.prove import DATA, MONTH, OUT, Claims, Report, head, same, sound, summary
from cli.demo import Meddle, run_plan, with_data
from cli.desk import desk_named
from cli.plan import Plan
from cli.report import faults
from cli.run import Run
from cli.venue import Json
from shared.config import Settings, load_settings
from shared.embedded.redis import EmbeddedRedis
from shared.redis_streams.crash import KILLED

CONSUMERS = ("signal_generator", "council", "trade_executor", "position_manager", "learning_engine")
POINTS = ("before_database", "before_redis", "after_redis")
EACH = 5
HISTORY = 3600
"""Bars of the month before the run: enough for every window, so that it trades from the start."""
SELDOM, OFTEN = (12, 25, 18, 30, 15), (90, 70, 110, 60, 80)
PASSES = {
    "learning_engine": ((1,) * EACH,) * 3,  # it hears of trades only
    "council": (SELDOM,) * 3,
    "signal_generator": (SELDOM, OFTEN, OFTEN),
    "position_manager": (SELDOM, OFTEN, OFTEN),
    "trade_executor": (SELDOM, OFTEN, OFTEN),
}
"""At which pass of each point a service dies, life after life: spread over the run, so that trades are hit."""
BYSTANDERS = ("market_data", "api_gateway", "exchange_simulator")


def crashes() -> dict[str, tuple[str, ...]]:
    """For each service the PARLEY_CRASH_AT of its first starts: all three points, five times."""
    return {
        service: tuple(
            f"{service}:{point}:{PASSES[service][kind][life]}"
            for life in range(EACH)
            for kind, point in enumerate(POINTS)
        )
        for service in CONSUMERS
    }


@dataclass
class Killer:
    """Kills from outside at fixed steps, in turn: what has no commits of its own, and the servers."""

    every: int
    killed: Counter[str] = field(default_factory=Counter)
    restarts: dict[str, int] = field(default_factory=dict)
    _turn: int = 0

    async def __call__(self, run: Run, step: Json) -> None:
        children = [*run.services.children, *(run.market.children if run.market else ())]
        self.restarts = {child.name: child.restarts for child in children}
        if step["step"] % self.every or step["phase"] != "opened":
            return
        targets: list[tuple[str, int | None]] = [
            (c.name.removesuffix("-0"), c.pid) for c in children if c.name.removesuffix("-0") in BYSTANDERS
        ]
        for name, server in (("redis", run.servers.redis), ("postgres", run.servers.postgres)):
            targets.append((name, server.pid if server else None))
        name, pid = targets[self._turn % len(targets)]
        self._turn += 1
        if pid and self.killed[name] < EACH:
            os.kill(pid, signal.SIGKILL)
            self.killed[name] += 1


@dataclass
class TimeMachine:
    """Puts Redis back to a state of two seconds ago, at given steps."""

    steps: tuple[int, ...]
    restored: int = 0
    _taken: float = 0.0

    async def __call__(self, run: Run, step: Json) -> None:
        redis = run.servers.redis
        assert redis is not None
        backup = run.desk.root / "redis-backup"
        if step["step"] in self.steps and step["phase"] == "opened" and not self._taken:
            shutil.rmtree(backup, ignore_errors=True)
            shutil.copytree(redis.directory, backup, ignore=shutil.ignore_patterns("*.sock", "*.pid", "lock*"))
            self._taken = monotonic()
        elif self._taken and monotonic() - self._taken > 2:
            await asyncio.to_thread(self._restore, run, redis, backup)
            self._taken = 0.0
            self.restored += 1

    def _restore(self, run: Run, redis: EmbeddedRedis, backup: Path) -> None:
        run.servers.watched = False
        if redis.pid:
            os.kill(redis.pid, signal.SIGKILL)
        while redis.pid:
            pass
        for path in backup.rglob("*.aof*"):
            shutil.copy2(path, redis.directory / path.relative_to(backup))
        redis.start()
        run.servers.watched = True


def hits_in(log: Path) -> dict[str, int]:
    """How often a service killed itself at each point, by what it wrote with its last breath."""
    lines = [line for line in log.read_text().splitlines() if line.startswith(KILLED)]
    return dict(Counter(line.rsplit(":", 1)[1] for line in lines))


def plan_of(name: str, rows: int) -> Plan:
    """The playback that is disturbed: so many of the month's bars, with what came before as history."""
    arguments = (f"BTC/USD={head(DATA / MONTH, HISTORY + rows)}",)
    desk = desk_named(f"prove-{name}", load_settings())
    return with_data(Plan(desk=desk, timeframe="5m", speed=None), arguments, "5m", HISTORY)


def main() -> None:
    """Run the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3400)
    parser.add_argument("--every", type=int, default=90, help="steps between kills from outside")
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    claims, settings = Claims(), load_settings()
    calm = _run(plan_of("calm", arguments.rows), settings, None)
    summary(calm)
    sound(claims, "undisturbed", calm)

    killer = Killer(arguments.every)
    killed = _run(replace(plan_of("killed", arguments.rows), crashes=crashes()), settings, killer)
    for service in CONSUMERS:
        hits = hits_in(desk_named("prove-killed", settings).logs / f"{service}-0.log")
        claims.check(f"{service}: {EACH} kills at each point", hits == dict.fromkeys(POINTS, EACH), hits)
        restarts = killer.restarts.get(f"{service}-0", 0)
        claims.check(f"{service}: died of nothing else", restarts == EACH * len(POINTS), f"{restarts} restarts")
    outside = {name: killer.killed[name] for name in (*BYSTANDERS, "redis", "postgres")}
    claims.check("killed from outside", min(outside.values()) >= EACH, outside)
    sound(claims, "killed", killed)
    same(claims, "killed and undisturbed", calm, killed)

    machine = TimeMachine((arguments.rows // 2, arguments.rows * 3 // 4))
    restored = _run(plan_of("restored", arguments.rows), settings, machine)
    claims.check("Redis was put back by two seconds", machine.restored == 2, machine.restored)
    sound(claims, "restored", restored)
    same(claims, "restored and undisturbed", calm, restored)
    print("all claims hold" if not claims.failed else f"{claims.failed} claims failed")
    sys.exit(bool(claims.failed))


def _run(plan: Plan, settings: Settings, meddle: Meddle | None) -> Report:
    report = run_plan(plan, settings, forget=True, quiet=True, meddle=meddle)
    problems = faults(report)
    return {**report, "exit_status": int(bool(problems)), "output": "; ".join(problems)}


if __name__ == "__main__":
    main()
