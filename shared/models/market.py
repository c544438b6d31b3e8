"""Assets and their candles."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Instant, Money, Name


class Asset(Base):
    """A pair on the venue, and its precision there (null until the venue has been asked)."""

    __tablename__ = "assets"

    symbol: Mapped[Name] = mapped_column(primary_key=True)
    base: Mapped[Name]
    quote: Mapped[Name]
    name: Mapped[Name]
    is_active: Mapped[bool] = mapped_column(default=True)
    price_tick: Mapped[Money | None]
    lot_step: Mapped[Money | None]
    min_quantity: Mapped[Money | None]
    min_cost: Mapped[Money | None]


class Candle(Base):
    """A closed bar. Float64: it feeds indicators, and the ledger never reads it."""

    __tablename__ = "candles"

    symbol: Mapped[Name] = mapped_column(primary_key=True)
    timeframe: Mapped[Name] = mapped_column(primary_key=True)
    open_time: Mapped[Instant] = mapped_column(primary_key=True)
    open: Mapped[float]
    high: Mapped[float]
    low: Mapped[float]
    close: Mapped[float]
    volume: Mapped[float]

    __table_args__ = (Index("ix_candles_open_time", "open_time"),)
