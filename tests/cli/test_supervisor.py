"""Real processes: restarted when they die, stopped together, gone with their supervisor."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from cli.desk import REPOSITORY
from cli.supervisor import Child, Supervisor
from shared.errors import ConfigError

SLEEPER = "import time, sys; print('up', flush=True); time.sleep(60)"


def child(tmp_path: Path, code: str, name: str = "sleeper") -> Child:
    return Child(name, (sys.executable, "-c", code), dict(os.environ), tmp_path / f"{name}.log")


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - processes raise no event
            await asyncio.sleep(0.02)


async def test_a_process_that_dies_is_started_again_and_counted(tmp_path: Path) -> None:
    supervisor = Supervisor([child(tmp_path, SLEEPER)])
    supervisor.start()
    await until(lambda: supervisor.children[0].pid)
    first = supervisor.children[0].pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.children[0].pid not in (None, first))
    assert supervisor.restarts == 1
    await supervisor.stop()


async def test_stop_leaves_no_process_behind(tmp_path: Path) -> None:
    supervisor = Supervisor([child(tmp_path, SLEEPER, f"sleeper-{i}") for i in range(3)])
    supervisor.start()
    await until(lambda: all(c.pid for c in supervisor.children))
    pids = [c.pid for c in supervisor.children]
    await supervisor.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)


async def test_a_configuration_error_is_not_retried_but_told(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('council-0: SYMBOLS: mixed quotes'); sys.exit(2)"
    supervisor = Supervisor([child(tmp_path, code, "council-0")])
    supervisor.start()
    await until(lambda: supervisor.failed)
    assert isinstance(supervisor.failed, ConfigError)
    assert str(supervisor.failed) == "council-0: SYMBOLS: mixed quotes"
    assert supervisor.restarts == 0
    await supervisor.stop()


async def test_a_child_runs_in_the_users_folder_on_the_repositorys_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared.py").write_text("raise SystemExit('not mine')")
    monkeypatch.chdir(tmp_path)
    code = "import os, shared, sys; sys.stderr.write(f'{os.getcwd()} {shared.__path__[0]}'); sys.exit(2)"
    supervisor = Supervisor([child(tmp_path, code)])
    supervisor.start()
    await until(lambda: supervisor.failed)
    assert str(supervisor.failed) == f"sleeper: {tmp_path} {REPOSITORY / 'shared'}"
    await supervisor.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is a Linux signal")
async def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom cli.supervisor import Child, Supervisor\n"
        "async def main():\n"
        f"    command, log = (sys.executable, '-c', {SLEEPER!r}), Path({str(tmp_path)!r}) / 'c.log'\n"
        "    c = Child('c', command, dict(os.environ), log)\n"
        "    s = Supervisor([c])\n"
        "    s.start()\n"
        "    while not s.children[0].pid: await asyncio.sleep(0.01)\n"
        "    print(s.children[0].pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    pid = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
