"""The scalar functions of a module as Numba compiles them, without a change to the module.

Machine code is kept in the user's cache folder. Numba notices a changed function but not a changed callee, so the
folder is named by the sources of everything that may be called.
"""

import hashlib
import os
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    *("backtester/compiled.py", "backtester/vector", "backtester/event/interest.py"),
    *("shared/risk", "shared/portfolio", "shared/broker/fills.py"),
)


KEPT = ("shared.", "backtester.", "benchmarks.")
"""What a user's file is imported as is another name in the next process: kept code that says it could not be loaded."""
INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""What only compiled code calls is kept with its caller and needs no way in from Python: a third of the time."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` in nopython mode; the functions it calls are compiled first and take their places in its globals.

    It lets other threads run meanwhile. It must not make arrays: they are not counted as references, which would cost
    more than what the loop does with them.
    """
    return _compiled(function, True)


@cache
def _compiled(function: Callable[..., Any], from_python: bool) -> Callable[..., Any]:
    names = {name: value for name, value in function.__globals__.items() if name in function.__code__.co_names}
    for name, value in names.items():
        if isinstance(value, types.FunctionType):
            names[name] = _compiled(value, False)
    copy = types.FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    options = {"nogil": True, "_nrt": False}
    if from_python:
        options["cache"] = function.__module__.startswith(KEPT) and _use_cache()
    else:
        options |= INNER | {"forceinline": function.__module__.startswith("backtester.vector.")}
    jitted: Callable[..., Any] = numba.njit(copy, **options)  # type: ignore[call-overload]  # its stub does not know the last two
    return jitted


@cache
def _use_cache() -> bool:
    """Whether machine code can be kept; a home that can't be written to costs time, nothing else."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "parley" / "compiled" / _fingerprint()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 (Numba makes its settings at run time)
    return os.access(folder, os.W_OK)


def _fingerprint() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for source in SOURCES:
        place = ROOT / source
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
