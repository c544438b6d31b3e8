"""What closed trades have taught so far, and the weights of each time: the learning engine's past, in memory."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from uuid import UUID

from services.learning_engine.core import WINDOW, Adjustment, Attribution, Evidence, Result
from services.learning_engine.credit import Outcome, Scope
from shared.schemas.base import Timeframe
from shared.schemas.trades import TradeClosed, WeightsAdjusted
from shared.timeframes import bar_open, to_microseconds

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


AGE, TIME = attrgetter("time", "trade_id"), attrgetter("time")


@dataclass(frozen=True, slots=True)
class Told:
    """What one trade says about one name."""

    time: datetime
    trade_id: UUID
    said: Attribution


@dataclass(frozen=True, slots=True)
class Closed:
    """One trade."""

    time: datetime
    trade_id: UUID


@dataclass(slots=True)
class Weighing:
    """The weights of one scope: `history` holds what was valid from when on, `moves` what learning moved from.

    `told` is by name, oldest first.
    """

    history: list[tuple[datetime, Mapping[str, float]]]
    moves: list[tuple[datetime, Mapping[str, float]]] = field(default_factory=list)
    told: dict[str, list[Told]] = field(default_factory=dict)

    def at(self, time: datetime) -> Mapping[str, float]:
        """The weights that are valid at a time."""
        return next(weights for since, weights in reversed(self.history) if since <= time)


class MemoryPast:
    """Nothing is stored twice here, since nothing is handled twice."""

    def __init__(
        self, strategies: Mapping[str, float], members: Mapping[str, float], base_timeframe: Timeframe
    ) -> None:
        self._base_timeframe = base_timeframe
        self._scopes: dict[Scope, Weighing] = {
            "strategies": Weighing([(ALWAYS, dict(strategies))]),
            "members": Weighing([(ALWAYS, dict(members))]),
        }
        self._closed: list[Closed] = []
        self._results: list[Result] = []

    @property
    def adjustments(self) -> int:
        """How often the strategies' weights have moved."""
        return len(self._scopes["strategies"].moves)

    def weights(self, scope: Scope, at: datetime) -> Mapping[str, float]:
        """The weights that are valid at a time."""
        return self._scopes[scope].at(at)

    async def keep_outcomes(self, tx: object, trade: TradeClosed, outcomes: Sequence[Outcome]) -> None:
        for one in outcomes:
            if one.credit:
                told = Told(trade.exit_time, trade.trade_id, Attribution(one.credit, one.pnl_fraction / one.credit))
                insort(self._scopes[one.scope].told.setdefault(one.name, []), told, key=AGE)
        if fractions := [one.pnl_fraction for one in outcomes if one.scope == "strategies"]:
            place = bisect_left(self._closed, (trade.exit_time, trade.trade_id), key=AGE)
            instant = bar_open(self._base_timeframe, to_microseconds(trade.exit_time))
            self._closed.insert(place, Closed(trade.exit_time, trade.trade_id))
            self._results.insert(place, Result(instant, sum(fractions, 0.0)))

    async def adjusted_since(self, tx: object, scope: Scope, at: datetime) -> bool:
        moves = self._scopes[scope].moves
        return bool(moves) and moves[-1][0] > at

    async def last_trade_before(self, tx: object, at: datetime) -> UUID | None:
        count = _before(self._closed, at)
        return self._closed[count - 1].trade_id if count else None

    async def evidence_before(self, tx: object, scope: Scope, at: datetime, base_timeframe: Timeframe) -> Evidence:
        weighing = self._scopes[scope]
        return Evidence(
            weights=weighing.at(at),
            base=weighing.history[0][1],
            outcomes={name: _newest(told, at) for name, told in weighing.told.items()},
            last=self._last_adjustment(scope, at),
        )

    async def keep_adjustment(self, tx: object, adjusted: WeightsAdjusted, evidence: Evidence, trade_id: UUID) -> None:
        weighing = self._scopes[adjusted.scope]
        weighing.history.append((adjusted.effective_from, {w.name: w.after for w in adjusted.weights}))
        weighing.moves.append((adjusted.effective_from, {w.name: w.before for w in adjusted.weights}))

    def _last_adjustment(self, scope: Scope, at: datetime) -> Adjustment | None:
        last = next((move for move in reversed(self._scopes[scope].moves) if move[0] <= at), None)
        if last is None:
            return None
        cut, before = last
        middle, end = _before(self._closed, cut), _before(self._closed, at)
        return Adjustment(before, self._results[max(middle - WINDOW, 0) : middle], self._results[middle:end])


def _before(oldest_first: Sequence[Told | Closed], at: datetime) -> int:
    """How many of them were closed before a time."""
    return bisect_left(oldest_first, at, key=TIME)


def _newest(told: Sequence[Told], at: datetime) -> list[Attribution]:
    count = _before(told, at)
    return [one.said for one in told[max(count - WINDOW, 0) : count]]
