"""A council whose answers were recorded: an LLM's, say, which nobody wants to pay for twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from services.council.core import Ruling, decision
from shared.errors import ConfigError
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message, Timeframe
from shared.schemas.council import CouncilDecided
from shared.schemas.signals import SignalGenerated
from shared.timeframes import to_microseconds

Recorded = Mapping[tuple[str, datetime], CouncilDecided]
NOT_RECORDED = Ruling("HOLD", None, False, "nothing was recorded of this bar")

_SAID = ("timeframe", "verdict", "probability", "quorum", "reason", "vetoed_by", "votes")
"""What two lines about one bar have to agree on."""


class Matches(NamedTuple):
    """How many of the `recorded` decisions were made on one of the `bars` that are played."""

    matched: int
    recorded: int
    bars: int

    def __str__(self) -> str:
        return f"{self.matched:,} of {self.recorded:,} recorded decisions are of the {self.bars:,} bars played"


class ReplayedCouncil:
    """Says of every signal what was recorded of its symbol and bar, HOLD where nothing was."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    async def on_signal_generated(self, signal: SignalGenerated, _tx: Transaction) -> Sequence[Message]:
        told = self._recorded.get((signal.symbol, signal.occurred_at))
        if told is None:
            return [decision(signal, (), NOT_RECORDED)]
        ruling = Ruling(told.verdict, told.probability, told.quorum, told.reason, told.vetoed_by)
        return [decision(signal, told.votes, ruling)]


def recorded_council(path: Path) -> Recorded:
    """CouncilDecided messages, one JSON a line.

    ConfigError names the line that is none, or says something else of a bar than a line before; and a file without any.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--council replay:{path}: cannot be read ({error}); check the path") from None
    found: dict[tuple[str, datetime], CouncilDecided] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            told = _parsed(path, number, line)
            if _contradicts(told, found.setdefault((told.symbol, told.occurred_at), told)):
                raise ConfigError(
                    f"--council replay:{path}, line {number}: says something else of {_bar(told)} than a line before; "
                    "keep one of the two"
                )
    if not found:
        raise ConfigError(f"--council replay:{path}: holds no decision; record some, or use --council rules")
    return found


def matches(path: Path, recorded: Recorded, timeframe: Timeframe, closes: Mapping[str, NDArray[np.int64]]) -> Matches:
    """What of a file can be replayed; `closes` (T,) are the closes of the bars to be decided, by symbol (microseconds).

    ConfigError: a decision was made on bars of another timeframe, or none on any of these.
    """
    for told in recorded.values():
        if told.timeframe != timeframe:
            raise ConfigError(
                f"--council replay:{path}: {_bar(told)} was decided on {told.timeframe} bars, these are {timeframe}; "
                f"give --timeframe {told.timeframe}, or another file"
            )
    made: dict[str, list[int]] = {}
    for symbol, at in recorded:
        made.setdefault(symbol, []).append(to_microseconds(at))
    matched = sum(int(np.isin(made[symbol], closes[symbol]).sum()) for symbol in made.keys() & closes.keys())
    if not matched:
        first, last = (_bar(told(recorded.values(), key=lambda one: one.occurred_at)) for told in (min, max))
        raise ConfigError(
            f"--council replay:{path}: none of its {len(recorded):,} decisions ({first} to {last}) is of a bar that is "
            "played; check --symbols, --from and --to"
        )
    return Matches(matched, len(recorded), sum(map(len, closes.values())))


def _contradicts(told: CouncilDecided, other: CouncilDecided) -> bool:
    return any(getattr(told, name) != getattr(other, name) for name in _SAID)


def _bar(told: CouncilDecided) -> str:
    return f"{told.symbol} of {told.occurred_at:%Y-%m-%d %H:%M}"


def _parsed(path: Path, number: int, line: str) -> CouncilDecided:
    try:
        return CouncilDecided.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"--council replay:{path}, line {number}, field {where}: {first['msg']}") from None
