"""Recorded candles from CSV files. Every defect is one line that names the file, the row, the field and the fix."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.pairs import EXACT, LOT_DECIMALS, MAX_PRICE_DECIMALS, Pair, pair
from services.exchange_simulator.series import Bar, Series
from services.exchange_simulator.wire import SECOND, parse_rfc3339

TIME_NAMES = ("time", "timestamp", "date")
PRICES = ("open", "high", "low", "close")
MINUTES = (1, 5, 15, 30, 60, 240, 1440, 10080)
EPOCH_SECONDS_END = Decimal(10) ** 11
COLUMN_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class Candles:
    """One file's bars in units of 1e-10 (prices) and 1e-8 (volume); ``spacing`` in microseconds, 0 for one bar."""

    symbol: str
    path: str
    bars: tuple[Bar, ...]
    spacing: int

    @property
    def decimals(self) -> int:
        """The decimals that the prices need."""
        for decimals in range(MAX_PRICE_DECIMALS):
            step = 10 ** (MAX_PRICE_DECIMALS - decimals)
            if all(not (b.open % step or b.high % step or b.low % step or b.close % step) for b in self.bars):
                return decimals
        return MAX_PRICE_DECIMALS


def split_argument(argument: str) -> tuple[str, Path]:
    """``SYMBOL=FILE``, or a bare FILE for BTC/USD."""
    symbol, equals, path = argument.partition("=")
    return (symbol.upper(), Path(path)) if equals and "/" in symbol else ("BTC/USD", Path(argument))


def read_candles(symbol: str, path: Path) -> Candles:
    """Parses and checks a file. Raises BadConfiguration."""
    rows = _rows(path)
    header = next(rows, None)
    if header is None:
        raise BadConfiguration(f"{path}, line 1: the file is empty; give it a header row and candles")
    columns = _columns(path, header[1])
    bars: list[Bar] = []
    for line, row in rows:
        bar = _bar(f"{path}, line {line}", row, columns)
        if bars and bar.time <= bars[-1].time:
            wrong = "repeats the time before it" if bar.time == bars[-1].time else "is older than the row before it"
            raise BadConfiguration(f"{path}, line {line}, field time: {wrong}; sort the rows and keep each time once")
        bars.append(bar)
    if not bars:
        raise BadConfiguration(f"{path}, line 2: no candles follow the header; add rows")
    return Candles(symbol, str(path), tuple(bars), _spacing(path, bars))


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """All symbols' recorded bars, on the union of their instants."""

    kind = "recorded"
    pairs: Mapping[str, Pair]
    base: int
    first_step: int
    _series: Mapping[str, Series]
    _instants: Sequence[int]

    @property
    def steps_total(self) -> int | None:
        return len(self._instants)

    @property
    def fingerprint(self) -> str:
        parts = (f"{s}:{len(v)}:{v.times[0]}:{crc32(v.closes.tobytes()):08x}" for s, v in self._series.items())
        return "recorded " + " ".join(parts)

    def instant(self, step: int) -> int | None:
        """The open time of a step's bars in microseconds, None past the end."""
        return self._instants[step] if step < len(self._instants) else None

    def series(self, symbol: str) -> Series:
        return self._series[symbol]


def recorded_market(arguments: Sequence[str], history: int = 0) -> RecordedMarket:
    """Reads all files; the clock will start ``history`` bars into them. Raises BadConfiguration."""
    files = [read_candles(*split_argument(argument)) for argument in arguments]
    _refuse_mixtures(files)
    spacing = next((f.spacing for f in files if f.spacing), 0)
    if not spacing:
        raise BadConfiguration(f"{files[0].path}: one candle shows no spacing; add a second row")
    for file in files:
        _refuse_off_grid(file, spacing)
    pairs = {f.symbol: pair(f.symbol, f.decimals) for f in files}
    instants = sorted({bar.time for f in files for bar in f.bars})
    if not 0 <= history < len(instants):
        raise BadConfiguration(f"--history {history} leaves nothing to play; the data has {len(instants)} instants")
    ordered = sorted(files, key=lambda f: f.symbol)
    series = {f.symbol: _series(f, pairs[f.symbol]) for f in ordered}
    return RecordedMarket({f.symbol: pairs[f.symbol] for f in ordered}, spacing, history, series, instants)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}, byte {error.start}: not UTF-8; save the file as UTF-8") from None
    reader = csv.reader(text.splitlines())
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise BadConfiguration(f"{path}, line {reader.line_num}: not CSV ({error}); fix the row") from None


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    time = next((name for name in TIME_NAMES if name in names), None)
    if time is None:
        raise BadConfiguration(f"{path}, line 1, field time: missing; name a column time, timestamp or date")
    for name in (*PRICES, "volume"):
        if name not in names:
            raise BadConfiguration(f"{path}, line 1, field {name}: missing; add the column")
    return {"time": names.index(time)} | {name: names.index(name) for name in (*PRICES, "volume")}


