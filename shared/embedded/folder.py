"""The folder of an embedded server: who owns the server, where its socket lies, and plain words for what is wrong."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from shared.embedded.identity import account
from shared.errors import ConfigError

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 107 on Linux and 103 on macOS."""
LEAST_ROOM = 128 * 1024**2


class Owner:
    """A lock on a folder that ends with its process, however it ends.

    Whoever holds it starts and stops the server there; everybody else only uses it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "owner.lock"
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """Whether this process owns the folder."""
        return self._file is not None

    def acquire(self) -> bool:
        """Take the lock, or keep it; False when another live process has it."""
        if self.held:
            return True
        file = self._path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def socket_folder(folder: Path, longest_name: int) -> Path:
    """`folder` itself, or where its socket's path would be too long, a private short one named after it."""
    if len(os.fsencode(folder)) + longest_name + 1 <= LONGEST_SOCKET_PATH:
        return folder
    short = Path(tempfile.gettempdir()) / f"parley-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid not in (os.geteuid(), *(account() or ())):
        raise ConfigError(f"{short} belongs to somebody else; move DATA_DIR to a shorter path than {folder}")
    return short


def discard_socket_folder(folder: Path, sockets: Path) -> None:
    """Remove the short folder, if one was needed and nothing is left in it."""
    if sockets != folder:
        with suppress(OSError):
            sockets.rmdir()


def require_room(folder: Path, least: int = LEAST_ROOM) -> None:
    """OSError where the disk has fewer than `least` bytes left: better not to start than to stop half-way."""
    if shutil.disk_usage(folder).free < least:
        raise OSError(errno.ENOSPC, "no space left on device", str(folder))


@contextmanager
def plain_words(what: str, folder: Path) -> Iterator[None]:
    """Turn what the operating system says into a ConfigError that says how to mend it."""
    try:
        yield
    except PermissionError as error:
        where = error.filename or folder
        raise ConfigError(f"{what}: no permission for {where}; set DATA_DIR to a folder of yours") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigError(f"{what}: the disk of {folder} is full; free some space") from error
        raise ConfigError(f"{what}: {error.strerror} ({error.filename or folder}); check DATA_DIR") from error


def wait_until(ready: Callable[[], bool], alive: Callable[[], bool], timeout: float) -> bool:
    """Poll until ready; False when it died or time ran out."""
    deadline = time.monotonic() + timeout
    while not ready():
        if not alive() or time.monotonic() > deadline:
            return ready()
        time.sleep(0.01)
    return True


def explain(what: str, log: Path) -> ConfigError:
    """Why a server did not start, from the end of its log."""
    tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    for sign, words in (
        ("No space left on device", f"the disk of {log.parent} is full; free some space"),
        ("Address already in use", "its port is taken; choose another or stop what listens there"),
        ("Permission denied", f"no permission in {log.parent}; set DATA_DIR to a folder of yours"),
    ):
        if sign in tail:
            return ConfigError(f"{what} did not start: {words}")
    last = "\n  ".join(tail.strip().splitlines()[-5:])
    return ConfigError(f"{what} did not start; the end of {log}:\n  {last}")
