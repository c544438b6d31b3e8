"""Text into numbers, a column at a time: what makes none is a finding of its row.

The rules are those of the exchange simulator, so that a file that it plays can be imported, and shows the same bars.
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
    time = next((name for name in TIME_NAMES if name in known), None)
    if time is None:
        raise ConfigError(f"{source}, field time: missing; name a column time, timestamp or date")
    for name in VALUES:
        if name not in known:
            raise ConfigError(f"{source}, field {name}: missing; add the column")
    return {"time": known.index(time)} | {name: known.index(name) for name in VALUES}


def rows_of(source: str, unit: Unit, numbers: Sequence[int], texts: Mapping[str, Sequence[str | float]]) -> Rows:
    """Rows of what stood in each field (time and the values), as text or as a number, once for each of `numbers`."""
    reader = _Reader(source, unit, numbers)
    time = np.array(reader.column("time", texts["time"], parsed_time, NO_TIME), np.int64)
    values = (np.array(reader.column(name, texts[name], float, NO_NUMBER), np.float64) for name in VALUES)
    rows = Rows(source, unit, (), np.array(numbers, np.int64), time, *values)
    return replace(rows.only(reader.readable()), unreadable=tuple(sorted(reader.findings)))


class _Reader:
    def __init__(self, source: str, unit: Unit, numbers: Sequence[int]) -> None:
        self.findings: list[Finding] = []
        self._source = source
        self._unit = unit
        self._numbers = numbers

    def column(self, name: str, texts: Sequence[str | float], parse: Callable[[str | float], N], wrong: str) -> list[N]:
        try:
            return list(map(parse, texts))
        except (ValueError, OverflowError):
            return [self._one(name, *row, parse, wrong) for row in zip(self._numbers, texts, strict=True)]

    def readable(self) -> NDArray[np.bool_]:
        return ~np.isin(self._numbers, [finding.number for finding in self.findings])

    def _one(self, name: str, number: int, text: str | float, parse: Callable[[str | float], N], wrong: str) -> N:
        try:
            return parse(text)
        except (ValueError, OverflowError):
            where = place(self._source, self._unit, number)
            self.findings.append(Finding(number, f"{where}, field {name}: {text!r} {wrong}"))
            return parse("0")
