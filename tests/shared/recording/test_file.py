"""A recording is read as it was written, torn ends up to the tear, and nothing is overwritten."""

import gzip
import json
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.recording.file import Writer, read, write
from tests.builders import candle, decided, signal
from tests.shared.recording.made import entry, recording

ENTRIES = [entry(candle(minute=minute), minute) for minute in range(200)]


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    whole = recording(entry(candle(), 1, 2, trace="00-ab-cd-01"), entry(signal(), 3), entry(decided(), 4))
    write(tmp_path / "a.rec", whole)
    assert read(tmp_path / "a.rec") == whole


def test_rows_learnt_late_are_kept_apart(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.rec")
    writer.header({})
    writer.rows("assets", ["{}"])
    writer.rows("assets", ['{"late":1}'], late=True)
    writer.close()
    found = read(tmp_path / "a.rec")
    assert (found.rows, found.late) == ({"assets": ["{}"]}, {"assets": ['{"late":1}']})


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_torn_file_is_read_up_to_the_tear(tmp_path: Path, part: float) -> None:
    write(tmp_path / "a.rec", recording(*ENTRIES))
    content = (tmp_path / "a.rec").read_bytes()
    (tmp_path / "torn.rec").write_bytes(content[: int(len(content) * part)])
    found = read(tmp_path / "torn.rec")
    assert found.entries == ENTRIES[: len(found.entries)]
    assert 0 < len(found.entries) < len(ENTRIES)
    assert found.torn.startswith("the file is torn")
    assert found.torn.endswith(f"after {len(found.entries)} entries")
    assert not found.at_rest


def test_what_was_flushed_is_readable_though_the_writer_died(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.rec")
    writer.header({})
    for one in ENTRIES[:50]:
        writer.entry(one)
    writer.flush()
    killed = (tmp_path / "a.rec").read_bytes()
    writer.close()
    (tmp_path / "killed.rec").write_bytes(killed)
    assert read(tmp_path / "killed.rec").entries == ENTRIES[:50]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_text("mine")
    with pytest.raises(ConfigError, match="not overwritten"):
        Writer(tmp_path / "a.rec")
    assert (tmp_path / "a.rec").read_text() == "mine"


@pytest.mark.parametrize(
    "content",
    # mtime: what is collected must be the same in every worker
    [b"", b"plain text", gzip.compress(b'{"some": "json"}\n', mtime=0), gzip.compress(b"[1]\n", mtime=0)],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.rec").write_bytes(content)
    with pytest.raises(ConfigError, match="is no recording"):
        read(tmp_path / "a.rec")


def test_a_recording_of_a_later_format_is_refused(tmp_path: Path) -> None:
    line = json.dumps({"header": {"format": 2}}).encode()
    (tmp_path / "a.rec").write_bytes(gzip.compress(line))
    with pytest.raises(ConfigError, match="format 2, this Parley reads 1"):
        read(tmp_path / "a.rec")


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "a.rec")
