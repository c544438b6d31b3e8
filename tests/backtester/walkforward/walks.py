"""A small walk: three tests of 250 hours."""

from pathlib import Path
from typing import Any

from backtester.sweep.space import space_of
from backtester.walkforward.findings import Findings
from backtester.walkforward.walk import Leg, Walk, walked
from backtester.walkforward.windows import Lengths, Window, windows
from tests.backtester.sweep.searches import ALONE, HOUR, markets, plan

LENGTHS = Lengths(900 * HOUR, 250 * HOUR, 250 * HOUR)


def walk(**values: Any) -> Walk:
    asked = values.get("plan") or plan()
    usual = {
        "plan": asked,
        "markets": markets(asked.symbols, 1650),
        "space": space_of(["swing.floor=0.1:0.6", "momentum.adx_above=10,25,40"], asked, weights=False),
        "objective": "total_return",
        "sampler": "tpe",
        "trials": 6,
    }
    return Walk(**(usual | values))


def windows_of(one: Walk) -> list[Window]:
    return windows(*one.range, "rolling", LENGTHS, one.plan.timeframe)


def legs(one: Walk, folder: Path) -> list[Leg]:
    return list(walked(one, windows_of(one), folder, ALONE, lambda window, done: None))


def findings(one: Walk, folder: Path) -> Findings:
    return Findings(one, legs(one, folder))
