"""A closed trade teaches; weights move by what closed before its bar."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.learning_engine.core import Evidence, Guardrails, Move, decide
from services.learning_engine.credit import SCOPES, Outcome, Scope, outcomes_of
from shared.ids import derived_id
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message, Timeframe
from shared.schemas.trades import TradeClosed, Weight, WeightsAdjusted
from shared.timeframes import bar_open, from_microseconds, to_microseconds

JUST_AFTER = timedelta(microseconds=1)


class Past(Protocol):
    """What closed trades have left behind."""

    async def keep_outcomes(self, tx: Transaction, trade: TradeClosed, outcomes: Sequence[Outcome]) -> None:
        """Store who got how much of the trade; a second time changes nothing."""
        ...

    async def adjusted_since(self, tx: Transaction, scope: Scope, at: datetime) -> bool:
        """Whether weights that act after `at` were decided already."""
        ...

    async def last_trade_before(self, tx: Transaction, at: datetime) -> UUID | None:
        """The newest trade that counts."""
        ...

    async def evidence_before(self, tx: Transaction, scope: Scope, at: datetime, base_timeframe: Timeframe) -> Evidence:
        """All that trades closed before `at` say about the scope's names."""
        ...

    async def keep_adjustment(
        self, tx: Transaction, adjusted: WeightsAdjusted, evidence: Evidence, trade_id: UUID
    ) -> None:
        """A weight and an adjustment with its reason for each name that moved."""
        ...


class Handlers:
    """`moves` is False where LEARNING=off: outcomes are stored, weights stay.

    Trades of one bar may arrive in any order. So what closes in a bar counts from the next bar's trades on, and new
    weights date from the bar's open: every order of arrival leads to the same weights, and no signal was computed
    between that time and this one.
    """

    def __init__(self, rails: Guardrails, base_timeframe: Timeframe, past: Past, *, moves: bool) -> None:
        self._rails = rails
        self._past = past
        self._base_timeframe = base_timeframe
        self._moves = moves

    async def on_trade_closed(self, trade: TradeClosed, tx: Transaction) -> Sequence[Message]:
        """Store what the trade says about each name, and move the weights where the trades before it call for it."""
        outcomes = outcomes_of(trade)
        if not outcomes:
            return []
        await self._past.keep_outcomes(tx, trade, outcomes)
        if not self._moves:
            return []
        instant = from_microseconds(bar_open(self._base_timeframe, to_microseconds(trade.exit_time)))
        adjusted = [await self._adjusted(tx, scope, instant, trade) for scope in SCOPES]
        return [message for message in adjusted if message is not None]

    async def _adjusted(
        self, tx: Transaction, scope: Scope, instant: datetime, trade: TradeClosed
    ) -> WeightsAdjusted | None:
        last_trade = await self._past.last_trade_before(tx, instant)
        if last_trade is None or await self._past.adjusted_since(tx, scope, instant):
            return None
        evidence = await self._past.evidence_before(tx, scope, instant, self._base_timeframe)
        move = decide(evidence, self._rails)
        if move is None:
            return None
        message = _message(scope, instant + JUST_AFTER, trade, evidence, move)
        await self._past.keep_adjustment(tx, message, evidence, last_trade)
        return message


def _message(
    scope: Scope, effective_from: datetime, trade: TradeClosed, evidence: Evidence, move: Move
) -> WeightsAdjusted:
    return WeightsAdjusted(
        message_id=derived_id("WeightsAdjusted", scope, effective_from),
        causation_id=trade.message_id,
        occurred_at=effective_from,
        scope=scope,
        weights=tuple(
            Weight(name=name, before=evidence.weights[name], after=move.weights[name], reason=move.reasons[name])
            for name in sorted(move.weights)
        ),
        effective_from=effective_from,
    )
