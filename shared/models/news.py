"""Articles and what was read in them."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Name


class Article(Base):
    """One story as first seen; `first_seen_at` bounds what any decision may know of it."""

    __tablename__ = "articles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[Name]
    url: Mapped[Name] = mapped_column(unique=True)
    title: Mapped[Name]
    body: Mapped[Name]
    published_at: Mapped[Instant | None]
    first_seen_at: Mapped[Instant] = mapped_column(index=True)


class SentimentLog(Base):
    """A score in [-1, 1] for one asset, with the time from which it was known."""

    __tablename__ = "sentiment_logs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    article_id: Mapped[UUID | None] = mapped_column(ForeignKey("articles.id"))
    symbol: Mapped[Name] = mapped_column(ForeignKey("assets.symbol"))
    source: Mapped[Name]
    scorer: Mapped[Name]
    score: Mapped[float]
    probability: Mapped[float]
    known_at: Mapped[Instant]

    __table_args__ = (Index("ix_sentiment_logs_symbol_known_at", "symbol", "known_at"),)
