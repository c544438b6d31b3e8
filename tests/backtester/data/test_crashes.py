"""Killed, crowded and out of room, in real processes: the old file or the new one is there, never half of one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backtester.data.store import CandleStore, fingerprint
from shared.errors import ConfigError
from tests.backtester.data.candles import BTC, believed, market, write_csv

ROOT = Path(__file__).resolve().parents[3]
PRELUDE = """
import resource, sys, time
from pathlib import Path
from backtester.data.store import CandleStore
from tests.backtester.data.candles import BTC, believed, market
store = CandleStore(Path(sys.argv[1]))
"""
OVERWRITE = "one, two = believed(market(60_000)), believed(market(60_000, seed=2))\n" + (
    "while True:\n    store.merge('file', BTC, two, replace=True)\n    store.merge('file', BTC, one, replace=True)\n"
)
HOLD = "with store.writing('file', BTC, '1m'):\n    print('holding', flush=True)\n    time.sleep(60)\n"
LITTLE_ROOM = "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n" + (
    "store.merge('file', BTC, believed(market(100_000)))\n"
)


@contextmanager
def python(code: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the code on a store in the folder; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.001)


def test_killed_in_the_middle_of_a_write_the_old_bars_or_the_new_ones_are_there(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    store.merge("file", BTC, believed(market(60_000)))
    path = store.path("file", BTC, "1m")
    temporary = path.with_name("1m.parquet.tmp")
    whole = {fingerprint(market(60_000, seed=seed)) for seed in (1, 2)}
    interrupted = 0
    for delay in (0.0, 0.02):
        with python(OVERWRITE, tmp_path) as process:
            wait_for(temporary)
            time.sleep(delay)
            process.kill()
            process.wait()
        interrupted += temporary.exists()
        assert fingerprint(store.load("file", BTC, "1m")) in whole
        store.merge("file", BTC, believed(market(60_000)), replace=True)
        temporary.unlink(missing_ok=True)
    assert interrupted


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    path = store.path("file", BTC, "1m")
    path.parent.mkdir(parents=True)
    path.with_name("1m.parquet.tmp").write_bytes(b"half a file")
    assert store.listing() == []
    store.merge("file", BTC, believed(market(10)))
    assert len(store.load("file", BTC, "1m")) == 10
    assert sorted(left.name for left in path.parent.iterdir()) == ["1m.lock", "1m.parquet"]


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    store.merge("file", BTC, believed(market(10)))
    with python(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(ConfigError, match=f"BTC/USD 1m of file: process {holder.pid} is writing it; wait"):
            store.merge("file", BTC, believed(market(20)))
        assert len(store.load("file", BTC, "1m")) == 10
        store.merge("file", "ETH/USD", believed(market(20)))
        holder.kill()
        holder.wait()
        assert store.merge("file", BTC, believed(market(20))).added == 10


def test_without_room_the_old_bars_stay_and_it_is_said(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    store.merge("file", BTC, believed(market(10)))
    with python(LITTLE_ROOM, tmp_path) as process:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1
    assert said.splitlines()[-1].startswith("shared.errors.ConfigError: candles: File too large")
    assert len(store.load("file", BTC, "1m")) == 10
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_said(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match=r"candles: no permission for .*; set DATA_DIR to a folder of yours"):
        store.merge("file", BTC, believed(market(10)))


def importing(folder: Path, *files: Path) -> subprocess.Popen[str]:
    """`parley data import`, as a person starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "data", "import", *(f"{BTC}={file}" for file in files)],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_import_killed_in_the_middle_of_its_write_can_be_made_again(tmp_path: Path) -> None:
    store, bars = CandleStore(tmp_path / "desks"), market(200_000)
    store.merge("file", BTC, believed(bars.between(0, 100_000)))
    before = fingerprint(store.load("file", BTC, "1m"))
    file = write_csv(tmp_path / "new.csv", bars.between(90_000, 200_000))
    with importing(store.data_dir, file) as process:
        wait_for(store.path("file", BTC, "1m").with_name("1m.parquet.tmp"))
        process.kill()
        process.communicate()
    assert process.returncode == -9
    assert fingerprint(store.load("file", BTC, "1m")) in (before, fingerprint(bars))
    with importing(store.data_dir, file) as again:
        assert "110000 bars" in again.communicate(timeout=120)[0]
    assert fingerprint(store.load("file", BTC, "1m")) == fingerprint(bars)


def test_imports_at_once_lose_nothing(tmp_path: Path) -> None:
    store, bars = CandleStore(tmp_path / "desks"), market(60_000)
    files = [write_csv(tmp_path / f"{i}.csv", bars.between(i * 20_000, (i + 1) * 20_000)) for i in range(3)]
    running = [importing(store.data_dir, file) for file in files]
    refused = []
    for process, file in zip(running, files, strict=True):
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 0 or "is writing it; wait until it is done" in said
        refused += [file] * (process.returncode != 0)
    stored = store.load("file", BTC, "1m")
    assert len(stored) == 20_000 * (3 - len(refused)) > 0
    if refused:
        with importing(store.data_dir, *refused) as again:
            again.communicate(timeout=120)
    assert fingerprint(store.load("file", BTC, "1m")) == fingerprint(bars)
