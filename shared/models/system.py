"""Flags, the bus's memory of what was handled, the outbox, and the audit trail."""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Json, Name


class SystemConfig(Base):
    """The desk's two switches, one row. Changed by SQL alone they act on the next message."""

    __tablename__ = "system_config"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    system_status: Mapped[Name] = mapped_column(default="ACTIVE", server_default="ACTIVE")
    is_trading_active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    reason: Mapped[Name] = mapped_column(default="", server_default="")

    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("system_status in ('ACTIVE', 'PAUSED')", name="system_status"),
    )


class Handled(Base):
    """A message whose effects are in the database, with the outputs it led to (point 3 of the bus)."""

    __tablename__ = "handled"

    group_name: Mapped[Name] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    outputs: Mapped[Json]
    handled_at: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index("ix_handled_group_name_handled_at", "group_name", "handled_at"),)


class Outbox(Base):
    """A message to publish that no commit script could carry."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    message_id: Mapped[UUID] = mapped_column(unique=True)
    kind: Mapped[Name]
    body: Mapped[Name]
    created_at: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.now())
    published_at: Mapped[Instant | None]

    __table_args__ = (Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at is null")),)


class Audit(Base):
    """Who did what to the desk by hand, and every stop of trading."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    time: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.now(), index=True)
    who: Mapped[Name]
    action: Mapped[Name]
    subject: Mapped[Name]
    details: Mapped[Json]
