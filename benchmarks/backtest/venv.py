"""The peers' own virtual environment, made from `peers.lock` with hashes checked: they share no version with Parley.

The lock is made with
uv pip compile --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links peers.in
"""

import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("peers.lock")
PLACE = Path("build/peers")
QUIETLY = ("install", "--quiet", "--disable-pip-version-check")


def python_of_peers() -> tuple[Path | None, str]:
    """Its interpreter, or None and what went wrong."""
    python, stamp = PLACE / "bin/python", PLACE / "lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return python, ""
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(PLACE)],
        [str(python), "-m", "pip", *QUIETLY, "--require-hashes", "-r", str(LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
            return None, lines[-1] if lines else f"{command[0]} failed"
    stamp.write_bytes(LOCK.read_bytes())
    return python, ""
