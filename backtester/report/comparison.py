"""Two backtests beside each other: what differs between their plans, and whether one is really better."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backtester.data.store import CandleStore, fingerprint
from backtester.metrics.bootstrap import Interval, bootstrap_interval
from backtester.metrics.series import DAY
from backtester.report.words import moment
from backtester.runs.outcome import Outcome
from shared.errors import ConfigError

ABSENT = "—"
OTHERWISE = "not the same, so more than the plans may explain the difference"


class Paired(NamedTuple):
    """Mean difference of the daily returns that two outcomes share, and its bootstrap interval; None: not defined."""

    days: int
    mean: float | None
    interval: Interval | None

    @property
    def could_be_luck(self) -> bool:
        """Whether the interval leaves 0 possible, or there is none."""
        return self.interval is None or self.interval.low <= 0 <= self.interval.high


def paired_days(one: Outcome, other: Outcome) -> Paired:
    """Daily returns of `one` less those of `other`, over the UTC days that both have.

    What the market did to both on a day drops out, so it takes fewer days to tell them apart than two Sharpe ratios
    would. A ruined account has no returns.
    """
    curves = [outcome.curve.daily() for outcome in (one, other)]
    if any(curve.ruined for curve in curves):
        return Paired(0, None, None)
    ends = [dict(zip(((curve.time - 1) // DAY).tolist(), curve.equity.tolist(), strict=True)) for curve in curves]
    days = sorted(ends[0].keys() & ends[1].keys())  # a day in which a run began has its last value
    left, right = (np.array([end[day] for day in days]) for end in ends)
    difference = left[1:] / left[:-1] - right[1:] / right[:-1]
    interval = bootstrap_interval(difference, lambda sample: float(sample.mean()), seed=other.plan.seed)
    return Paired(len(difference), float(difference.mean()) if len(difference) else None, interval)


class SameCandles(NamedTuple):
    """Whether all were played on the same bars as far as they overlap, and that in words."""

    same: bool
    words: str


def same_candles(outcomes: Sequence[Outcome], store: CandleStore) -> SameCandles:
    """Of the symbols that all have. Where ranges differ, the stored candles tell, if each outcome's are still there."""
    shared = sorted(set.intersection(*(set(one.candles) for one in outcomes)))
    if not shared:
        return SameCandles(False, "of no symbol in common")
    if all(len({one.candles[symbol].fingerprint for one in outcomes}) == 1 for symbol in shared):
        return SameCandles(True, "the same")
    first = max(one.candles[symbol].first for one in outcomes for symbol in shared)
    last = min(one.candles[symbol].last for one in outcomes for symbol in shared)
    if first > last:
        return SameCandles(False, "of no time in common")
    if len({(one.plan.venue, one.plan.base_timeframe) for one in outcomes}) > 1:
        return SameCandles(False, OTHERWISE)
    if all(_still_stored(one, symbol, store) for one in outcomes for symbol in shared):
        return SameCandles(True, f"the same where they overlap, {moment(first)} to {moment(last)}")
    return SameCandles(False, OTHERWISE)


def _still_stored(outcome: Outcome, symbol: str, store: CandleStore) -> bool:
    known, plan = outcome.candles[symbol], outcome.plan
    try:
        market = store.load(plan.venue, symbol, plan.base_timeframe, known.first, known.last + 1)
    except ConfigError:
        return False
    return fingerprint(market) == known.fingerprint


def differing_fields(plans: Sequence[Mapping[str, Any]]) -> dict[str, list[object]]:
    """Values of the fields that are not equal in all plans (as JSON), by dotted name; ABSENT where one has none."""
    flat = [_flat(plan) for plan in plans]
    fields = dict.fromkeys(field for plan in flat for field in plan)
    found = {field: [plan.get(field, ABSENT) for plan in flat] for field in fields}
    return {field: values for field, values in found.items() if any(value != values[0] for value in values)}


def _flat(plan: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in plan.items():
        if name == "strategies":
            value = {choice["name"]: {"weight": choice["weight"], **choice["params"]} for choice in value}
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = ", ".join(value) if isinstance(value, list) else value
    return flat
