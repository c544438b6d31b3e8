"""The map of the system is the only one, and its picture in the README is true."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.print_flow import as_mermaid
from shared.topology import BY_MESSAGE, MESSAGES, SINGLETONS, STREAMS, partition_of, read_by, stream_key

ROOT = Path(__file__).resolve().parent.parent


def test_each_message_has_one_stream_and_is_named_by_its_class() -> None:
    assert sum(len(stream.messages) for stream in STREAMS) == len(MESSAGES)
    assert all(message.model_fields["kind"].default == message.__name__ for message in BY_MESSAGE)


@pytest.mark.parametrize("message", BY_MESSAGE, ids=lambda m: m.__name__)
def test_events_are_past_participles_and_commands_nowhere(message: type) -> None:
    assert re.search(r"(ed|Moved|Said)$", message.__name__), "an event tells what happened"


def test_a_reader_handles_exits_and_reports_before_verdicts_and_prices() -> None:
    ranks = [stream.rank for stream in read_by("trade_executor")]
    assert all(a <= b for a, b in pairwise(ranks))
    names = [stream.name for stream in read_by("trade_executor")]
    assert names.index("exits:requested") < names.index("council:decided") < names.index("market:candles")


def test_singletons_are_groups_that_read_something() -> None:
    assert all(read_by(group) for group in SINGLETONS)


@given(st.text(min_size=1), st.integers(1, 64))
def test_a_key_has_one_partition_everywhere(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == partition_of(key, partitions) < partitions


def test_equal_partitions_share_a_cluster_slot() -> None:
    tags = {re.search(r"\{(.+)\}", stream_key(stream.name, 3))[1] for stream in STREAMS}  # type: ignore[index]
    assert tags == {"3"}


def test_no_stream_name_stands_anywhere_but_in_the_topology() -> None:
    names = {stream.name for stream in STREAMS}
    code = [*(ROOT / "services").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]
    for path in (path for path in code if path.name != "examples.py"):
        found = {name for name in names if f'"{name}"' in path.read_text()}
        assert not found, f"{path} names {found}"


def test_the_picture_in_the_readme_is_printed_from_the_topology() -> None:
    assert as_mermaid() in (ROOT / "README.md").read_text()
