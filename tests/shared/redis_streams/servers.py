"""Redis servers to pause, kill, restart and take back in time."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from shared.embedded.redis import DURABLE, executable

VERSIONS = {"6.2": str(executable()), "7.0": shutil.which("redis-server")}
"""The embedded one, and Debian's where it is installed."""


def free_port() -> int:
    """A loopback port that was free a moment ago, small enough for a cluster's second one above it."""
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return port
    raise OSError("no free port below 55000")


class RedisProcess:
    """One server in a folder. With a port it speaks TCP, otherwise a Unix socket."""

    def __init__(self, binary: str, folder: Path, port: int = 0, **options: str) -> None:
        self._binary = binary
        self._port = port
        self._options = {**DURABLE, "aof-use-rdb-preamble": "no", **options}
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}" if self._port else f"unix://{self.folder}/redis.sock"

    def start(self) -> Self:
        options = {
            "dir": str(self.folder),
            "port": str(self._port),
            "bind": "127.0.0.1",
            "unixsocket": f"{self.folder}/redis.sock",
            **self._options,
        }
        command = [self._binary, *(part for name, value in options.items() for part in (f"--{name}", value))]
        with (self.folder / "redis.log").open("ab") as output:
            self._child = subprocess.Popen(command, stdout=output, stderr=output)
        self._wait()
        return self

    def kill(self) -> None:
        """As a power cut would, but for the pages the system holds."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def stop(self) -> None:
        if self._child is not None:
            self._child.send_signal(signal.SIGCONT)
            self._child.terminate()
            self._child.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def keep_state(self, place: Path) -> None:
        """Copy what is on disk now."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for path in self._state():
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, place / path.name)

    def restore_state(self, place: Path) -> None:
        """Start again as it was then."""
        self.kill()
        for path in self._state():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in place.iterdir():
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, self.folder / path.name)
        self.start()

    def _state(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.name in ("appendonly.aof", "appendonlydir", "dump.rdb")]

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
                return
            except RedisError:
                time.sleep(0.02)
        raise TimeoutError((self.folder / "redis.log").read_text()[-1000:])


class Cluster:
    """Three masters on loopback, a third of the slots each."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.nodes = []
        for number in range(3):
            place = folder / str(number)
            place.mkdir()
            options = {"cluster-enabled": "yes", "cluster-node-timeout": "5000"}
            self.nodes.append(RedisProcess(binary, place, free_port(), **options))

    @property
    def url(self) -> str:
        return self.nodes[0].url.replace("redis://", "redis+cluster://")

    def start(self) -> Self:
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.nodes):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3
            with Redis.from_url(node.url) as client:
                client.execute_command("CLUSTER", "ADDSLOTS", *range(first, last))
                for other in self.nodes:
                    host, port = other.url.removeprefix("redis://").split(":")
                    client.execute_command("CLUSTER", "MEET", host, port)
        self._wait()
        return self

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def flush(self) -> None:
        for node in self.nodes:
            with Redis.from_url(node.url) as client:
                client.flushall()

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if all(self._agrees(node) for node in self.nodes):
                return
            time.sleep(0.1)
        raise TimeoutError("the cluster did not come together")

    def _agrees(self, node: RedisProcess) -> bool:
        with Redis.from_url(node.url) as client:
            info = str(client.execute_command("CLUSTER", "INFO"))
            return ("cluster_state:ok" in info and "cluster_known_nodes:3" in info) or _ok(info)


def _ok(info: str) -> bool:
    return "'cluster_state': 'ok'" in info and "'cluster_known_nodes': '3'" in info


def pause(pid: int) -> None:
    """SIGSTOP: the process stands still and does not know it."""
    os.kill(pid, signal.SIGSTOP)


def go_on(pid: int) -> None:
    """SIGCONT."""
    os.kill(pid, signal.SIGCONT)
