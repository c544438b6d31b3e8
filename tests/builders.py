"""A good message of every kind that somebody reads; two of a kind differ by their minute of one morning."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.ids import derived_id
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, BookUpdated, CandleClosed, CandleRevised, Level, Mark, TickerUpdated
from shared.schemas.orders import (
    ExecutionReported,
    ExitRequested,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    OrderReported,
    OrderSubmitted,
)
from shared.schemas.signals import SignalGenerated, Technicals
from shared.schemas.system import AlertRaised, TradingHalted, TradingPaused, TradingResumed
from shared.schemas.trades import StopMoved, TradeClosed, TradeOpened, Weight, WeightsAdjusted

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
BTC = "BTC/USD"
TRADE = derived_id("Trade", BTC, NINE)
"""The trade that every message about a trade speaks of."""


def at(minute: float) -> datetime:
    """Minutes after nine."""
    return NINE + timedelta(minutes=minute)


def _named(kind: type[Message], minute: float, **more: Any) -> dict[str, Any]:
    return {"message_id": derived_id(kind.__name__, at(minute)), "occurred_at": at(minute), **more}


def candle(
    close: str = "100",
    minute: float = 0,
    timeframe: str = "5m",
    kind: type[CandleClosed | CandleRevised] = CandleClosed,
) -> Any:
    """The bar of BTC/USD that closes at the minute; it opened at 100."""
    length, price = timedelta(minutes=int(timeframe[:-1])), Decimal(close)
    return kind(
        **_named(kind, minute),
        symbol=BTC,
        timeframe=timeframe,
        open_time=at(minute) - length,
        open=Decimal(100),
        high=max(price, Decimal(100)) + 1,
        low=min(price, Decimal(100)) - 1,
        close=price,
        volume=Decimal(3),
    )


def bars_closed(minute: float = 0, timeframe: str = "5m") -> BarsClosed:
    mark = Mark(symbol=BTC, bid=Decimal("99.9"), ask=Decimal("100.1"))
    return BarsClosed(**_named(BarsClosed, minute), timeframe=timeframe, symbols=(BTC,), marks=(mark,))


def ticker(minute: float = 0, bid: str = "99.9", ask: str = "100.1") -> TickerUpdated:
    prices = {"bid": Decimal(bid), "ask": Decimal(ask), "last": Decimal(bid)}
    return TickerUpdated(**_named(TickerUpdated, minute), symbol=BTC, **prices)


def book(minute: float = 0) -> BookUpdated:
    def level(price: str) -> Level:
        return Level(price=Decimal(price), quantity=Decimal(1))

    sides = {"bids": (level("99.9"), level("99.8")), "asks": (level("100.1"), level("100.2"))}
    return BookUpdated(**_named(BookUpdated, minute), symbol=BTC, **sides)


def signal(minute: float = 0, score: float = 0.0) -> SignalGenerated:
    return SignalGenerated(
        **_named(SignalGenerated, minute),
        symbol=BTC,
        timeframe="5m",
        score=score,
        contributions=(),
        technicals=Technicals(close=100.0),
        price=Decimal(100),
        expires_at=at(minute + 2),
    )


def decided(minute: float = 0) -> CouncilDecided:
    """A HOLD."""
    return CouncilDecided(
        **_named(CouncilDecided, minute),
        symbol=BTC,
        timeframe="5m",
        signal_id=derived_id("SignalGenerated", at(minute)),
        verdict="HOLD",
        probability=0.5,
        quorum=True,
        reason="test",
        votes=(),
        score=0.0,
        contributions=(),
        price=Decimal(100),
        atr=Decimal(1),
        cost=Decimal(0),
        expires_at=at(minute + 2),
    )


def exit_requested(minute: float = 0, trade_id: UUID = TRADE) -> ExitRequested:
    named = _named(ExitRequested, minute)
    return ExitRequested(**named, symbol=BTC, trade_id=trade_id, reason="manual", price=Decimal(100))


def order_reported(minute: float = 0) -> OrderReported:
    """Of an order that is none of ours."""
    return OrderReported(
        **_named(OrderReported, minute), symbol=BTC, client_order_id="foreign", status="closed", quantity=Decimal(1)
    )


def execution_reported(minute: float = 0) -> ExecutionReported:
    """Of an order that is none of ours."""
    return ExecutionReported(
        **_named(ExecutionReported, minute),
        symbol=BTC,
        client_order_id="foreign",
        venue_order_id="OFOREIGN",
        execution_id=f"T{minute}",
        side="buy",
        quantity=Decimal(1),
        price=Decimal(100),
        cost=Decimal(100),
        fee=Decimal("0.26"),
        liquidity="taker",
    )


def trade_opened(minute: float = 0) -> TradeOpened:
    return TradeOpened(
        **_named(TradeOpened, minute),
        symbol=BTC,
        trade_id=TRADE,
        timeframe="5m",
        decision_id=derived_id("CouncilDecided", at(minute)),
        quantity=Decimal(1),
        entry_price=Decimal(100),
        entry_time=at(minute),
        atr=Decimal(1),
        stop_price=Decimal(98),
        take_profit_price=Decimal(106),
    )


def trade_closed(minute: float = 0) -> TradeClosed:
    return TradeClosed(
        **_named(TradeClosed, minute),
        symbol=BTC,
        trade_id=TRADE,
        quantity=Decimal(1),
        entry_price=Decimal(100),
        entry_time=at(minute - 60),
        exit_price=Decimal(106),
        exit_time=at(minute),
        exit_reason="target",
        fees=Decimal("0.5"),
        pnl=Decimal("5.5"),
        pnl_fraction=0.055,
        score=0.5,
        contributions=(),
        votes=(),
    )


def stop_moved(minute: float = 0) -> StopMoved:
    return StopMoved(
        **_named(StopMoved, minute),
        symbol=BTC,
        trade_id=TRADE,
        version=2,
        stop_kind="breakeven",
        old_price=Decimal(98),
        new_price=Decimal(100),
        effective_from=at(minute),
    )


def control(kind: type[TradingPaused | TradingResumed | TradingHalted], minute: float = 0) -> Any:
    return kind(**_named(kind, minute), reason="test", by="test")


def order_event(kind: type[Message], minute: float = 0, **more: Any) -> Any:
    """What is said of the entry of that trade."""
    about = {"symbol": BTC, "client_order_id": f"entry-{TRADE}", "trade_id": TRADE, "purpose": "entry", "side": "buy"}
    return kind(**_named(kind, minute), **about, **more)


def weights_adjusted(minute: float = 0) -> WeightsAdjusted:
    moved = (Weight(name="swing", before=0.2, after=0.25, reason="better than the rest"),)
    return WeightsAdjusted(
        **_named(WeightsAdjusted, minute), scope="strategies", weights=moved, effective_from=at(minute)
    )


def order_denied(minute: float = 0) -> OrderDenied:
    decision = derived_id("CouncilDecided", at(minute))
    return OrderDenied(
        **_named(OrderDenied, minute), symbol=BTC, decision_id=decision, reason="cash", detail="there is not enough"
    )


BOUGHT: Mapping[str, Any] = {
    "quantity": Decimal(1),
    "price": Decimal(100),
    "cost": Decimal(100),
    "fee": Decimal("0.26"),
}
GOOD: Mapping[type[Message], Callable[[float], Message]] = {
    AlertRaised: lambda minute: AlertRaised(
        **_named(AlertRaised, minute), severity="info", code="test", text=f"minute {minute}"
    ),
    CandleClosed: lambda minute: candle(minute=minute),
    CandleRevised: lambda minute: candle(minute=minute, kind=CandleRevised),
    BarsClosed: bars_closed,
    TickerUpdated: ticker,
    BookUpdated: book,
    SignalGenerated: signal,
    CouncilDecided: decided,
    ExitRequested: exit_requested,
    OrderReported: order_reported,
    ExecutionReported: execution_reported,
    OrderDenied: order_denied,
    OrderSubmitted: lambda minute: order_event(
        OrderSubmitted, minute, venue_order_id="O1", order_type="market", quantity=Decimal(1)
    ),
    OrderFilled: lambda minute: order_event(
        OrderFilled, minute, execution_id=f"E{minute}", filled_total=Decimal(1), **BOUGHT
    ),
    OrderCanceled: lambda minute: order_event(OrderCanceled, minute, filled_total=Decimal(0), reason="expired"),
    OrderRejected: lambda minute: order_event(OrderRejected, minute, error="EOrder:Order minimum not met"),
    WeightsAdjusted: weights_adjusted,
    TradeOpened: trade_opened,
    TradeClosed: trade_closed,
    StopMoved: stop_moved,
    TradingPaused: lambda minute: control(TradingPaused, minute),
    TradingResumed: lambda minute: control(TradingResumed, minute),
    TradingHalted: lambda minute: control(TradingHalted, minute),
}
"""By type, from the minute it speaks of."""
