"""Bring a database's schema to a revision; the migrations themselves lie in `alembic/`."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic.config import Config

from alembic import command

ROOT = Path(__file__).resolve().parent.parent


def _config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Create or upgrade the schema; does nothing where it is up to date."""
    _aside(command.upgrade, url, revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Take migrations back; `base` drops every table."""
    _aside(command.downgrade, url, revision)


def _aside(run: "object", url: str, revision: str) -> None:
    # alembic's environment runs an event loop of its own, which a thread that has one already can't
    with ThreadPoolExecutor(1) as thread:
        thread.submit(run, _config(url), revision).result()  # type: ignore[arg-type]
