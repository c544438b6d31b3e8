"""Which code ran: results are only comparable with those of the same."""

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from backtester.runs.plan import Plan
from shared.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
DECIDING = ("shared", "services", "backtester")
LIBRARIES = ("numpy", "numba", "TA-Lib")


def code_of(plan: Plan) -> str:
    """The version of all that a plan runs: a person's own strategies and recorded answers of a council included.

    ConfigError names a file that can't be read.
    """
    own = [file for file in (*(choice.file for choice in plan.strategies), plan.answers) if file is not None]
    return code_version() + "".join(f"+{_digest(file)[:8]}" for file in own)


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path") from None


@cache
def code_version() -> str:
    """Parley's version, and 12 hex digits of all sources that decide and of the libraries that compute."""
    digest = sha256(" ".join(f"{name} {version(name)}" for name in LIBRARIES).encode())
    for folder in DECIDING:
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return f"{version('parley')}+{digest.hexdigest()[:12]}"
