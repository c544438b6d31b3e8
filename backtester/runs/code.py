"""Which code ran: results are only comparable with those of the same."""

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from backtester.runs.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
DECIDING = ("shared", "services", "backtester")
LIBRARIES = ("numpy", "numba", "TA-Lib")


def code_of(plan: Plan) -> str:
    """The version of all code that a plan runs, a person's own strategies included."""
    own = [choice.file.read_bytes() for choice in plan.strategies if choice.file is not None]
    return code_version() + "".join(f"+{sha256(source).hexdigest()[:8]}" for source in own)


@cache
def code_version() -> str:
    """Parley's version, and 12 hex digits of all sources that decide and of the libraries that compute."""
    digest = sha256(" ".join(f"{name} {version(name)}" for name in LIBRARIES).encode())
    for folder in DECIDING:
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return f"{version('parley')}+{digest.hexdigest()[:12]}"
