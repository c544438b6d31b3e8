"""`parley alerts`, on a real desk's servers and real webhooks."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli import alerts
from services.alerts.adapters.records import DatabaseDeliveries, DatabaseRecords
from services.alerts.core.pace import MOST_ATTEMPTS
from services.alerts.handlers import Handlers
from shared.clock import WallClock
from shared.db import Database
from shared.errors import ConfigError
from tests.services.alerts.alarms import NOON, SECRET, alert
from tests.services.alerts.test_handlers import Ear
from tests.services.delivery import deliver

ROOT = Path(__file__).resolve().parents[3]


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append(body)  # type: ignore[attr-defined]
        self.send_response(500 if "bad" in self.path else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Any:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def environment(redis_url: str, database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "ALERT_URLS": ""}


def parley(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(alerts.app, words, env=environment)


@asynccontextmanager
async def pool(url: str) -> Any:
    database = Database(url)
    yield database
    await database.close()


async def _keep(url: str) -> None:
    async with pool(url) as database:
        ears: Sequence[Ear] = (Ear("json-1", "info"), Ear("tgram-1", "critical"))
        handlers = Handlers(ears, timedelta(minutes=15), DatabaseRecords(), WallClock())
        for said in (alert(1), alert(2), alert(3, "drawdown", "critical", "20 % are lost"), alert(4, "done", "info")):
            await deliver(database, handlers.on_alert_raised, said)
        books = DatabaseDeliveries(database)
        await books.sent("json-1", [alert(1).message_id], NOON)
        for _ in range(MOST_ATTEMPTS):
            taken = await books.take("tgram-1", WallClock().now(), NOON, quiet=False)
            await books.failed("tgram-1", [due.alert_id for due in taken], NOON, "error=401", uncertain=False)


def test_they_are_listed_with_who_was_told_and_who_was_not(environment: dict[str, str]) -> None:
    asyncio.run(_keep(environment["DATABASE_URL"]))
    shown = parley(environment).stdout
    assert "feed_stale" in shown
    assert "json-1 03-02 12:00:00" in shown
    assert f"tgram-1 NOT DELIVERED after {MOST_ATTEMPTS} tries: error=401" in shown
    assert "json-1 waiting" in shown


def test_programs_get_every_field(environment: dict[str, str]) -> None:
    asyncio.run(_keep(environment["DATABASE_URL"]))
    found = json.loads(parley(environment, "--json").stdout)
    assert [(row["code"], row["times"]) for row in found] == [("done", 1), ("drawdown", 1), ("feed_stale", 2)]
    assert [(told["target"], told["state"]) for told in found[1]["deliveries"]] == [
        ("json-1", "waiting"), ("tgram-1", "not_delivered"),
    ]  # fmt: skip
    assert len(json.loads(parley(environment, "--json", "--limit", "1").stdout)) == 1


def test_a_desk_that_had_nothing_to_say_says_so(environment: dict[str, str]) -> None:
    assert "nothing yet" in parley(environment).stdout


def test_a_database_from_before_is_told_from_an_empty_one(environment: dict[str, str], empty_database_url: str) -> None:
    found = parley(environment | {"DATABASE_URL": empty_database_url})
    assert isinstance(found.exception, ConfigError)
    assert "parley db upgrade" in str(found.exception)


def test_tail_and_csv_do_not_go_together(environment: dict[str, str]) -> None:
    assert isinstance(parley(environment, "--tail", "--csv").exception, ConfigError)


def test_tail_goes_on_with_new_ones_until_ctrl_c(environment: dict[str, str]) -> None:
    command = (sys.executable, "-c", "from cli.alerts import app; app()", "--tail", "--json")
    merged = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=merged, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        asyncio.run(_keep(environment["DATABASE_URL"]))
        codes = [json.loads(tail.stdout.readline())["code"] for _ in range(3)]
        time.sleep(2 * alerts.TAIL_EVERY)
        tail.send_signal(signal.SIGINT)
        assert tail.wait(20) != 0
        assert tail.stdout.read() == ""
    assert codes == ["feed_stale", "drawdown", "done"]


def test_a_test_says_which_target_fails_and_why(environment: dict[str, str], hook: Any) -> None:
    here = f"127.0.0.1:{hook.server_port}"
    urls = f"json://{here}/good{SECRET}, critical=json://{here}/bad{SECRET}"
    found = parley(environment | {"ALERT_URLS": urls}, "test")
    assert found.exit_code == 1
    good, bad = found.stdout.splitlines()
    assert good.split() == ["arrived", "json-1", "hears", "warning", "and", "worse"]
    assert bad.startswith("FAILED    json-2")
    assert "error=500" in bad
    assert SECRET not in found.output
    assert all("TEST" in body["title"] and "This is a test" in body["message"] for body in hook.got)
    assert len(hook.got) == 2


def test_a_test_that_arrives_everywhere_is_no_failure(environment: dict[str, str], hook: Any) -> None:
    urls = f"json://127.0.0.1:{hook.server_port}/good{SECRET}"
    found = parley(environment | {"ALERT_URLS": urls}, "test", "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == [{"target": "json-1", "least_severity": "warning", "arrived": True, "why": ""}]


def test_a_test_without_targets_says_what_to_set(environment: dict[str, str]) -> None:
    found = parley(environment, "test")
    assert isinstance(found.exception, ConfigError)
    assert "ALERT_URLS is empty" in str(found.exception)
