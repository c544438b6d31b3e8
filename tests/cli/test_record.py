"""`parley record` as a process: the file is finished whatever ends it, and nothing is overwritten."""

import asyncio
import resource
import signal as signals
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.desk import Desk
from shared.recording.file import read
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.keys import GROUPS, streams_of
from shared.schemas.base import Message
from shared.topology import BY_MESSAGE
from tests.builders import candle, signal
from tests.integration.processes import ROOT, environment, parley

PARTITIONS = 8


@pytest.fixture
def settings(redis_url: str, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Of a desk whose servers run somewhere."""
    return {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "desks")}


def publish(settings: dict[str, str], *messages: Message) -> None:
    asyncio.run(_publish(settings["REDIS_URL"], messages))


async def _publish(redis_url: str, messages: Sequence[Message]) -> None:
    """As if every group had handled them at once."""
    bus = await Bus.connect(redis_url, PARTITIONS)
    await bus.ensure_groups()
    for message in messages:
        outgoing = encode(message, next(iter(BY_MESSAGE[type(message)].publishers)), PARTITIONS)
        await bus.execute("XADD", outgoing.stream_key, "*", *outgoing.fields())
    for group in GROUPS:
        for partition in range(PARTITIONS):
            for key in streams_of(group, partition):
                await bus.execute("XGROUP", "SETID", key, group, "$")
    await bus.close()


def record(settings: dict[str, str], *arguments: str, largest: int | None = None) -> "subprocess.Popen[str]":
    """`parley record` under way. `largest` bounds the size of its files, which is how a full disk is made."""

    def limited() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "record", *arguments],
        cwd=ROOT,
        env=environment(COLUMNS="200", **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )


def until_readable(file: Path, entries: int) -> None:
    """What is in the file is flushed once a second."""
    deadline = time.monotonic() + 60
    while not file.exists() or file.stat().st_size < 50 or len(read(file).entries) < entries:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_ctrl_c_finishes_the_file(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "a.rec"
    publish(settings, candle())
    process = record(settings, "--from-start", "--out", str(file))
    until_readable(file, 1)
    publish(settings, candle(minute=5), signal())
    process.send_signal(signals.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert f"{file}: 3 entries" in out
    assert [entry.kind for entry in read(file).entries] == ["CandleClosed", "CandleClosed", "SignalGenerated"]
    assert read(file).at_rest


def test_only_what_comes_from_now_on_is_recorded(settings: dict[str, str], tmp_path: Path) -> None:
    publish(settings, candle())
    process = record(settings, "--seconds", "1", "--out", str(tmp_path / "a.rec"))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert read(tmp_path / "a.rec").entries == []


def test_a_kill_leaves_what_was_flushed(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "a.rec"
    publish(settings, candle())
    process = record(settings, "--from-start", "--out", str(file))
    until_readable(file, 1)
    process.kill()
    process.communicate()
    assert len(read(file).entries) == 1
    assert "torn" in read(file).torn


def test_a_full_disk_is_said_and_what_is_there_is_kept(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "a.rec"
    publish(settings, *(candle(str(100 + minute), minute=minute) for minute in range(2000)))
    process = record(settings, "--from-start", "--out", str(file), largest=20_000)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"the disk of {file} is full" in errors
    assert "Traceback" not in errors
    assert len(read(file).entries) > 50


def test_a_file_that_is_there_stays_as_it_is(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_text("mine")
    done = parley("record", "--out", str(tmp_path / "a.rec"), settings=settings)
    assert (done.returncode, (tmp_path / "a.rec").read_text()) == (2, "mine")
    assert "not overwritten" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--streams", "market:candle"), "--streams market:candle: no such stream"),
        (("--desk", "other"), "there is no desk 'other'"),
        (("--desk", "ended"), "add --from-start"),
    ],
)
def test_what_can_not_be_recorded_is_said_and_leaves_no_file(
    settings: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    urls = {name: settings[name] for name in ("REDIS_URL", "DATABASE_URL")}
    desk = Desk("ended", Path(settings["DATA_DIR"]) / "ended")
    with desk.locked():
        desk.remember("up", urls)
    done = parley("record", "--out", str(tmp_path / "a.rec"), *arguments, settings=settings)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "a.rec").exists()
