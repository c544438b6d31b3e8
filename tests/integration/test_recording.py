"""A demo of a few hundred bars, recorded and played again: the same messages to the last field, twice."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from shared.recording.compare import differences, published_by
from shared.recording.entries import Recorded
from shared.recording.file import Recording, read, write
from tests.integration import market
from tests.integration.processes import parley

SERVICES = "signal_generator,council,position_manager,learning_engine"
ALL = frozenset({*SERVICES.split(","), "trade_executor"})
SETTINGS = {
    "MAX_POSITION": "0.7",
    "MAX_EXPOSURE": "1",
    "RISK_PER_TRADE": "0.02",
    "TAKE_PROFIT_R": "4",
    "COUNCIL_SELL_BELOW": "0.46",
    "LEARNING_MIN_TRADES": "2",
    "LEARNING_COOLDOWN_TRADES": "1",
}
"""Bolder than the defaults, and quick to learn: every kind of message, within few bars."""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a desk that has played 250 bars of two symbols in lock-step, and stopped."""
    folder = tmp_path_factory.mktemp("recording")
    files = [part for argument in market.write(folder) for part in ("--data", argument)]
    done = on_desk(folder, "demo", *files, "--speed", "max", "--history", str(market.HISTORY), "--desk", "played")
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return folder


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    done = on_desk(folder, "record", "--from-start", "--desk", "played", "--out", str(folder / "demo.rec"))
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "demo.rec"


@pytest.fixture(scope="module")
def again(file: Path) -> tuple[dict[str, Any], Recording]:
    """The first replay: what it says, and what was said in it."""
    return replayed(file, file.with_name("again.rec"))


def on_desk(folder: Path, *arguments: str) -> "CompletedProcess[str]":
    return parley(*arguments, settings={"DATA_DIR": str(folder / "desks"), **SETTINGS}, patience=280)


def replayed(file: Path, out: Path) -> tuple[dict[str, Any], Recording]:
    # none of the desk's settings is set here: the recording has them
    done = parley("replay", str(file), "--services", SERVICES, "--out", str(out), "--json", settings={}, patience=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout), read(out)


def outputs(recording: Recording) -> list[Recorded]:
    streams = published_by(ALL)
    return [entry for entry in recording.entries if entry.stream in streams and entry.causation_id]


def test_the_recording_has_every_kind_of_message(file: Path) -> None:
    found = Counter(entry.kind for entry in read(file).entries)
    closed = 2 * market.PLAYED - len(market.GAP)
    assert found["SignalGenerated"] == found["CouncilDecided"] == closed
    traded = {"TradeOpened", "TradeClosed", "StopMoved", "ExitRequested", "OrderFilled", "WeightsAdjusted"}
    assert all(found[kind] >= 2 for kind in traded), found


def test_a_replay_says_the_same(file: Path, again: tuple[dict[str, Any], Recording]) -> None:
    summary, said = again
    assert summary["differences"] == summary["dead_letters"] == []
    assert set(summary["services"]) == ALL, "the executor keeps the books that the others decide by"
    assert summary["recorded"] == summary["replayed"] == len(outputs(read(file))) == len(outputs(said))


def test_a_second_replay_says_the_same_as_the_first(
    file: Path, again: tuple[dict[str, Any], Recording], tmp_path: Path
) -> None:
    summary, said = replayed(file, tmp_path / "second.rec")
    assert summary["differences"] == []
    assert len(said.entries) == len(again[1].entries)
    assert differences(again[1].entries, said.entries) == []


@pytest.mark.parametrize(
    ("kind", "field"), [("CouncilDecided", "votes.0.probability"), ("OrderFilled", "fee"), ("StopMoved", "new_price")]
)
def test_one_changed_field_of_one_message_is_found(
    file: Path, again: tuple[dict[str, Any], Recording], kind: str, field: str
) -> None:
    recorded = outputs(read(file))
    place = next(place for place, entry in enumerate(recorded) if entry.kind == kind)
    changed = [*recorded[:place], with_change(recorded[place], field), *recorded[place + 1 :]]
    found = differences(changed, outputs(again[1]))
    assert [(one.kind, one.message_id, one.field) for one in found] == [(kind, recorded[place].message_id, field)]


def test_a_replay_of_a_changed_recording_fails_and_names_the_field(file: Path, tmp_path: Path) -> None:
    recording = read(file)
    first = next(entry for entry in recording.entries if entry.kind == "SignalGenerated")
    entries = [with_change(entry, "score") if entry == first else entry for entry in recording.entries]
    write(tmp_path / "changed.rec", replace(recording, entries=entries))
    until = first.message["occurred_at"].removesuffix("Z")
    done = parley("replay", str(tmp_path / "changed.rec"), "--until", until, "--json", settings={}, patience=120)
    assert done.returncode == 1, done.stderr[-2000:]
    found = json.loads(done.stdout)["differences"]
    assert [(one["message_id"], one["field"], one["recorded"]) for one in found] == [
        (first.message_id, "score", "0.987")
    ]


def test_a_past_stretch_is_played_out_of_the_archive(folder: Path, file: Path) -> None:
    closed = [entry.message for entry in read(file).entries if entry.kind == "TradeClosed"]
    start, end = closed[1]["exit_time"], closed[5]["exit_time"]
    stretch = ("--from", start.removesuffix("Z")[:19], "--to", end.removesuffix("Z")[:19])
    done = on_desk(folder, "replay", "--from-archive", "--desk", "played", *stretch, "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    summary = json.loads(done.stdout)
    assert summary["differences"] == []
    assert summary["recorded"] == summary["replayed"] > 100


def with_change(entry: Recorded, path: str) -> Recorded:
    body = entry.message
    *outer, last = path.split(".")
    inner: Any = body
    for name in outer:
        inner = inner[int(name) if name.isdigit() else name]
    inner[last] = 0.987 if isinstance(inner[last], float | None) else "98.7"
    return entry._replace(body=json.dumps(body))
