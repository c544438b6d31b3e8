"""New bars into stored ones: what is missing is added, what differs is a conflict."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtester.data import parquet
from backtester.data.bounds import off_tick
from backtester.data.checks import SHOWN, Checked, Gap, gaps, listed
from backtester.data.rows import COLUMNS, VALUES, when
from backtester.data.steps import UNKNOWN, Steps
from shared.embedded.folder import plain_words
from shared.errors import ConfigError
from shared.ids import canonical
from shared.schemas.base import Timeframe
from shared.strategies.market import PRICES, Market


class Conflicts(ConfigError):
    """Bars that are stored with other values; the text lists them by row."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Bars that came, of them new and replaced; and the gaps of all that is stored now."""

    given: int
    added: int
    replaced: int
    gaps: tuple[Gap, ...]


@dataclass(slots=True)
class Series:
    """One market's file, held by its only writer, with what is stored in memory."""

    path: Path
    timeframe: Timeframe
    stored: Market = field(repr=False)
    steps: Steps = UNKNOWN

    def merge(self, new: Checked, *, replace: bool = False, steps: Steps = UNKNOWN) -> Merged:
        """Everything or nothing, on the disk when it returns. `steps` add to what is known of the pair.

        Raises Conflicts for bars that are stored with other values; ConfigError for other steps, and for the disk.
        """
        if not replace:
            self._require_agreement(steps)
        place, known = _known(self.stored, new.market)
        differs = np.zeros(len(known), np.bool_)
        differs[known] = _differs(self.stored, place[known], new.market, known)
        if differs.any() and not replace:
            raise _conflicts(self.stored, place, new, differs)
        if differs.any() or not known.all():
            merged = _merged(self.stored, place, new.market, known, differs)
            self._require_on_tick(merged, steps.tick)
            self._write(merged, steps.over(self.steps))
        else:
            self._require_on_tick(self.stored, steps.tick)
            self.describe(steps)
        added, replaced = int((~known).sum()), int(differs.sum())
        return Merged(len(known), added, replaced, gaps(self.stored.open_time, self.timeframe))

    def describe(self, steps: Steps) -> None:
        """These steps from now on, and on the disk where there are bars. Raises ConfigError: the disk."""
        if (now := steps.over(self.steps)) == self.steps:
            return
        if len(self.stored):
            self._write(self.stored, now)
        self.steps = now

    def _write(self, market: Market, steps: Steps) -> None:
        with plain_words("candles", self.path.parent):
            parquet.write(self.path, market, steps)
        self.stored, self.steps = market, steps

    def _require_agreement(self, steps: Steps) -> None:
        if other := ", ".join(steps.against(self.steps)):
            raise ConfigError(f"{self.path}: {other}; nothing is stored, give --replace to overwrite it")

    def _require_on_tick(self, market: Market, tick: Decimal | None) -> None:
        if tick is None or tick == self.steps.tick:
            return
        for name in PRICES:
            if (off := off_tick(getattr(market, name), tick)).any():
                at = when(int(market.open_time[np.argmax(off)]))
                raise ConfigError(
                    f"--tick {canonical(tick)}: {name} of the stored bar {at} lies between two; give the finer step"
                )


Places = NDArray[np.int64]
Mask = NDArray[np.bool_]


def _known(stored: Market, new: Market) -> tuple[Places, Mask]:
    place = np.searchsorted(stored.open_time, new.open_time)
    known = place < len(stored)
    known[known] = stored.open_time[place[known]] == new.open_time[known]
    return place, known


def _differs(stored: Market, place: Places, new: Market, known: Mask) -> Mask:
    differs = np.zeros(len(place), np.bool_)
    for name in VALUES:
        differs |= getattr(stored, name)[place] != getattr(new, name)[known]
    return differs


def _merged(stored: Market, place: Places, new: Market, known: Mask, differs: Mask) -> Market:
    columns = []
    for name in COLUMNS:
        old, fresh = getattr(stored, name).copy(), getattr(new, name)
        old[place[differs]] = fresh[differs]
        columns.append(np.insert(old, place[~known], fresh[~known]))
    return Market(*columns)


def _conflicts(stored: Market, place: Places, new: Checked, differs: Mask) -> Conflicts:
    at = np.flatnonzero(differs)
    lines = [_conflict(stored, int(place[index]), new, int(index)) for index in at[:SHOWN]]
    return Conflicts(
        f"nothing is stored, {len(at)} bars are stored with other values; give --replace to overwrite them:"
        f"{listed(lines, len(at))}"
    )


def _conflict(stored: Market, place: int, new: Checked, index: int) -> str:
    pairs = {name: (float(getattr(new.market, name)[index]), float(getattr(stored, name)[place])) for name in VALUES}
    values = ", ".join(f"{name} {mine!r} (stored {old!r})" for name, (mine, old) in pairs.items() if mine != old)
    return f"{new.rows.where(index)}, {when(int(new.market.open_time[index]))}: {values}"
