"""Closed trades, and who argued for them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.ids import derived_id
from shared.schemas.council import Vote
from shared.schemas.signals import Contribution
from shared.schemas.trades import TradeClosed

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def closed(
    at: datetime,
    fraction: float,
    shares: Mapping[str, float],
    votes: Mapping[str, float | None] | None = None,
    symbol: str = "BTC/USD",
) -> TradeClosed:
    """A trade of 1,000 that made `fraction` of it."""
    return TradeClosed(
        message_id=derived_id("TradeClosed", symbol, at),
        occurred_at=at,
        symbol=symbol,
        trade_id=derived_id("Trade", symbol, at),
        quantity=Decimal(1),
        entry_price=Decimal(1000),
        entry_time=at - timedelta(hours=1),
        exit_price=Decimal(1000) + Decimal(repr(fraction)) * 1000,
        exit_time=at,
        exit_reason="stop",
        fees=Decimal(0),
        pnl=Decimal(repr(fraction)) * 1000,
        pnl_fraction=fraction,
        score=0.5,
        contributions=tuple(
            Contribution(strategy=name, weight=0.2, score=share, share=share, reason="test")
            for name, share in shares.items()
        ),
        votes=tuple(
            Vote(member=name, weight=0.2, probability=chance, reason="test") for name, chance in (votes or {}).items()
        ),
    )
