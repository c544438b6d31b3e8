"""Messages and terms as the tests want them: one symbol at 100, tick 0.01, lot 0.001."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.trade_executor.core.entries import Limits, Venue
from services.trade_executor.core.progress import Terms
from services.trade_executor.handlers import Rules
from shared.ids import derived_id
from shared.models import Trade
from shared.portfolio.grid import Grid
from shared.risk.limits import EntryLimits
from shared.schemas.council import CouncilDecided, Verdict, Vote
from shared.schemas.market import BarsClosed, Mark
from shared.schemas.orders import ExecutionReported, ExitReason, ExitRequested, OrderReported, Side
from shared.schemas.signals import Contribution
from shared.schemas.trades import StopMoved

ACCOUNT = "desk"
BTC = "BTC/USD"
T0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
GRID = Grid.of_quote(Decimal("0.01"), Decimal("0.001"), "USD")
VENUE = Venue(GRID, Decimal("0.001"), Decimal("0.5"))
TERMS = Terms(GRID, Decimal("0.001"), Decimal("0.5"), stop_atr=2.0, take_profit_r=3.0)
LIMITS = Limits(
    entry=EntryLimits(0.35, 5, 50_000_000, 200_000_000),
    risk_per_trade=10_000_000,
    max_position=250_000_000,
    max_exposure=800_000_000,
    taker_fee=2_600_000,
    slack=5_000_000,
    stop_atr=2.0,
)
RULES = Rules("5m", "1m", timedelta(minutes=2), 3.0, LIMITS)


def D(text: str) -> Decimal:
    """Short for the many exact numbers."""
    return Decimal(text)


def at(minutes: float) -> datetime:
    """Minutes after the first instant."""
    return T0 + timedelta(minutes=minutes)


def verdict(
    symbol: str = BTC,
    say: Verdict = "BUY",
    minute: float = 0,
    score: float = 0.6,
    atr: str | None = "1",
    price: str = "100",
) -> CouncilDecided:
    """A council decision on the 5m bar that closed at that minute."""
    return CouncilDecided(
        message_id=derived_id("CouncilDecided", symbol, at(minute), say, score),
        occurred_at=at(minute),
        symbol=symbol,
        timeframe="5m",
        signal_id=derived_id("SignalGenerated", symbol, at(minute)),
        verdict=say,
        probability=0.6,
        quorum=True,
        reason="test",
        votes=(Vote(member="technical_trend", weight=0.2, probability=0.7, reason="up"),),
        score=score,
        contributions=(Contribution(strategy="momentum", weight=0.2, score=score, share=score, reason="up"),),
        price=D(price),
        atr=None if atr is None else D(atr),
        cost=D("0"),
        expires_at=at(minute + 2),
    )


def mark(symbol: str = BTC, bid: str = "99.99", ask: str = "100.01") -> Mark:
    """A touch."""
    return Mark(symbol=symbol, bid=D(bid), ask=D(ask))


def bars(
    minute: float = 0, symbols: tuple[str, ...] = (BTC,), marks: tuple[Mark, ...] | None = None, timeframe: str = "5m"
) -> BarsClosed:
    """The end of an instant."""
    marks = tuple(mark(symbol) for symbol in symbols) if marks is None else marks
    return BarsClosed.model_validate(
        {
            "message_id": derived_id("BarsClosed", timeframe, at(minute)),
            "occurred_at": at(minute),
            "timeframe": timeframe,
            "symbols": symbols,
            "marks": marks,
        }
    )


def exit_requested(
    trade_id: UUID, reason: ExitReason = "council", minute: float = 5, symbol: str = BTC
) -> ExitRequested:
    """A wish to leave."""
    return ExitRequested(
        message_id=derived_id("ExitRequested", trade_id, reason, at(minute)),
        occurred_at=at(minute),
        symbol=symbol,
        trade_id=trade_id,
        reason=reason,
    )


def reported(client_order_id: str, status: str, minute: float = 1, ordinal: int = 0, **facts: object) -> OrderReported:
    """An answer of the venue."""
    return OrderReported.model_validate(
        {
            "message_id": derived_id("OrderReported", client_order_id, status, ordinal, *facts.items()),
            "occurred_at": at(minute),
            "symbol": BTC,
            "client_order_id": client_order_id,
            "status": status,
            **facts,
        }
    )


def executed(
    client_order_id: str | None,
    execution_id: str,
    side: Side = "buy",
    quantity: str = "1",
    price: str = "100.01",
    minute: float = 1,
    venue_order_id: str = "V1",
) -> ExecutionReported:
    """A fill at a fee of 0.26 %."""
    cost = D(quantity) * D(price)
    return ExecutionReported(
        message_id=derived_id("ExecutionReported", execution_id),
        occurred_at=at(minute),
        symbol=BTC,
        client_order_id=client_order_id,
        venue_order_id=venue_order_id,
        execution_id=execution_id,
        side=side,
        quantity=D(quantity),
        price=D(price),
        cost=cost,
        fee=(cost * D("0.0026")).quantize(D("0.0001")),
        liquidity="taker",
    )


def stop_moved(trade: Trade, old: str, new: str, version: int = 2, minute: float = 6) -> StopMoved:
    """position_manager raised the stop."""
    return StopMoved(
        message_id=derived_id("StopMoved", trade.id, version),
        occurred_at=at(minute),
        symbol=trade.symbol,
        trade_id=trade.id,
        version=version,
        stop_kind="trailing",
        old_price=D(old),
        new_price=D(new),
        effective_from=at(minute),
    )
