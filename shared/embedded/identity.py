"""PostgreSQL refuses to run as root, so as root it runs as `nobody`."""

import os
import pwd
import shutil
import stat
from pathlib import Path

from shared.errors import ConfigError


def account() -> tuple[int, int] | None:
    """The user and group that PostgreSQL must run as; None: our own will do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def prefix(entered: tuple[Path, ...]) -> list[str]:
    """What to put before a command that enters these folders so that it does not run as root.

    `nobody` can't enter every folder that root can (a home, a temporary one). Opening them up for everybody is
    not ours to do, so the process keeps that one capability instead.
    """
    identity = account()
    if identity is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ConfigError("PostgreSQL does not run as root, and setpriv (util-linux) is missing: run as another user")
    command = [setpriv, f"--reuid={identity[0]}", f"--regid={identity[1]}", "--clear-groups"]
    if all(map(_open_to_all, entered)):
        return command
    return [*command, "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]


def _open_to_all(path: Path) -> bool:
    whole = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (whole, *whole.parents))
