"""Processes as a user starts them, with nothing of the caller's own environment but what finds programs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


def environment(**settings: str) -> dict[str, str]:
    """The environment of a child: these settings over what is kept of ours."""
    return {name: value for name, value in os.environ.items() if name in KEPT} | settings


def parley(*arguments: str, settings: Mapping[str, str], patience: float = 120) -> subprocess.CompletedProcess[str]:
    """`parley …`, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT,
        env=environment(COLUMNS="200", **settings),
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
