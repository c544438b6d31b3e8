"""Who is driven: those asked for, and whoever writes the rows that they decide by."""

import pytest

from shared.errors import ConfigError
from shared.recording.compare import published_by
from shared.recording.driven import DECIDES_BY, SOURCES, driven, require_streams
from shared.topology import STREAMS

ALL = tuple(DECIDES_BY)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("all", ALL),
        ("learning_engine", ("learning_engine",)),
        ("signal_generator", ("signal_generator", "learning_engine")),
        ("position_manager", ("trade_executor", "position_manager")),
        ("council", ("council", "trade_executor", "position_manager", "learning_engine")),
        (" council , signal_generator", ALL),
    ],
)
def test_those_whose_rows_are_needed_come_along(asked: str, found: tuple[str, ...]) -> None:
    assert driven(asked) == found


@pytest.mark.parametrize(("asked", "why"), [("market_data", "learns from the venue"), ("cuoncil", "no such service")])
def test_who_can_not_be_driven_is_refused_with_the_reason(asked: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"--services {asked}: .*{why}"):
        driven(asked)


def test_nobody_is_refused() -> None:
    with pytest.raises(ConfigError, match="--services: name some of"):
        driven(" , ")


@pytest.mark.parametrize("name", ALL)
def test_those_who_come_along_bring_nobody_else(name: str) -> None:
    assert {other for along in driven(name) for other in DECIDES_BY[along]} <= set(driven(name))


def test_every_group_and_publisher_can_be_driven_or_says_why_not() -> None:
    named = {name for stream in STREAMS for name in (*stream.groups, *stream.publishers)} - {"cli"}
    assert named <= DECIDES_BY.keys() | SOURCES.keys()


def test_a_stream_that_was_not_recorded_is_missed() -> None:
    require_streams(["market:candles"], ["signal_generator"], published_by(["signal_generator"]))
    with pytest.raises(ConfigError, match="council read signals:generated, which this recording does not have"):
        require_streams(["market:candles"], ["council"], published_by(["council"]))
