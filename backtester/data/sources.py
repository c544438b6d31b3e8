"""Files of candles into the store: whose they are, what timeframe, and all of them checked before one is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from backtester.data.checks import BadCandles, Checked, Findings, checked, listed
from backtester.data.csv_file import read_csv
from backtester.data.merge import Merged
from backtester.data.parquet_file import read_parquet
from backtester.data.rows import Rows
from backtester.data.store import CandleStore
from shared.errors import ConfigError
from shared.schemas.base import Symbol, Timeframe
from shared.timeframes import MINUTE, TIMEFRAMES, length, minutes

DEFAULT_SYMBOL = "BTC/USD"
_SYMBOL: TypeAdapter[str] = TypeAdapter(Symbol)


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and the pair that its candles are of."""

    symbol: str
    path: Path


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    source: Source
    timeframe: Timeframe
    merged: Merged

    def __str__(self) -> str:
        done = self.merged
        return (
            f"{self.source.path}: {self.source.symbol} {self.timeframe}, {done.given} bars, {done.added} new, "
            f"{done.replaced} replaced, {len(done.gaps)} gaps in all that is stored{listed(done.gaps)}"
        )


def source_of(argument: str, symbol: str | None = None) -> Source:
    """`SYMBOL=FILE`, or a bare FILE of `symbol` or BTC/USD. ConfigError where two symbols are named."""
    named, equals, path = argument.partition("=")
    if not equals or not _is_symbol(named.upper()):
        return Source((symbol or DEFAULT_SYMBOL).upper(), Path(argument))
    if symbol and symbol.upper() != named.upper():
        raise ConfigError(f"{argument}: --symbol says {symbol}; give one of the two")
    return Source(named.upper(), Path(path))


def timeframe_of(rows: Rows) -> Timeframe:
    """The timeframe whose bars are as far apart as most rows are. ConfigError where there is none."""
    steps, counts = np.unique(np.abs(np.diff(rows.open_time)), return_counts=True)
    steps, counts = steps[steps > 0], counts[steps > 0]
    if not len(steps):
        raise ConfigError(f"{rows.source}: one candle shows no spacing; give --timeframe")
    spacing = int(steps[np.argmax(counts)])
    for timeframe in TIMEFRAMES:
        if length(timeframe) == spacing:
            return timeframe
    allowed = ", ".join(str(minutes(timeframe)) for timeframe in TIMEFRAMES)
    raise ConfigError(
        f"{rows.source}, field time: rows are {spacing / MINUTE:g} minutes apart; use one of {allowed} minutes"
    )


def import_files(
    store: CandleStore,
    sources: Sequence[Source],
    venue: str,
    timeframe: Timeframe | None,
    now: int,
    *,
    replace: bool = False,
) -> list[Imported]:
    """Check all files, then store them one after the other. `now` in microseconds.

    Raises BadCandles before anything is stored; Conflicts, or ConfigError for the disk, at the first file concerned.
    """
    for source in sources:
        store.path(venue, source.symbol, timeframe or TIMEFRAMES[0])
    files = _all_checked(sources, timeframe, now)
    return [
        Imported(source, new.timeframe, store.merge(venue, source.symbol, new, replace=replace))
        for source, new in zip(sources, files, strict=True)
    ]


def _all_checked(sources: Iterable[Source], timeframe: Timeframe | None, now: int) -> list[Checked]:
    files, wrong = [], Findings()
    for source in sources:
        try:
            files.append(_checked(source.path, timeframe, now))
        except BadCandles as bad:
            wrong += bad.findings
    if wrong.count:
        raise BadCandles(wrong)
    return files


def _checked(path: Path, timeframe: Timeframe | None, now: int) -> Checked:
    rows = read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else read_csv(path)
    if not len(rows):
        raise BadCandles(Findings(len(rows.unreadable), tuple(finding.text for finding in rows.unreadable)))
    return checked(rows, timeframe or timeframe_of(rows), now)


def _is_symbol(text: str) -> bool:
    try:
        return bool(_SYMBOL.validate_python(text))
    except ValidationError:
        return False
