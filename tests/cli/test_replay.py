"""What `parley replay` refuses, in words; what it plays is in tests/integration/test_recording.py."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from cli.replay import Pace
from shared.recording.file import write
from tests.builders import NINE, candle
from tests.integration.processes import parley
from tests.shared.recording.made import entry, recording


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a recording"),
        (("missing.rec",), "missing.rec: No such file"),
        (("a.rec", "--services", "market_data"), "--services market_data: it learns from the venue"),
        (("a.rec", "--speed", "fast"), "--speed fast: give recorded seconds"),
        (("a.rec", "--from", "2026-01-01"), "go with --from-archive"),
        (("--from-archive", "--from", "2026-01-01T10:00Z"), "say which stretch with --from and --to"),
        (("a.rec",), "which this recording does not have: record with --streams all"),
        (("bare.rec", "--services", "learning_engine"), "there is nothing to replay"),
    ],
)
def test_what_can_not_be_replayed_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    whole, bare = recording(entry(candle())), recording(entry(candle()))
    bare.header["streams"] = ["trades:lifecycle"]
    write(tmp_path / "a.rec", whole)
    write(tmp_path / "bare.rec", bare)
    named = [str(tmp_path / part) if part.endswith(".rec") else part for part in arguments]
    done = parley("replay", *named, settings={"DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_recorded_time_passes_at_the_speed_asked_for() -> None:
    loop, never = asyncio.get_running_loop(), asyncio.Event()
    for speed, least, most in ((600.0, 0.5, 5.0), (None, 0.0, 0.3)):
        pace, began = Pace(speed), loop.time()
        for minute in (0, 3, 5):
            await pace.wait(NINE + timedelta(minutes=minute), never)
        assert least <= loop.time() - began <= most
