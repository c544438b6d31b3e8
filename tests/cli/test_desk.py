"""One process a desk."""

import multiprocessing
from pathlib import Path

import psutil
import pytest

from cli.desk import Desk, wipe
from shared.embedded.redis import EmbeddedRedis
from shared.errors import ConfigError


def hold(root: Path, ready, done) -> None:  # type: ignore[no-untyped-def]
    with Desk("demo", root).locked():
        ready.set()
        done.wait(20)


def test_a_second_instance_is_told_who_runs(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready, done))
    process.start()
    assert ready.wait(20)
    desk = Desk("demo", tmp_path)
    assert desk.running_pid == process.pid
    with pytest.raises(ConfigError, match=f"already running \\(process {process.pid}\\)"), desk.locked():
        pass
    done.set()
    process.join(20)
    assert desk.running_pid is None


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready, done))
    process.start()
    assert ready.wait(20)
    process.kill()
    process.join(20)
    with Desk("demo", tmp_path).locked():
        pass


def test_settings_are_remembered_for_their_owner_only(tmp_path: Path) -> None:
    desk = Desk("demo", tmp_path)
    desk.remember("demo", {"SYMBOLS": "BTC/USD"})
    assert desk.remembered() == {"DESK_KIND": "demo", "SYMBOLS": "BTC/USD"}
    assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0


def test_wiping_ends_the_servers_that_a_killed_run_left_behind(tmp_path: Path) -> None:
    left_over = EmbeddedRedis(tmp_path / "redis")
    left_over.start()
    left_over._owner.release()  # as the death of its owner does
    pid = left_over.pid
    desk = Desk("demo", tmp_path)
    with desk.locked():
        wipe(desk)
    assert pid
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not (tmp_path / "redis").exists()


def test_a_playback_refuses_a_desk_that_trades(tmp_path: Path) -> None:
    desk = Desk("up", tmp_path)
    desk.require_kind("playback")
    desk.remember("up", {})
    desk.require_kind("up")
    with pytest.raises(ConfigError, match="another --desk"):
        desk.require_kind("playback")
