"""Seeded bars of one symbol at 5m, stored and as messages."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared import candles
from shared.db import Database
from shared.ids import derived_id
from shared.schemas.market import CandleClosed

BAR = timedelta(minutes=5)
START = datetime(2026, 3, 1, tzinfo=UTC)
BTC = "BTC/USD"


def bars(count: int, seed: int = 1, symbol: str = BTC) -> list[CandleClosed]:
    """A walk with trends long enough for strategies to speak, oldest first."""
    rng = random.Random(seed)
    price, drift, closed = 40_000.0, 0.0, []
    for i in range(count):
        if i % 60 == 0:
            drift = rng.choice((-1, 1)) * rng.uniform(5, 40)
        close = max(1000.0, price + drift + rng.gauss(0, 60))
        high, low = max(price, close) + rng.expovariate(1 / 30), min(price, close) - rng.expovariate(1 / 30)
        closed.append(_candle(symbol, START + i * BAR, (price, high, low, close, rng.uniform(1, 50))))
        price = close
    return closed


def _candle(symbol: str, open_time: datetime, values: Sequence[float]) -> CandleClosed:
    exact = [Decimal(f"{value:.1f}") for value in values]
    return CandleClosed(
        message_id=derived_id("CandleClosed", symbol, "5m", open_time),
        occurred_at=open_time + BAR,
        symbol=symbol,
        timeframe="5m",
        open_time=open_time,
        open=exact[0],
        high=max(exact[:4]),
        low=min(exact[:4]),
        close=exact[3],
        volume=exact[4],
    )


async def store(database: Database, closed: Sequence[CandleClosed]) -> None:
    """Put bars into the table, as market_data does before it publishes them."""
    async with database.transaction() as connection:
        await candles.upsert(connection, closed)
