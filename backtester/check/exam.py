"""All questions to one strategy on one market."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from backtester.check.findings import QUESTIONS, Checked, Finding, Looked
from backtester.check.fresh import fresh
from backtester.check.horizon import Progress, first, surveyed
from backtester.check.probe import Failed, Make, Probe, probed
from backtester.check.values import changing, mutated, unexplained, wrong_values, wrong_when_short
from shared.strategies.market import Market

REPLACED = 50_000
"""Bars that get other bars after them unless told otherwise."""


def checked(
    make: Make, market: Market, cuts: int = REPLACED, seed: int = 1, progress: Progress = lambda done, of: None
) -> Checked:
    """Everything that can be known of the strategy that `make` makes on these bars; the same seed, the same answer.

    A strategy whose values change from call to call is not asked about past and future.
    """
    try:
        probe = probed(make, market)
    except Failed as failed:
        return _without_values(market, failed.finding)
    try:
        return _answered(probe, cuts, seed, progress)
    except Failed as failed:
        looked = Looked(len(market), int(np.count_nonzero(probe.whole)))
        return Checked(probe.warmup, looked, (failed.finding,), None, _unasked("it failed in a later call"))


def _answered(probe: Probe, cuts: int, seed: int, progress: Progress) -> Checked:
    findings = [*wrong_values(probe), *wrong_when_short(probe), *mutated(probe), *unexplained(probe)]
    if moving := list(_moving(probe)):
        looked = Looked(len(probe.market), int(np.count_nonzero(probe.whole)))
        unasked = {name: "its values change from call to call" for name in ("look-ahead", "warm-up")}
        return Checked(probe.warmup, looked, (*moving, *findings), None, unasked)
    seen = surveyed(probe, cuts, seed, progress)
    afresh, histories = fresh(probe, np.random.default_rng(seed))
    enough = seen.needed if seen.forgets else None
    ahead = [*seen.ahead, *(finding for finding in afresh if finding.kind == "look-ahead")]
    states = [finding for finding in afresh if finding.kind == "state"]
    found = *first(ahead), *first(seen.forgets), *states, *findings
    return Checked(probe.warmup, replace(seen.looked, fresh=histories), found, enough, {})


def _moving(probe: Probe) -> Iterator[Finding]:
    yield from list(changing(probe))[:1]


def _without_values(market: Market, finding: Finding) -> Checked:
    return Checked(0, Looked(len(market), 0), (finding,), None, _unasked("it gave no values"))


def _unasked(why: str) -> dict[str, str]:
    return {name: why for name in QUESTIONS if name != "values"}
