"""A desk is a folder: its embedded servers, its logs, its settings, and the lock of the one process that runs it."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from cli.output import note
from shared.config import Settings, load_settings
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.redis import EmbeddedRedis
from shared.errors import ConfigError
from shared.migrations import upgrade

REPOSITORY = Path(__file__).resolve().parent.parent
DATABASE = "parley"
LEAST_FREE_BYTES = 300 * 1024 * 1024


NAME = re.compile(r"[\w-]+(\.[\w-]+)*")
KIND = "DESK_KIND"
Kind = Literal["demo", "playback", "up"]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@dataclass(frozen=True, slots=True)
class Desk:
    """`name` is the kind of run (demo, up, playback), `root` its folder."""

    name: str
    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def exists(self) -> bool:
        """Whether this folder is a desk's, one whose first start was broken off included."""
        return self._settings_file.is_file() or (self.root / "lock").is_file()

    @property
    def _settings_file(self) -> Path:
        return self.root / "settings.json"

    def remember(self, kind: Kind, environment: Mapping[str, str]) -> None:
        """Keep what this desk is and was started with, so that `parley status` and a second start see the same."""
        write_private(self._settings_file, json.dumps({KIND: kind, **environment}, indent=2))

    @property
    def started_at(self) -> float:
        """When it was started last, by the file system's clock."""
        return self._settings_file.stat().st_mtime

    def require_kind(self, kind: Kind) -> None:
        """ConfigError where the desk was made for something else: a playback must not wipe a desk that trades."""
        made_for = self.remembered().get(KIND, kind)
        if made_for != kind:
            raise ConfigError(
                f"the desk '{self.name}' was made by `parley {made_for}`; a {kind} would mix with it or wipe it. "
                f"Choose another --desk, or empty it first with `parley reset --desk {self.name}`."
            )

    def remembered(self) -> dict[str, str]:
        """The settings of the last start; empty where there was none."""
        if not self._settings_file.exists():
            return {}
        stored: dict[str, str] = json.loads(self._settings_file.read_text())
        return stored

    @property
    def running_pid(self) -> int | None:
        """The process that holds the lock, None where nobody does."""
        path = self.root / "lock"
        if not path.exists():
            return None
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0)
        return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the desk; ConfigError in plain words where another process does, or the disk is full."""
        self.root.mkdir(parents=True, exist_ok=True)
        _require_space(self.root)
        with (self.root / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"the desk in {self.root} is already running (process {self.running_pid}). "
                    "`parley status` shows it; stop it with Ctrl-C in its terminal, then start again."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise ConfigError(
            f"only {free // 2**20} MiB free on the disk of {folder}; Parley needs {LEAST_FREE_BYTES // 2**20} MiB. "
            "Free some space, or set DATA_DIR to another disk."
        )


def desk_named(name: str, settings: Settings | None = None) -> Desk:
    """The desk of that name under DATA_DIR; ConfigError for a name that would lead out of it."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"--desk {name}: a desk's name is one folder's, of letters, digits, '-', '_' and '.'.")
    root = (settings or load_settings()).data_dir
    return Desk(name, (root / name).resolve())


def current_desk(name: str | None = None) -> Desk:
    """The desk asked for, else the one that runs, else the one started last; ConfigError where there is none."""
    root = load_settings().data_dir.resolve()
    desks = _desks(root)
    if name:
        return _known(desk_named(name), desks)
    if not desks:
        raise ConfigError(f"no desk under {root} yet: start one with `parley demo` or `parley up`.")
    running = [desk for desk in desks if desk.running_pid]
    chosen = max(running or desks, key=lambda desk: desk.started_at)
    if len(desks) > 1:
        why = "runs" if running else "was started last; none runs"
        others = ", ".join(desk.name for desk in desks if desk != chosen)
        note(False, f"desk '{chosen.name}', which {why}; for another ({others}) say --desk NAME")
    return chosen


def _known(desk: Desk, desks: Sequence[Desk]) -> Desk:
    if not desk.exists:
        known = ", ".join(each.name for each in desks) or "none yet"
        raise ConfigError(f"there is no desk '{desk.name}' under {desk.root.parent}; there are: {known}.")
    return desk


def running_desks() -> list[Desk]:
    """The desks under DATA_DIR that a process holds."""
    return [desk for desk in _desks(load_settings().data_dir.resolve()) if desk.running_pid]


def _desks(root: Path) -> list[Desk]:
    return [Desk(path.parent.name, path.parent) for path in sorted(root.glob("*/settings.json"))]


@dataclass(slots=True)
class Servers:
    """Addresses of the database and Redis, and those of them that are ours to keep running."""

    database_url: str
    redis_url: str
    postgres: EmbeddedPostgres | None = None
    redis: EmbeddedRedis | None = None
    restarts: int = 0
    watched: bool = True

    @property
    def urls(self) -> dict[str, str]:
        """As the services' environment has them."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def revive(self) -> None:
        """Start again what has died."""
        for server in (self.postgres, self.redis):
            if self.watched and server is not None and server.pid is None:
                server.start()
                self.restarts += 1


@contextmanager
def servers(desk: Desk, database_url: str = "", redis_url: str = "") -> Iterator[Servers]:
    """The given database and Redis; embedded ones, which stop with this process, in place of what is not given."""
    with ExitStack() as stack:
        found = Servers(database_url, redis_url)
        if not found.database_url:
            found.postgres = stack.enter_context(EmbeddedPostgres(desk.root / "postgres"))
            found.database_url = found.postgres.url(DATABASE)
        if not found.redis_url:
            found.redis = stack.enter_context(EmbeddedRedis(desk.root / "redis"))
            found.redis_url = found.redis.url
        yield found


def migrate(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; ConfigError with Alembic's last words where it fails."""
    try:
        upgrade(database_url, revision)
    except (CommandError, SQLAlchemyError, OSError) as error:
        raise ConfigError(f"the database could not be migrated: {error}") from error


def wipe(desk: Desk) -> None:
    """Forget a desk's whole state, also that of servers that outlived a killed run. The caller holds its lock."""
    left_over = (EmbeddedPostgres(desk.root / "postgres"), EmbeddedRedis(desk.root / "redis"))
    for server in left_over:
        if server.pid is not None:
            server.start().stop()
    for path in desk.root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
