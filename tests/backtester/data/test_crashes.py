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
from tests.backtester.data.candles import BTC, believed, market

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
