"""What every value must be, whatever the strategy; and that asking twice changes nothing."""

from collections.abc import Iterator

import numpy as np

from backtester.check.findings import Finding, Kind
from backtester.check.futures import TURNED, replaced
from backtester.check.probe import Bools, Failed, Floats, Probe, asked, copied, differing, explained, scored
from backtester.data.rows import COLUMNS

EXPLAINED = 20
"""Bars that speak, and bars that do not, whose explanation is asked for."""


def wrong_values(probe: Probe) -> Iterator[Finding]:
    """Values that are nan, outside [-1, 1], not rounded to 1e-6, or not 0 before the warm-up."""
    whole = probe.whole
    known = ~np.isnan(whole)
    yield from _first(probe, "nan", ~known, "the value is nan; say 0 where there is nothing to say")
    yield from _first(probe, "range", known & (np.abs(whole) > 1), "the value is outside [-1, 1]")
    rounding = known & (np.round(whole, 6) != whole)
    yield from _first(probe, "rounding", rounding, "the value is not rounded to 1e-6")
    early = known & (whole != 0) & (np.arange(len(whole)) < probe.warmup - 1)
    yield from _first(probe, "early", early, f"the value is not 0 before the warm-up of {probe.warmup} bars")


def wrong_when_short(probe: Probe) -> Iterator[Finding]:
    """A market that has just begun: no bar, one, and one fewer than the warm-up."""
    for bars in sorted({0, 1, probe.warmup - 1}):
        try:
            values = scored(probe.make(), probe.market.between(0, bars))
        except Failed as failed:
            yield failed.finding
            return
        if spoken := np.flatnonzero(values != 0).tolist():
            detail = f"with only {bars} bars it speaks before its warm-up of {probe.warmup}"
            yield probe.at("early", spoken[0], detail, 0.0, float(values[spoken[0]]))
            return


def changing(probe: Probe) -> Iterator[Finding]:
    """Values that change from one strategy to another just like it, or after the same one was asked something else."""
    yield from _first_differing(
        probe, "repeat", scored(probe.make(), probe.market), "the value changed when the same bars were scored again"
    )
    used = probe.make()
    scored(used, probe.market)
    again = scored(used, probe.market)
    yield from _first_differing(probe, "state", again, "the value changed in the second call of the same strategy")
    other = replaced(probe.market, np.array([0]), len(probe.market), TURNED)
    fresh = Probe(probe.make, other, probe.warmup, scored(probe.make(), other))
    detail = "the value depends on the market that the same strategy scored before"
    yield from _first_differing(fresh, "state", scored(used, other), detail)
    yield from _first_differing(probe, "state", scored(used, probe.market), detail)


def mutated(probe: Probe) -> Iterator[Finding]:
    """Bars that score() or explain() wrote into."""
    bars, strategy = copied(probe.market), probe.make()
    asked(strategy, bars)
    explained(strategy, bars)
    for name in (*COLUMNS, *(() if bars.sentiment is None else ("sentiment",))):
        one, other = getattr(bars, name), getattr(probe.market, name)
        changed = np.flatnonzero((one != other) & ~(np.isnan(one) & np.isnan(other))).tolist()
        if changed:
            place = changed[0]
            detail = f"score() or explain() wrote into market.{name}; work on a copy"
            yield probe.at("mutation", place, detail, float(other[place]), float(one[place]))
            return


def unexplained(probe: Probe) -> Iterator[Finding]:
    """An explain() that raises or says nothing: of bars that speak, of silent ones, and before the warm-up."""
    spoken, silent = np.flatnonzero(probe.whole != 0), np.flatnonzero(probe.whole == 0)
    drawn = [
        places[np.linspace(0, len(places) - 1, EXPLAINED).astype(int)] for places in (spoken, silent) if len(places)
    ]
    for index in sorted({0, probe.warmup - 1, *(int(place) for places in drawn for place in places)}):
        known = probe.market.between(max(0, index + 1 - probe.warmup), index + 1)
        if (finding := explained(probe.make(), known)) is not None:
            time = int(probe.market.open_time[index])
            yield Finding("explain", finding.detail, index, time)
            return


def _first_differing(probe: Probe, kind: Kind, values: Floats, detail: str) -> Iterator[Finding]:
    for place in np.flatnonzero(differing(values, probe.whole))[:1].tolist():
        yield probe.at(kind, place, detail, float(probe.whole[place]), float(values[place]))


def _first(probe: Probe, kind: Kind, where: Bools, detail: str) -> Iterator[Finding]:
    for place in np.flatnonzero(where)[:1].tolist():
        value = float(probe.whole[place])
        yield Finding(kind, f"{detail} ({value!r})", place, int(probe.market.open_time[place]))
