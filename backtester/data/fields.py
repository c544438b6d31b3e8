"""Text into numbers, a column at a time: what makes none is a finding of its row.

Times and numbers read as in the exchange simulator, so that a file of commas and named columns shows the same bars.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from backtester.data.rows import VALUES, Finding, Rows, Unit, place
from shared.errors import ConfigError
from shared.timeframes import SECOND, to_microseconds

TIME_NAMES = ("time", "timestamp", "date")
INDEX_NAMES = ("unnamed: 0", "__index_level_0__")
"""As pandas calls an index without a name; in CSV it is the first column, without a name."""
EPOCH_SECONDS_END = Decimal(10) ** 11
"""An epoch from here on (the year 5138) counts milliseconds."""
NO_TIME = "is no time; use ISO 8601, or seconds or milliseconds since 1970"
NO_NUMBER = "is no number; correct it"
N = TypeVar("N", int, float)


def parsed_time(text: str | float) -> int:
    """Microseconds since the epoch of ISO 8601 (without a zone: UTC) or of an epoch. Raises ValueError."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        moment = datetime.fromisoformat(str(text).strip())
        return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if not number.is_finite() or not 0 <= number < EPOCH_SECONDS_END * 1000:
        raise ValueError(f"{text} is no epoch")
    return int(number * (SECOND if number < EPOCH_SECONDS_END else 1000))


def column_names(source: str, names: Sequence[str]) -> dict[str, int]:
    """Where time and values stand among a file's columns, whatever their case. Raises ConfigError."""
    known = [name.strip().lower() for name in names]
    if sum(map(is_number, known)) >= len(VALUES):
        raise ConfigError(f"{source}: numbers where a header should be; add the row time,{','.join(VALUES)} above it")
    places = {"time": _time_column(source, known)}
    for name in VALUES:
        if name not in known:
            raise ConfigError(f"{source}, field {name}: missing; add the column")
        if known.count(name) > 1:
            raise ConfigError(f"{source}, field {name}: stands {known.count(name)} times; keep one column of that name")
        places[name] = known.index(name)
    return places


def _time_column(source: str, names: Sequence[str]) -> int:
    times = [index for index, name in enumerate(names) if name in TIME_NAMES]
    if len(times) > 1:
        several = " and ".join(names[index] for index in times)
        raise ConfigError(f"{source}, field time: the columns {several} are all times; keep one of them")
    unnamed = [index for index, name in enumerate(names) if name in INDEX_NAMES or (name == "" and index == 0)]
    if not times and len(unnamed) != 1:
        raise ConfigError(f"{source}, field time: missing; name a column time, timestamp or date")
    return (times or unnamed)[0]


def is_number(text: str) -> bool:
    """Whether it is a finite one."""
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def rows_of(source: str, unit: Unit, numbers: Sequence[int], texts: Mapping[str, Sequence[str | float]]) -> Rows:
    """Rows of what stood in each field (time and the values), as text or as a number, once for each of `numbers`."""
    reader = _Reader(source, unit, numbers)
    time = np.array(reader.column("time", texts["time"], parsed_time, NO_TIME), np.int64)
    values = (np.array(reader.column(name, texts[name], float, NO_NUMBER), np.float64) for name in VALUES)
    rows = Rows(source, unit, (), np.array(numbers, np.int64), time, *values)
    return replace(rows.only(reader.readable()), unreadable=tuple(sorted(reader.findings)))


def _underscored(texts: Sequence[str | float]) -> bool:
    """Python takes 1_000 for a number; of a whole column it is faster to know whether there is one."""
    return bool(texts) and isinstance(texts[0], str) and "_" in "".join(map(str, texts))


def _without_underscore(text: str | float) -> str | float:
    if isinstance(text, str) and "_" in text:
        raise ValueError(f"{text} has an underscore")
    return text


class _Reader:
    def __init__(self, source: str, unit: Unit, numbers: Sequence[int]) -> None:
        self.findings: list[Finding] = []
        self._source = source
        self._unit = unit
        self._numbers = numbers

    def column(self, name: str, texts: Sequence[str | float], parse: Callable[[str | float], N], wrong: str) -> list[N]:
        try:
            if not _underscored(texts):
                return list(map(parse, texts))
        except (ValueError, OverflowError):
            pass
        return [self._one(name, *row, parse, wrong) for row in zip(self._numbers, texts, strict=True)]

    def readable(self) -> NDArray[np.bool_]:
        return ~np.isin(self._numbers, [finding.number for finding in self.findings])

    def _one(self, name: str, number: int, text: str | float, parse: Callable[[str | float], N], wrong: str) -> N:
        try:
            return parse(_without_underscore(text))
        except (ValueError, OverflowError):
            where = place(self._source, self._unit, number)
            self.findings.append(Finding(number, f"{where}, field {name}: {text!r} {wrong}"))
            return parse("0")
