"""Files of candles into the store: whose they are, what timeframe, and all of them checked before one is stored."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from backtester.data.checks import BadCandles, Checked, Findings, checked, listed
from backtester.data.csv_file import JSON, read_csv
from backtester.data.merge import Merged
from backtester.data.pairs import pair_of
from backtester.data.parquet_file import read_parquet
from backtester.data.plausible import require_same_pair, span
from backtester.data.rows import Rows
from backtester.data.steps import UNKNOWN, Steps
from backtester.data.store import CandleStore
from shared.errors import ConfigError
from shared.schemas.base import Symbol, Timeframe
from shared.strategies.market import Market
from shared.timeframes import MINUTE, TIMEFRAMES, length, minutes

FEATHER = (
    "is a Feather file; give CSV or Parquet. freqtrade converts its own: "
    "`freqtrade convert-data --format-from feather --format-to parquet`"
)
_SYMBOL: TypeAdapter[str] = TypeAdapter(Symbol)


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and the pair that its candles are of; `by_name`: only the file's name says so."""

    symbol: str
    path: Path
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How files are imported: `force` stores prices that look like another pair's, `replace` overwrites."""

    venue: str
    timeframe: Timeframe | None = None
    replace: bool = False
    force: bool = False
    steps: Steps = UNKNOWN


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    source: Source
    timeframe: Timeframe
    merged: Merged

    def __str__(self) -> str:
        done, guess = self.merged, " (by the file's name)" * self.source.by_name
        return (
            f"{self.source.path}: {self.source.symbol}{guess} {self.timeframe}, {done.given} bars, {done.added} new, "
            f"{done.replaced} replaced, {len(done.gaps)} gaps in all that is stored{listed(done.gaps)}"
        )


def source_of(argument: str, symbol: str | None = None) -> Source:
    """`SYMBOL=FILE`, or a bare FILE of `symbol` or of the pair in its name. ConfigError: no symbol, or two."""
    named, equals, path = argument.partition("=")
    if not equals or not _is_symbol(named.upper()):
        return _bare(Path(argument), symbol)
    if symbol and symbol.upper() != named.upper():
        raise ConfigError(f"{argument}: --symbol says {symbol}; give one of the two")
    return Source(named.upper(), Path(path))


def _bare(path: Path, symbol: str | None) -> Source:
    if symbol:
        return Source(symbol.upper(), path)
    if pair := pair_of(path):
        return Source(pair, path, by_name=True)
    raise ConfigError(f"{path}: of which pair? Give SYMBOL=FILE, such as BTC/USD={path}")


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


def import_files(store: CandleStore, sources: Sequence[Source], terms: Terms, now: int) -> Iterator[Imported]:
    """Check all files, then store them one after the other. `now` in microseconds.

    Raises BadCandles and OtherPair before anything is stored; Conflicts, or ConfigError for other steps and for the
    disk, at the first file concerned.
    """
    for source in sources:
        store.path(terms.venue, source.symbol, terms.timeframe or TIMEFRAMES[0])
    files = list(zip(sources, _all_checked(store, sources, terms, now), strict=True))
    if not terms.force:
        _require_same_pairs(store, files)
    for source, new in files:
        done = store.merge(terms.venue, source.symbol, new, replace=terms.replace, steps=terms.steps)
        yield Imported(source, new.timeframe, done)


def _require_same_pairs(store: CandleStore, files: Sequence[tuple[Source, Checked]]) -> None:
    for number, (source, new) in enumerate(files):
        others = [(str(other.path), bars.market) for other, bars in files[:number] if other.symbol == source.symbol]
        require_same_pair(str(source.path), new.market, [*others, *_stored(store, source.symbol, new.market)])


def _stored(store: CandleStore, symbol: str, new: Market) -> Iterator[tuple[str, Market]]:
    for key in store.found(symbol):
        yield f"the {key.timeframe} candles of {symbol} from {key.venue}", store.part(key, *span(new))


def _all_checked(store: CandleStore, sources: Iterable[Source], terms: Terms, now: int) -> list[Checked]:
    files, wrong = [], Findings()
    for source in sources:
        try:
            files.append(_checked(store, source, terms, now))
        except BadCandles as bad:
            wrong += bad.findings
    if wrong.count:
        raise BadCandles(wrong)
    return files


def _checked(store: CandleStore, source: Source, terms: Terms, now: int) -> Checked:
    rows = _read(source.path)
    if not len(rows):
        raise _unreadable(rows)
    timeframe = terms.timeframe or _shown_timeframe(rows)
    stored = store.steps(terms.venue, source.symbol, timeframe) or UNKNOWN
    return checked(rows, timeframe, now, terms.steps.over(stored).tick)


def _shown_timeframe(rows: Rows) -> Timeframe:
    try:
        return timeframe_of(rows)
    except ConfigError:
        if rows.unreadable:  # mended, they may show it
            raise _unreadable(rows) from None
        raise


def _unreadable(rows: Rows) -> BadCandles:
    return BadCandles(Findings(len(rows.unreadable), tuple(finding.text for finding in rows.unreadable)))


def _read(path: Path) -> Rows:
    kinds = [suffix.lower() for suffix in path.suffixes]
    if ".json" in kinds:
        raise ConfigError(f"{path}: {JSON}")
    if ".feather" in kinds:
        raise ConfigError(f"{path}: {FEATHER}")
    return read_parquet(path) if kinds and kinds[-1] in (".parquet", ".pq") else read_csv(path)


def _is_symbol(text: str) -> bool:
    try:
        return bool(_SYMBOL.validate_python(text))
    except ValidationError:
        return False
