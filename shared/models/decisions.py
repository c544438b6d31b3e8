"""Strategies, their weights, signals, council sessions, and what was learnt."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Json, Money, Name


class Strategy(Base):
    """A strategy the desk may run, with its parameters."""

    __tablename__ = "strategies"

    name: Mapped[Name] = mapped_column(primary_key=True)
    description: Mapped[Name]
    parameters: Mapped[Json]
    is_active: Mapped[bool] = mapped_column(default=True)


class Weight(Base):
    """A weight from `effective_from` on, of a strategy or a council member (`scope`); read as of a time."""

    __tablename__ = "weights"

    scope: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Name] = mapped_column(primary_key=True)
    effective_from: Mapped[Instant] = mapped_column(primary_key=True)
    weight: Mapped[float]
    reason: Mapped[Name]


class Signal(Base):
    """What the ensemble said about one bar; `time` is its close."""

    __tablename__ = "signals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    symbol: Mapped[Name]
    timeframe: Mapped[Name]
    time: Mapped[Instant]
    score: Mapped[float]
    price: Mapped[Money]
    contributions: Mapped[Json]
    technicals: Mapped[Json]

    __table_args__ = (Index("ix_signals_symbol_time", "symbol", "time"), Index("ix_signals_time", "time"))


class CouncilSession(Base):
    """One debate about one signal; the id is the CouncilDecided message's."""

    __tablename__ = "council_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    signal_id: Mapped[UUID]
    symbol: Mapped[Name]
    timeframe: Mapped[Name]
    time: Mapped[Instant]
    verdict: Mapped[Name]
    probability: Mapped[float | None]
    quorum: Mapped[bool]
    vetoed_by: Mapped[Json]
    reason: Mapped[Name]
    score: Mapped[float]
    cost: Mapped[Money]

    __table_args__ = (
        Index("ix_council_sessions_symbol_time", "symbol", "time"),
        Index("ix_council_sessions_time", "time"),
    )


class CouncilVote(Base):
    """One member's vote in one session; a null probability is an abstention."""

    __tablename__ = "council_votes"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("council_sessions.id", ondelete="CASCADE"), primary_key=True)
    member: Mapped[Name] = mapped_column(primary_key=True)
    weight: Mapped[float]
    probability: Mapped[float | None]
    veto: Mapped[bool]
    reason: Mapped[Name]


class LearningOutcome(Base):
    """What one closed trade says about one strategy or member: its share of the result."""

    __tablename__ = "learning_outcomes"

    trade_id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[Name] = mapped_column(primary_key=True)
    name: Mapped[Name] = mapped_column(primary_key=True)
    time: Mapped[Instant]
    credit: Mapped[float]
    pnl: Mapped[Money]
    pnl_fraction: Mapped[float]

    __table_args__ = (Index("ix_learning_outcomes_scope_name_time", "scope", "name", "time"),)


class LearningAdjustment(Base):
    """One weight moved by the learning engine, and why."""

    __tablename__ = "learning_adjustments"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    trade_id: Mapped[UUID]
    scope: Mapped[Name]
    name: Mapped[Name]
    before: Mapped[float]
    after: Mapped[float]
    effective_from: Mapped[Instant]
    trades: Mapped[int]
    reason: Mapped[Name]