def _bar(where: str, row: Sequence[str], columns: Mapping[str, int]) -> Bar:
    if len(row) <= max(columns.values()):
        short = next(name for name, index in columns.items() if index >= len(row))
        raise BadConfiguration(f"{where}, field {short}: missing; complete the row")
    time = _time(where, row[columns["time"]].strip())
    opened, high, low, close = (_price(where, name, row[columns[name]]) for name in PRICES)
    volume = _scaled(where, "volume", row[columns["volume"]], LOT_DECIMALS)
    if volume < 0:
        raise BadConfiguration(f"{where}, field volume: is negative; correct it")
    if high < low:
        raise BadConfiguration(f"{where}, field high: is below low; correct the row")
    for name, price in (("open", opened), ("close", close)):
        if not low <= price <= high:
            raise BadConfiguration(f"{where}, field {name}: lies outside low to high; correct the row")
    return Bar(time, opened, high, low, close, volume)


def _time(where: str, text: str) -> int:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _iso_time(where, text)
    if not number.is_finite() or number < 0 or number >= EPOCH_SECONDS_END * 1000:
        raise BadConfiguration(f"{where}, field time: {text!r} is no epoch; use seconds or milliseconds since 1970")
    return int(number * SECOND if number < EPOCH_SECONDS_END else number * 1000)


def _iso_time(where: str, text: str) -> int:
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        raise BadConfiguration(f"{where}, field time: {text!r} is no time; use ISO 8601 or an epoch") from None


def _price(where: str, name: str, text: str) -> int:
    price = _scaled(where, name, text, MAX_PRICE_DECIMALS)
    if price <= 0:
        raise BadConfiguration(f"{where}, field {name}: {text.strip()!r} is not above zero; correct the price")
    return price


def _scaled(where: str, name: str, text: str, decimals: int) -> int:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise BadConfiguration(f"{where}, field {name}: {text!r} is no number; correct it") from None
    if not number.is_finite():
        raise BadConfiguration(f"{where}, field {name}: {text!r} is not finite; correct it")
    # The exponent first: scaling 1e999999999 out to an integer would never end.
    if number and number.adjusted() + decimals > 18:
        raise BadConfiguration(f"{where}, field {name}: {text!r} is too large; correct it")
    scaled = int(number.scaleb(decimals, EXACT).to_integral_value(context=EXACT))
    if abs(scaled) > COLUMN_LIMIT:
        raise BadConfiguration(f"{where}, field {name}: {text!r} is too large; correct it")
    return scaled


def _spacing(path: Path, bars: Sequence[Bar]) -> int:
    steps = Counter(later.time - earlier.time for earlier, later in pairwise(bars))
    if not steps:
        return 0
    spacing = min(steps, key=lambda step: (-steps[step], step))
    if spacing not in {m * 60 * SECOND for m in MINUTES}:
        allowed = ", ".join(map(str, MINUTES))
        raise BadConfiguration(
            f"{path}, field time: rows are {spacing / (60 * SECOND):g} minutes apart; use one of {allowed} minutes"
        )
    return spacing


def _refuse_mixtures(files: Sequence[Candles]) -> None:
    if not files:
        raise BadConfiguration("no data; name a file with --data SYMBOL=FILE")
    first = files[0]
    for file in files[1:]:
        if file.symbol.partition("/")[2] != first.symbol.partition("/")[2]:
            raise BadConfiguration(
                f"{file.path}: {file.symbol} and {first.symbol} have different quotes; the account has one currency"
            )
        if file.spacing and first.spacing and file.spacing != first.spacing:
            raise BadConfiguration(
                f"{file.path}, field time: rows are {file.spacing // (60 * SECOND)} minutes apart and those of "
                f"{first.path} {first.spacing // (60 * SECOND)}; give files of one timeframe"
            )
    repeated = [symbol for symbol, count in Counter(f.symbol for f in files).items() if count > 1]
    if repeated:
        raise BadConfiguration(f"{repeated[0]} is given twice; name each symbol once")


def _refuse_off_grid(file: Candles, spacing: int) -> None:
    for bar in file.bars:
        if bar.time % spacing:
            shown = datetime.fromtimestamp(bar.time / SECOND, UTC).isoformat()
            raise BadConfiguration(
                f"{file.path}, field time: {shown} is off the {spacing // (60 * SECOND)}-minute grid; align it"
            )


def _series(file: Candles, of: Pair) -> Series:
    step = 10 ** (MAX_PRICE_DECIMALS - of.decimals)
    series = Series()
    for bar in file.bars:
        series.append(Bar(bar.time, bar.open // step, bar.high // step, bar.low // step, bar.close // step, bar.volume))
    return series
