"""New bars into stored ones: what is missing is added, what differs is a conflict."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtester.data import parquet
from backtester.data.checks import SHOWN, Checked, Gap, gaps, listed
from backtester.data.rows import COLUMNS, VALUES, when
from shared.embedded.folder import plain_words
from shared.errors import ConfigError
from shared.schemas.base import Timeframe
from shared.strategies.market import Market


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

    def merge(self, new: Checked, *, replace: bool = False) -> Merged:
        """Everything or nothing, on the disk when it returns. Raises Conflicts; ConfigError: the disk."""
        place, known = _known(self.stored, new.market)
        differs = np.zeros(len(known), np.bool_)
        differs[known] = _differs(self.stored, place[known], new.market, known)
        if differs.any() and not replace:
            raise _conflicts(self.stored, place, new, differs)
        if differs.any() or not known.all():
            merged = _merged(self.stored, place, new.market, known, differs)
            with plain_words("candles", self.path.parent):
                parquet.write(self.path, merged)
            self.stored = merged
        added, replaced = int((~known).sum()), int(differs.sum())
        return Merged(len(known), added, replaced, gaps(self.stored.open_time, self.timeframe))


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
