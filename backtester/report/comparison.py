"""Two backtests beside each other: what differs between their plans, and whether one is really better."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backtester.metrics.bootstrap import Interval, bootstrap_interval
from backtester.metrics.series import DAY
from backtester.runs.outcome import Outcome

ABSENT = "—"


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
    days = [(curve.time - 1) // DAY for curve in curves]
    _, ours, theirs = np.intersect1d(days[0], days[1], return_indices=True)
    left, right = curves[0].equity[ours], curves[1].equity[theirs]
    difference = left[1:] / left[:-1] - right[1:] / right[:-1]
    interval = bootstrap_interval(difference, lambda sample: float(sample.mean()), seed=other.plan.seed)
    return Paired(len(difference), float(difference.mean()) if len(difference) else None, interval)


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
