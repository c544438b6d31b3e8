"""Crash points for the proof that no kill loses or repeats anything."""

import os
import signal
import sys
from collections import Counter
from typing import Literal

KILLED = "killed as planned at "
Point = Literal["before_database", "before_redis", "after_redis"]

_passed: Counter[str] = Counter()


def crash_point(group: str, point: Point) -> None:
    """SIGKILL this process at the nth pass of a point: PARLEY_CRASH_AT="group:point:nth". Its log says so."""
    planned = os.environ.get("PARLEY_CRASH_AT")
    if planned is None:
        return
    place = f"{group}:{point}"
    _passed[place] += 1
    if planned == f"{place}:{_passed[place]}":
        os.write(sys.stderr.fileno(), f"{KILLED}{place}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
