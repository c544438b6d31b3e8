"""What closed trades have taught so far, and the weights of each time: the learning engine's past, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from services.learning_engine.core import WINDOW, Adjustment, Attribution, Evidence, Result
from services.learning_engine.credit import Outcome, Scope
from shared.schemas.base import Timeframe
from shared.schemas.trades import TradeClosed, WeightsAdjusted
from shared.timeframes import bar_open, to_microseconds

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """What one trade says about one name."""

    time: datetime
    trade_id: UUID
    name: str
    credit: float
    pnl_fraction: float


@dataclass(slots=True)
class Weighing:
    """The weights of one scope: `history` holds what was valid from when on, `moves` what learning moved from."""

    history: list[tuple[datetime, Mapping[str, float]]]
    moves: list[tuple[datetime, Mapping[str, float]]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def at(self, time: datetime) -> Mapping[str, float]:
        """The weights that are valid at a time."""
        return next(weights for since, weights in reversed(self.history) if since <= time)


class MemoryPast:
    """Nothing is stored twice here, since nothing is handled twice."""

    def __init__(self, strategies: Mapping[str, float], members: Mapping[str, float]) -> None:
        self._scopes: dict[Scope, Weighing] = {
            "strategies": Weighing([(ALWAYS, dict(strategies))]),
            "members": Weighing([(ALWAYS, dict(members))]),
        }

    @property
    def adjustments(self) -> int:
        """How often the strategies' weights have moved."""
        return len(self._scopes["strategies"].moves)

    def weights(self, scope: Scope, at: datetime) -> Mapping[str, float]:
        """The weights that are valid at a time."""
        return self._scopes[scope].at(at)

    async def keep_outcomes(self, tx: object, trade: TradeClosed, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            told = Told(trade.exit_time, trade.trade_id, outcome.name, outcome.credit, outcome.pnl_fraction)
            self._scopes[outcome.scope].told.append(told)

    async def adjusted_since(self, tx: object, scope: Scope, at: datetime) -> bool:
        return any(since > at for since, _ in self._scopes[scope].moves)

    async def last_trade_before(self, tx: object, at: datetime) -> UUID | None:
        past = self._past("strategies", at)
        return past[-1].trade_id if past else None

    async def evidence_before(self, tx: object, scope: Scope, at: datetime, base_timeframe: Timeframe) -> Evidence:
        weighing = self._scopes[scope]
        heard: dict[str, list[Attribution]] = {}
        for told in self._past(scope, at):
            if told.credit:
                heard.setdefault(told.name, []).append(Attribution(told.credit, told.pnl_fraction / told.credit))
        return Evidence(
            weights=weighing.at(at),
            base=weighing.history[0][1],
            outcomes={name: parts[-WINDOW:] for name, parts in heard.items()},
            last=self._last_adjustment(scope, at, base_timeframe),
        )

    async def keep_adjustment(self, tx: object, adjusted: WeightsAdjusted, evidence: Evidence, trade_id: UUID) -> None:
        weighing = self._scopes[adjusted.scope]
        weighing.history.append((adjusted.effective_from, {w.name: w.after for w in adjusted.weights}))
        weighing.moves.append((adjusted.effective_from, {w.name: w.before for w in adjusted.weights}))

    def _past(self, scope: Scope, at: datetime) -> list[Told]:
        told = [one for one in self._scopes[scope].told if one.time < at]
        return sorted(told, key=lambda one: (one.time, one.trade_id))

    def _last_adjustment(self, scope: Scope, at: datetime, base_timeframe: Timeframe) -> Adjustment | None:
        moves = [move for move in self._scopes[scope].moves if move[0] <= at]
        if not moves:
            return None
        cut, before = moves[-1]
        results: dict[tuple[datetime, UUID], float] = {}
        for told in self._past("strategies", at):
            results[told.time, told.trade_id] = results.get((told.time, told.trade_id), 0.0) + told.pnl_fraction
        parts = [(time, _result(time, total, base_timeframe)) for (time, _), total in results.items()]
        return Adjustment(
            before=before,
            earlier=[result for time, result in parts if time < cut],
            since=[result for time, result in parts if time >= cut],
        )


def _result(time: datetime, fraction: float, base_timeframe: Timeframe) -> Result:
    return Result(bar_open(base_timeframe, to_microseconds(time)), fraction)
