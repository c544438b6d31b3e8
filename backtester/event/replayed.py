"""A council whose answers were recorded: an LLM's, say, which nobody wants to pay for twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from services.council.core import Ruling, decision
from shared.errors import ConfigError
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.signals import SignalGenerated

Recorded = Mapping[tuple[str, datetime], CouncilDecided]
NOT_RECORDED = Ruling("HOLD", None, False, "nothing was recorded of this bar")


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
    """CouncilDecided messages, one JSON a line. ConfigError names the line that is none."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--council replay:{path}: cannot be read ({error}); check the path") from None
    found: dict[tuple[str, datetime], CouncilDecided] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            told = _parsed(path, number, line)
            found[told.symbol, told.occurred_at] = told
    return found


def _parsed(path: Path, number: int, line: str) -> CouncilDecided:
    try:
        return CouncilDecided.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"--council replay:{path}, line {number}, field {where}: {first['msg']}") from None
