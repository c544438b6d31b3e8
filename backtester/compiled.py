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
SOURCES = ("backtester/vector", "shared/risk", "shared/portfolio", "shared/broker/fills.py")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` in nopython mode; the functions it calls are compiled first and take their places in its globals."""
    return _compiled(function, _use_cache())


@cache
def _compiled(function: Callable[..., Any], cached: bool) -> Callable[..., Any]:
    names = {name: value for name, value in function.__globals__.items() if name in function.__code__.co_names}
    for name, value in names.items():
        if isinstance(value, types.FunctionType):
            names[name] = _compiled(value, cached)
    copy = types.FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    jitted: Callable[..., Any] = numba.njit(copy, cache=cached)
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
