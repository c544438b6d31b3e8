"""Every decision-relevant event, as it stood in its stream."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Json, Name


class Event(Base):
    """One message. `time` is what the message speaks of, `entry` its id in the stream, which tells the order.

    Keyed by time and id: a message that was published twice is kept once.
    """

    __tablename__ = "events"

    time: Mapped[Instant] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    stream: Mapped[Name]
    partition: Mapped[int]
    entry: Mapped[Name]
    kind: Mapped[Name]
    causation_id: Mapped[UUID | None]
    key: Mapped[Name]
    body: Mapped[Json]
    trace: Mapped[Name]
