"""A small desk's history: a closed trade, an open one, a refusal, verdicts, weights, candles."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ids import derived_id
from shared.models import (
    Account,
    Asset,
    Candle,
    CouncilSession,
    CouncilVote,
    EquityPoint,
    Fill,
    Order,
    Refusal,
    Signal,
    Stop,
    Strategy,
    Trade,
    Weight,
)

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
CLOSED, OPEN = derived_id("Trade", 1), derived_id("Trade", 2)


def at(minute: float) -> datetime:
    """Minutes after nine."""
    return NINE + timedelta(minutes=minute)


def trade(trade_id: UUID, symbol: str, minute: int, **values: Any) -> dict[str, Any]:
    return {
        "id": trade_id,
        "account": "desk",
        "symbol": symbol,
        "timeframe": "5m",
        "decision_id": derived_id("decision", symbol, minute),
        "status": "open",
        "order_id": f"entry-{minute}",
        "decided_at": at(minute),
        "quantity": Decimal(2),
        "held": Decimal(2),
        "entry_price": Decimal(100),
        "entry_time": at(minute),
        "fees": Decimal("0.5"),
        "score": 0.5,
        "contributions": [{"strategy": "momentum", "score": 0.5}],
        "votes": [],
    } | values


def session(symbol: str, minute: int, verdict: str, reason: str) -> dict[str, Any]:
    return {
        "id": derived_id("CouncilDecided", symbol, minute),
        "signal_id": derived_id("SignalGenerated", symbol, minute),
        "symbol": symbol,
        "timeframe": "5m",
        "time": at(minute),
        "verdict": verdict,
        "probability": 0.5,
        "quorum": True,
        "vetoed_by": [],
        "reason": reason,
        "score": 0.1,
        "cost": Decimal(0),
    }


def candle(symbol: str, minute: int, close: float, timeframe: str = "1m") -> dict[str, Any]:
    prices = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.5}
    return {"symbol": symbol, "timeframe": timeframe, "open_time": at(minute), **prices}


def refusal(symbol: str, minute: int, reason: str) -> dict[str, Any]:
    return {
        "id": derived_id("OrderDenied", symbol, minute),
        "symbol": symbol,
        "time": at(minute),
        "decision_id": derived_id("CouncilDecided", symbol, minute),
        "reason": reason,
        "detail": "the free cash buys nothing",
        "figures": [{"name": "free_cash", "value": "3"}],
    }


def order(client_order_id: str, trade_id: UUID, minute: int, **values: Any) -> dict[str, Any]:
    return {
        "client_order_id": client_order_id,
        "account": "desk",
        "trade_id": trade_id,
        "symbol": "BTC/USD",
        "purpose": "entry",
        "side": "buy",
        "order_type": "market",
        "quantity": Decimal(2),
        "state": "filled",
        "created_at": at(minute),
        "updated_at": at(minute),
    } | values


def fill(client_order_id: str, trade_id: UUID, minute: int, side: str, cost: str) -> dict[str, Any]:
    return {
        "execution_id": f"{client_order_id}-{minute}",
        "client_order_id": client_order_id,
        "trade_id": trade_id,
        "symbol": "BTC/USD",
        "side": side,
        "quantity": Decimal(2),
        "price": Decimal(cost) / 2,
        "cost": Decimal(cost),
        "fee": Decimal("0.5"),
        "liquidity": "taker",
        "time": at(minute),
    }


def asset(symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "base": symbol[:3], "quote": "USD", "name": symbol, "price_tick": Decimal("0.01")}


def weight(name: str, value: float, minute: int, scope: str = "strategies") -> dict[str, Any]:
    return {"scope": scope, "name": name, "weight": value, "effective_from": at(minute), "reason": f"from {minute}"}


def signal(symbol: str, minute: int, score: float) -> dict[str, Any]:
    return {
        "id": derived_id("SignalGenerated", symbol, minute),
        "symbol": symbol,
        "timeframe": "5m",
        "time": at(minute),
        "score": score,
        "price": Decimal(100),
        "contributions": [],
        "technicals": {"close": 100.0},
    }


async def write(connection: AsyncConnection) -> None:
    """The whole history."""
    account = {"name": "desk", "currency": "USD", "initial_balance": Decimal(1000), "cash": Decimal("690.25")}
    vote = {"session_id": derived_id("CouncilDecided", "BTC/USD", 10), "weight": 0.2, "veto": False}
    stop = {"trade_id": OPEN, "symbol": "BTC/USD", "initial_price": Decimal(90), "price": Decimal(95)}
    left = {"status": "closed", "held": Decimal(0), "exit_price": Decimal(95), "exit_time": at(3)}
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (Account, [account]),
        (Asset, [asset("BTC/USD"), asset("ETH/USD")]),
        (
            Trade,
            [
                trade(CLOSED, "ETH/USD", 0, **left, exit_reason="stop", pnl=Decimal("-10.75")),
                trade(OPEN, "BTC/USD", 5, entry_price=Decimal("100.5")),
            ],
        ),
        (Stop, [stop | {"kind": "trailing", "version": 3, "effective_from": at(8), "high_water": Decimal(110)}]),
        (Order, [order("entry-5", OPEN, 5), order("stop-5", OPEN, 6, purpose="stop", side="sell", state="open")]),
        (Fill, [fill("entry-5", OPEN, 5, "buy", "201")]),
        (Refusal, [refusal("ETH/USD", 5, "cash")]),
        (CouncilSession, [session("ETH/USD", 5, "BUY", "yes"), session("BTC/USD", 10, "HOLD", "0.50 is below 0.56")]),
        (
            CouncilVote,
            [
                vote | {"member": "sentiment", "probability": None, "reason": "no news"},
                vote | {"member": "portfolio", "probability": 0.5, "reason": "flat"},
            ],
        ),
        (Signal, [signal("BTC/USD", 5, -0.4), signal("BTC/USD", 10, 0.1)]),
        (Strategy, [{"name": "momentum", "description": "with the trend", "parameters": {}}]),
        (Weight, [weight("momentum", 0.2, 0), weight("momentum", 0.3, 4), weight("sentiment", 0.2, 0, "members")]),
        (Candle, [candle("BTC/USD", 9, 104.25), candle("BTC/USD", 5, 101, "5m"), candle("BTC/USD", 8, 103)]),
        (
            EquityPoint,
            [
                {
                    "account": "desk",
                    "time": at(10),
                    "cash": Decimal("690.25"),
                    "positions_value": Decimal(208),
                    "equity": Decimal("898.25"),
                    "drawdown": 0.10175,
                }
            ],
        ),
    ]
    for model in (Asset, Strategy, Weight):
        await connection.execute(delete(model))
    for model, values in rows:
        for row in values:
            await connection.execute(insert(model).values(row))
