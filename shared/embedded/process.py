"""A server's process, known by its pid: maybe our child, maybe what a killed owner left."""

import os
import time

import psutil


def runs(pid: int | None, program: str) -> bool:
    """Whether `pid` is alive and that program, and not somebody else's by now."""
    try:
        process = psutil.Process(pid)  # type: ignore[no-untyped-call]
        return bool(process.name() == program and process.status() != psutil.STATUS_ZOMBIE)  # type: ignore[no-untyped-call]
    except psutil.Error:
        return False


def end(pid: int, program: str, signals: tuple[int, ...], patience: float) -> None:
    """Send the signals, milder first, until it is gone."""
    for signal in signals:
        os.kill(pid, signal)
        deadline = time.monotonic() + patience
        while runs(pid, program) and time.monotonic() < deadline:
            time.sleep(0.01)
        if not runs(pid, program):
            return
