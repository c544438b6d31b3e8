"""One process per service, restarted when it dies, stopped together."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from cli.desk import REPOSITORY
from shared.errors import ConfigError

SERVICES = (
    "market_data",
    "signal_generator",
    "council",
    "trade_executor",
    "position_manager",
    "learning_engine",
    "archiver",
    "alerts",
    "api_gateway",
)
CONFIG_EXIT = 2
STOP_AFTER = 15.0
STEADY_AFTER = 10.0
LONGEST_PAUSE = 5.0
PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    # A supervisor that is killed outright must not leave services that trade on alone.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    """A process that should run: its command, what it logs to, and how often it had to be started again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    crashes: Sequence[str] = ()
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    last_exit: int | None = None

    @property
    def environment_now(self) -> dict[str, str]:
        """The environment of the next start.

        It runs in the user's folder, so that it reads the same `.env` and relative paths as the command did; what it
        imports comes from the repository, whatever lies in that folder.
        """
        crash = self.crashes[self.restarts] if self.restarts < len(self.crashes) else None
        found = os.pathsep.join(filter(None, (str(REPOSITORY), self.environment.get("PYTHONPATH"))))
        imports = {"PYTHONPATH": found, "PYTHONSAFEPATH": "1"}
        return {**self.environment, **imports, **({"PARLEY_CRASH_AT": crash} if crash else {})}

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.returncode is None else None


def service_child(
    service: str, index: int, environment: Mapping[str, str], logs: Path, crashes: Sequence[str] = ()
) -> Child:
    """The child that runs one instance of a service; its instance name is stable across restarts.

    `crashes` are the PARLEY_CRASH_AT of its first starts, for the proof that no kill loses anything.
    """
    name = f"{service}-{index}"
    return Child(
        name,
        (sys.executable, "-m", f"services.{service}.main"),
        {**environment, "INSTANCE": name},
        logs / f"{name}.log",
        crashes,
    )


@dataclass(slots=True)
class Supervisor:
    """Runs children until told to stop. A child that exits with a configuration error stops everything."""

    children: Sequence[Child]
    failed: ConfigError | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def restarts(self) -> int:
        return sum(child.restarts for child in self.children)

    def start(self) -> None:
        """Start every child and keep it running."""
        self._tasks = [asyncio.create_task(self._keep(child), name=child.name) for child in self.children]

    async def stop(self) -> None:
        """SIGTERM to all, wait for them to drain, kill what is left."""
        self._stopping.set()
        for child in self.children:
            if child.process and child.process.returncode is None:
                child.process.terminate()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=STOP_AFTER)
        for child in self.children:
            if late and child.process and child.process.returncode is None:
                child.process.kill()
        await asyncio.gather(*self._tasks)

    async def _keep(self, child: Child) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            started = monotonic()
            child.last_exit = await self._run_once(child)
            if self._stopping.is_set():
                return
            if child.last_exit == CONFIG_EXIT:
                self.failed = ConfigError(f"{child.name}: {_last_line(child.log).removeprefix(f'{child.name}: ')}")
                return
            child.restarts += 1
            pause = 0.1 if monotonic() - started > STEADY_AFTER else min(pause * 2, LONGEST_PAUSE)
            await self._pause(pause)

    async def _run_once(self, child: Child) -> int:
        child.log.parent.mkdir(parents=True, exist_ok=True)
        with child.log.open("ab") as log:
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                env=child.environment_now,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor only; it stops the children in order
                preexec_fn=_die_with_parent,
            )
        return await child.process.wait()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote no log"
