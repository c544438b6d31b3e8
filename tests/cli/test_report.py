"""A report finds fault with whatever was lost, is dead, waits or disagrees."""

from copy import deepcopy
from typing import Any

import pytest

from cli.report import faults

GOOD: dict[str, Any] = {
    "candles": {"in_data": 3, "played": 3, "stored": 3},
    "complete": True,
    "streams": {"market:candles": {"messages": 3, "dead": 0, "groups": {"council": {"pending": 0, "lag": 0}}}},
    "ledger": {"cash": {"USD": "1"}, "positions": {}},
    "venue": {"cash": {"USD": "1"}, "positions": {}},
    "unfinished": {"orders": 0, "outbox": 0},
    "agree": True,
}


def test_a_sound_run_has_no_fault() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("candles", "stored"), 2, "candles"),
        (("streams", "market:candles", "dead"), 1, "dead"),
        (("streams", "market:candles", "groups", "council", "pending"), 1, "not finished"),
        (("streams", "market:candles", "groups", "council", "lag"), 1, "not finished"),
        (("unfinished", "orders"), 1, "not finished"),
        (("unfinished", "outbox"), 1, "not finished"),
        (("agree",), False, "disagree"),
    ],
)
def test_every_fault_is_named(path: tuple[str, ...], value: object, said: str) -> None:
    report = deepcopy(GOOD)
    place = report
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert said in " ".join(faults(report))


def test_a_run_cut_short_is_held_to_what_it_played() -> None:
    report = {**GOOD, "complete": False, "candles": {"in_data": 9, "played": 3, "stored": 3}}
    assert faults(report) == []
    report["candles"] = {"in_data": 9, "played": 3, "stored": 2}
    assert faults(report)
