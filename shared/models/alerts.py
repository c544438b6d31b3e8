"""What people were told, or were not."""

from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Name


class Alert(Base):
    """Something a person must hear. `time` and `last_time` are the desk's, `received_at` the wall clock's.

    Of equal severity and code within ALERT_REPEAT_AFTER only the first is sent: the others name it in `repeat_of`, and
    it counts them in `repeats`.
    """

    __tablename__ = "alerts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    time: Mapped[Instant]
    received_at: Mapped[Instant] = mapped_column(DateTime(timezone=True), index=True)
    severity: Mapped[Name]
    code: Mapped[Name]
    text: Mapped[Name]
    repeat_of: Mapped[UUID | None] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"), index=True)
    repeats: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    last_time: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("severity in ('info', 'warning', 'critical')", name="severity"),
        Index(
            "ix_alerts_newest_of_a_code",
            "code",
            "severity",
            "received_at",
            postgresql_where=sql("repeat_of is null"),
        ),
    )


class AlertDelivery(Base):
    """One alert on its way to one target, which is named without any secret.

    While it is being sent, `due_at` is when another process may take it over. `uncertain` says that an earlier try may
    have arrived, `told` how many repeats were counted when it was sent.
    """

    __tablename__ = "alert_deliveries"

    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True)
    target: Mapped[Name] = mapped_column(primary_key=True)
    state: Mapped[Name] = mapped_column(default="waiting", server_default="waiting")
    attempts: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    due_at: Mapped[Instant]
    uncertain: Mapped[bool] = mapped_column(default=False, server_default=sql("false"))
    told: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    error: Mapped[Name] = mapped_column(default="", server_default="")
    sent_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint("state in ('waiting', 'sending', 'sent', 'not_delivered')", name="state"),
        Index(
            "ix_alert_deliveries_due",
            "target",
            "due_at",
            postgresql_where=sql("state in ('waiting', 'sending')"),
        ),
    )
