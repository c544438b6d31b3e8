"""What the learning engine knows and leaves behind: outcomes, weights, adjustments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Row, bindparam, text
from sqlalchemy.dialects.postgresql import insert

from services.learning_engine.core import WINDOW, Adjustment, Attribution, Evidence, Result
from services.learning_engine.credit import Outcome, Scope
from shared import models
from shared.ids import derived_id
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Timeframe
from shared.schemas.trades import TradeClosed, Weight, WeightsAdjusted
from shared.timeframes import bar_open, to_microseconds

RESULTS_KEPT = 400
"""Trades looked at to judge an adjustment; more than any trial and its comparison need."""

_AT = bindparam("at", type_=DateTime(timezone=True))

_OUTCOMES = insert(models.LearningOutcome).on_conflict_do_nothing()

_ADJUSTED_SINCE = text(
    "select exists (select from learning_adjustments where scope = :scope and effective_from > :at)"
).bindparams(_AT)

_WEIGHTS = text("""
    select distinct on (name) name, weight, effective_from from weights
    where scope = :scope and effective_from <= :at order by name, effective_from desc
""").bindparams(_AT)

_BASE = text("""
    select distinct on (name) name, weight from weights
    where scope = :scope and effective_from <= :at and not exists (
        select from learning_adjustments made
        where made.scope = weights.scope and made.name = weights.name and made.effective_from = weights.effective_from
    ) order by name, effective_from desc
""").bindparams(_AT)

_LAST = text("""
    select name, before, effective_from from learning_adjustments where scope = :scope and effective_from = (
        select max(effective_from) from learning_adjustments where scope = :scope and effective_from <= :at
    )
""").bindparams(_AT)

_HEARD = text("""
    select name, credit, pnl_fraction from (
        select *, row_number() over (partition by name order by time desc, trade_id desc) as age
        from learning_outcomes where scope = :scope and time < :at and credit <> 0
    ) aged where age <= :window order by name, age desc
""").bindparams(_AT)

_RESULTS = text("""
    select time, trade_id, sum(pnl_fraction) as fraction from learning_outcomes
    where scope = 'strategies' and time < :at group by time, trade_id order by time desc, trade_id desc limit :kept
""").bindparams(_AT)


_WEIGHT = insert(models.Weight).on_conflict_do_nothing()
_ADJUSTMENT = insert(models.LearningAdjustment).on_conflict_do_nothing()


class DatabasePast:
    """Outcomes, weights and adjustments; every method works on the caller's transaction."""

    async def keep_outcomes(self, tx: Transaction, trade: TradeClosed, outcomes: Sequence[Outcome]) -> None:
        """Store who got how much of the trade; a second time changes nothing."""
        rows = [
            {
                "trade_id": trade.trade_id,
                "scope": outcome.scope,
                "name": outcome.name,
                "time": trade.exit_time,
                "credit": outcome.credit,
                "pnl": outcome.pnl,
                "pnl_fraction": outcome.pnl_fraction,
            }
            for outcome in outcomes
        ]
        await tx.execute(_OUTCOMES, rows)

    async def adjusted_since(self, tx: Transaction, scope: Scope, at: datetime) -> bool:
        """Whether weights that act after `at` were decided already."""
        return bool((await tx.execute(_ADJUSTED_SINCE, {"scope": scope, "at": at})).scalar_one())

    async def last_trade_before(self, tx: Transaction, at: datetime) -> UUID | None:
        """The newest trade that counts."""
        row = (await tx.execute(_RESULTS, {"at": at, "kept": 1})).first()
        return row.trade_id if row else None

    async def evidence_before(self, tx: Transaction, scope: Scope, at: datetime, base_timeframe: Timeframe) -> Evidence:
        """All that trades closed before `at` say about the scope's names."""
        asked = {"scope": scope, "at": at}
        weights = (await tx.execute(_WEIGHTS, asked)).all()
        base = {row.name: row.weight for row in await tx.execute(_BASE, asked)}
        now = {row.name: row.weight for row in weights}
        return Evidence(
            weights=now,
            base={name: base.get(name, weight) for name, weight in now.items()},
            outcomes=_by_name((await tx.execute(_HEARD, {**asked, "window": WINDOW})).all()),
            last=await self._last_adjustment(tx, asked, weights, base_timeframe),
        )

    async def keep_adjustment(
        self, tx: Transaction, adjusted: WeightsAdjusted, evidence: Evidence, trade_id: UUID
    ) -> None:
        """A weight and an adjustment with its reason for each name that moved."""
        moved = [weight for weight in adjusted.weights if weight.after != weight.before]
        of = {"scope": adjusted.scope, "effective_from": adjusted.effective_from}
        await tx.execute(_WEIGHT, [{**of, "name": w.name, "weight": w.after, "reason": w.reason} for w in moved])
        await tx.execute(
            _ADJUSTMENT, [{**of, **_adjustment(adjusted, w, evidence), "trade_id": trade_id} for w in moved]
        )

    async def _last_adjustment(
        self, tx: Transaction, asked: Mapping[str, Any], weights: Sequence[Row[Any]], base_timeframe: Timeframe
    ) -> Adjustment | None:
        moved = (await tx.execute(_LAST, asked)).all()
        if not moved or max(row.effective_from for row in weights) > moved[0].effective_from:
            return None
        results = (await tx.execute(_RESULTS, {"at": asked["at"], "kept": RESULTS_KEPT})).all()[::-1]
        cut = moved[0].effective_from
        return Adjustment(
            before={**{row.name: row.weight for row in weights}, **{row.name: row.before for row in moved}},
            earlier=[_result(row, base_timeframe) for row in results if row.time < cut],
            since=[_result(row, base_timeframe) for row in results if row.time >= cut],
        )


def _by_name(rows: Sequence[Row[Any]]) -> Mapping[str, Sequence[Attribution]]:
    heard: dict[str, list[Attribution]] = {}
    for row in rows:
        heard.setdefault(row.name, []).append(Attribution(row.credit, row.pnl_fraction / row.credit))
    return heard


def _result(row: Row[Any], base_timeframe: Timeframe) -> Result:
    return Result(bar_open(base_timeframe, to_microseconds(row.time)), row.fraction)


def _adjustment(adjusted: WeightsAdjusted, weight: Weight, evidence: Evidence) -> Mapping[str, Any]:
    return {
        "id": derived_id("LearningAdjustment", adjusted.message_id, weight.name),
        "name": weight.name,
        "before": weight.before,
        "after": weight.after,
        "trades": len(evidence.outcomes.get(weight.name, ())),
        "reason": weight.reason,
    }
