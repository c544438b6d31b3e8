"""Signals with chosen technicals, and the cases made of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.council.case import Case, Portfolio, Sentiment
from shared.ids import derived_id
from shared.schemas.signals import Contribution, SignalGenerated, Technicals

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BTC = "BTC/USD"
RISING = Technicals(
    close=110.0,
    atr14=1.1,
    ema20=108.0,
    ema50=106.0,
    ema200=100.0,
    rsi14=55.0,
    adx14=40.0,
    plus_di=30.0,
    minus_di=10.0,
    macd_hist=0.4,
    bb_upper=114.0,
    bb_middle=110.0,
    bb_lower=106.0,
    change_3=0.01,
    volatility_pct=0.5,
)
FALLING = RISING.model_copy(
    update={
        "close": 90.0,
        "ema20": 92.0,
        "ema50": 94.0,
        "plus_di": 10.0,
        "minus_di": 30.0,
        "macd_hist": -0.4,
        "rsi14": 65.0,
        "bb_upper": 91.0,
        "bb_middle": 88.0,
        "change_3": -0.01,
    }
)
SOUND = Portfolio(equity=Decimal(10_000), drawdown=0.0)


def signal(
    score: float = 0.5, technicals: Technicals = RISING, at: datetime = NOON, symbol: str = BTC
) -> SignalGenerated:
    return SignalGenerated(
        message_id=derived_id("SignalGenerated", symbol, at),
        occurred_at=at,
        symbol=symbol,
        timeframe="5m",
        score=score,
        contributions=(Contribution(strategy="momentum", weight=1.0, score=score, share=score, reason="test"),),
        technicals=technicals,
        price=Decimal(110),
        expires_at=at + timedelta(minutes=2),
    )


def case(
    score: float = 0.0,
    technicals: Technicals = RISING,
    portfolio: Portfolio = SOUND,
    sentiment: Sentiment = Sentiment(),  # noqa: B008 - frozen
) -> Case:
    return Case(signal(score, technicals), portfolio, sentiment)
