"""`parley demo` as a process of its own, and what can be seen of it from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.redis import EmbeddedRedis
from shared.errors import ConfigError
from tests.integration.processes import ROOT, environment

Found = TypeVar("Found")

SYMBOLS = "BTC/USD,ETH/USD,SOL/USD"
SETTINGS = {
    "API_PORT": "0",
    "ENTRY_SCORE": "0.1",
    "COUNCIL_BUY_ABOVE": "0.505",
    "DECISION_TTL": "PT15M",
}
"""Eager to trade, and patient: at this speed an hour passes in twelve seconds."""
MARKET = ("--symbols", SYMBOLS, "--timeframe", "1m", "--speed", "300", "--seed", "3")


@dataclass
class LiveDesk:
    """A desk on a seeded market under `folder`."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    seen: dict[int, psutil.Process] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """What `parley` commands about this desk need in their environment."""
        return {"DATA_DIR": str(self.folder), **SETTINGS}

    @property
    def root(self) -> Path:
        return self.folder / "demo"

    @property
    def postgres(self) -> EmbeddedPostgres:
        """To look at, not to start."""
        return EmbeddedPostgres(self.root / "postgres")

    @property
    def redis(self) -> EmbeddedRedis:
        """To look at, not to start."""
        return EmbeddedRedis(self.root / "redis")

    @property
    def output(self) -> str:
        """What the last start printed."""
        return (self.folder / "output.txt").read_text()

    def start(self) -> None:
        """Start it, and wait until it decides."""
        self.begin()
        until(lambda: self.ask("SELECT count(*) FROM decision_instants"), f"books; it said: {self.output}")
        self.moves_on()
        self.note_processes()

    def begin(self) -> None:
        """Start it, and wait for nothing."""
        command = (sys.executable, "-m", "cli.main", "demo", *MARKET)
        with (self.folder / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment(**self.settings), stdout=output, stderr=output
            )

    def ensure_running(self) -> None:
        """For tests that may run alone."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def newest(self) -> str | None:
        """The instant that was decided last."""
        return self.ask("SELECT max(decided_at) FROM decision_instants") or None

    def moves_on(self) -> None:
        """Wait until an instant is decided that was not before."""
        last = self.newest()
        until(lambda: self.runs() and self.newest() not in (None, last), f"a decision after {last}")

    def runs(self) -> bool:
        """True, or an AssertionError with its last words."""
        assert self.process is not None
        assert self.process.poll() is None, self.output
        return True

    def count(self, table: str) -> int:
        return int(self.ask(f"SELECT count(*) FROM {table}") or 0)

    def ask(self, query: str) -> str:
        """One query's rows as text; empty while there is no answer."""
        try:
            return self.postgres.query(query, "parley") if self.postgres.pid else ""
        except ConfigError:
            return ""

    def note_processes(self) -> None:
        """Remember every process of the desk, to see later that none is left."""
        assert self.process is not None
        found = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        found += [psutil.Process(pid) for pid in (self.postgres.pid, self.redis.pid) if pid]
        self.seen |= {process.pid: process for process in found}

    def left(self) -> list[str]:
        """Processes of the desk that still run."""
        return [line(process) for process in self.seen.values() if alive(process)]

    def interrupt(self) -> int:
        """Ctrl-C; its exit status."""
        assert self.process is not None
        self.note_processes()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self) -> None:
        """SIGKILL of the supervisor alone."""
        assert self.process is not None
        self.note_processes()
        self.process.kill()
        self.process.wait(20)

    def end(self) -> None:
        """Whatever happened, leave nothing."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid in (self.postgres.pid, self.redis.pid):
            if pid:
                os.kill(pid, signal.SIGTERM)
        for process in self.seen.values():
            if alive(process):
                process.kill()


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def line(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:100]}"
    except psutil.Error:
        return str(process.pid)


def until(condition: Callable[[], Found], what: str, patience: float = 90) -> Found:
    """Ask until the answer is true, and give it."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.1)
    return found
