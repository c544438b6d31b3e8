"""The store of candles for backtests: `<DATA_DIR>/candles/<venue>/<BASE-QUOTE>/<timeframe>.parquet`."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError

from backtester.data import parquet
from backtester.data.checks import Checked, gaps
from backtester.data.merge import Merged, Series
from backtester.data.rows import VALUES, when
from backtester.data.steps import UNKNOWN, Steps
from shared.embedded.folder import plain_words
from shared.errors import ConfigError
from shared.schemas.base import Symbol, Timeframe
from shared.strategies.market import Market
from shared.timeframes import TIMEFRAMES

VENUE = re.compile(r"[a-z0-9_]{1,32}")
_SYMBOL: TypeAdapter[str] = TypeAdapter(Symbol)


class Key(NamedTuple):
    """What a file of the store is of."""

    venue: str
    symbol: str
    timeframe: Timeframe


class Held(NamedTuple):
    """What is stored of one market: `first` and `last` open in microseconds, gaps and the bars they miss, bytes.

    `steps` as far as they are known.
    """

    venue: str
    symbol: str
    timeframe: Timeframe
    first: int
    last: int
    bars: int
    gaps: int
    missing: int
    size: int
    steps: Steps


@dataclass(frozen=True, slots=True)
class CandleStore:
    """Candles under `data_dir`. Every error is a ConfigError that says what to do."""

    data_dir: Path

    @property
    def root(self) -> Path:
        """The folder of all candles."""
        return self.data_dir / "candles"

    def path(self, venue: str, symbol: str, timeframe: Timeframe) -> Path:
        """Where a market is kept, whether there is something or not."""
        if not VENUE.fullmatch(venue):
            raise ConfigError(f"--venue {venue}: use small letters, digits and _, such as kraken or file")
        try:
            _SYMBOL.validate_python(symbol)
        except ValidationError:
            raise ConfigError(f"--symbol {symbol}: write it as BASE/QUOTE, such as BTC/USD") from None
        return self.root / venue / symbol.replace("/", "-") / f"{timeframe}.parquet"

    def load(
        self, venue: str, symbol: str, timeframe: Timeframe, start: int | None = None, end: int | None = None
    ) -> Market:
        """Bars that open from `start` (included) to `end` (excluded, microseconds since the epoch), at least one."""
        path = self.path(venue, symbol, timeframe)
        if not path.exists():
            raise ConfigError(
                f"no {timeframe} candles of {symbol} from {venue}; `parley data list` shows what is there"
            )
        with plain_words("candles", self.root):
            market = parquet.read(path, start, end)
            if len(market):
                return market
            times = parquet.read_times(path)
        held = f"{when(int(times[0]))} to {when(int(times[-1]))}"
        raise ConfigError(f"no {timeframe} candles of {symbol} from {venue} in that range; stored: {held}")

    def part(self, key: Key, start: int, end: int) -> Market:
        """Bars of what was found that open from `start` to `end` (excluded), and none where there are none."""
        with plain_words("candles", self.root):
            return parquet.read(self.path(*key), start, end)

    @contextmanager
    def writing(self, venue: str, symbol: str, timeframe: Timeframe) -> Iterator[Series]:
        """The market to merge into, for this process alone."""
        path = self.path(venue, symbol, timeframe)
        with ExitStack() as held:
            with plain_words("candles", self.root):
                path.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(_locked(path.with_suffix(".lock"), f"{symbol} {timeframe} of {venue}"))
                stored, steps = (
                    (parquet.read(path), parquet.read_steps(path)) if path.exists() else (_no_bars(), UNKNOWN)
                )
            yield Series(path, timeframe, stored, steps)

    def merge(self, venue: str, symbol: str, new: Checked, *, replace: bool = False, steps: Steps = UNKNOWN) -> Merged:
        """Add what is new; a bar or step that is stored with other values is refused by name, unless `replace`."""
        with self.writing(venue, symbol, new.timeframe) as series:
            return series.merge(new, replace=replace, steps=steps)

    def steps(self, venue: str, symbol: str, timeframe: Timeframe) -> Steps | None:
        """The pair's steps and minimums at its venue; a field that is not known is None, and so is all of nothing."""
        path = self.path(venue, symbol, timeframe)
        with plain_words("candles", self.root):
            return (parquet.read_steps(path) or None) if path.exists() else None

    def remove(self, venue: str, symbol: str, timeframe: Timeframe) -> None:
        """Delete a market's candles, unless somebody writes them."""
        path = self.path(venue, symbol, timeframe)
        with plain_words("candles", self.root), _locked(path.with_suffix(".lock"), f"{symbol} {timeframe} of {venue}"):
            path.unlink()

    def found(self, symbol: str) -> list[Key]:
        """What there is of a pair, at all venues, without a look into the files."""
        with plain_words("candles", self.root):
            return [key for path in self._files() if (key := _key(path)).symbol == symbol]

    def listing(self) -> list[Held]:
        """Everything that is stored, by venue, symbol and timeframe, shortest first."""
        with plain_words("candles", self.root):
            return [_held(path) for path in self._files()]

    def _files(self) -> list[Path]:
        return sorted((path for path in self.root.glob("*/*/*.parquet") if path.stem in TIMEFRAMES), key=_order)


def fingerprint(market: Market) -> str:
    """sha256 of the bars: open times as little-endian int64, then each of open to volume as little-endian float64.

    Equal bars have equal fingerprints whatever machine, file or range they were loaded from; sentiment is no candle.
    """
    digest = sha256()
    digest.update(market.open_time.astype("<i8").tobytes())
    for name in VALUES:
        digest.update((getattr(market, name) + 0.0).astype("<f8").tobytes())  # -0.0 equals 0.0, in other bits
    return digest.hexdigest()


@contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another"
            raise ConfigError(f"{what}: process {holder} is writing it; wait until it is done, or stop it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _no_bars() -> Market:
    return Market(np.empty(0, np.int64), *(np.empty(0) for _ in VALUES))


def _order(path: Path) -> tuple[str, str, int]:
    return path.parts[-3], path.parts[-2], [*TIMEFRAMES].index(_key(path).timeframe)


def _key(path: Path) -> Key:
    timeframe = next(known for known in TIMEFRAMES if known == path.stem)
    return Key(path.parts[-3], path.parts[-2].replace("-", "/"), timeframe)


def _held(path: Path) -> Held:
    times = parquet.read_times(path)
    missing = gaps(times, _key(path).timeframe)
    lost = sum(gap.bars for gap in missing)
    size, steps = path.stat().st_size, parquet.read_steps(path)
    return Held(*_key(path), int(times[0]), int(times[-1]), len(times), len(missing), lost, size, steps)
