"""An example of every answer, for the documentation. A test holds each against its route's model."""

from typing import Any

TRADE_ID = "0b0e7a3c-6c3f-5d0a-9a51-6a1f6d9d2f10"
SESSION_ID = "5d5ff2f4-3a43-5c0b-8b6c-0a5a5d0f8e21"
SIGNAL_ID = "8f4b8f0e-52b5-5a0e-8a0f-f1a4f0b7d932"

CONTRIBUTION = {"strategy": "momentum", "weight": 0.2, "score": 0.62, "share": 0.62, "reason": "above EMA200, RSI 61"}
TECHNICALS = {"close": 43120.5, "atr14": 212.4, "ema200": 42011.9, "rsi14": 61.2, "adx14": 28.4}
VOTE = {"member": "technical_trend", "weight": 0.2, "probability": 0.63, "veto": False, "reason": "EMA20 above EMA50"}

STOP = {
    "price": "43000",
    "kind": "breakeven",
    "initial_price": "42575.2",
    "version": 2,
    "high_water": "43471.3",
    "effective_from": "2026-01-05T09:35:00Z",
    "breached_at": None,
}
POSITION = {
    "trade_id": TRADE_ID,
    "symbol": "BTC/USD",
    "timeframe": "5m",
    "status": "open",
    "quantity": "0.0235",
    "held": "0.0235",
    "entry_price": "43000",
    "entry_time": "2026-01-05T09:05:00Z",
    "decided_at": "2026-01-05T09:05:00Z",
    "take_profit_price": "44274.4",
    "exit_reason": None,
    "fees": "2.6273",
    "stop": STOP,
    "mark": "43120.5",
    "marked_at": "2026-01-05T09:40:00Z",
    "value": "1013.33175",
    "pnl": "0.20445",
    "pnl_fraction": 0.0002,
    "stop_price": "43000",
}
TRADE = {
    "id": TRADE_ID,
    "account": "desk",
    "symbol": "BTC/USD",
    "timeframe": "5m",
    "decision_id": SESSION_ID,
    "status": "closed",
    "side": "long",
    "order_id": "desk-4f1c9a2e",
    "decided_at": "2026-01-05T09:05:00Z",
    "quantity": "0.0235",
    "held": "0",
    "entry_price": "43000",
    "entry_time": "2026-01-05T09:05:00Z",
    "atr": "212.4",
    "stop_loss_price": "42575.2",
    "take_profit_price": "44274.4",
    "exit_reason": "trailing",
    "exit_requested_at": None,
    "exit_price": "43310.2",
    "exit_time": "2026-01-05T11:21:00Z",
    "fees": "5.2737",
    "pnl": "2.016",
    "score": 0.41,
    "contributions": [CONTRIBUTION],
    "votes": [VOTE],
}
ORDER = {
    "client_order_id": "desk-4f1c9a2e",
    "account": "desk",
    "trade_id": TRADE_ID,
    "symbol": "BTC/USD",
    "purpose": "entry",
    "side": "buy",
    "order_type": "market",
    "quantity": "0.0235",
    "trigger_price": None,
    "state": "filled",
    "cancel_wanted": False,
    "trigger_wanted": None,
    "quantity_wanted": None,
    "venue_order_id": "OQCLML-BW3P3-BUCMWZ",
    "filled": "0.0235",
    "cost": "1010.5",
    "fee": "2.6273",
    "error": "",
    "created_at": "2026-01-05T09:05:00Z",
    "updated_at": "2026-01-05T09:05:00Z",
}
REFUSAL = {
    "id": "3a2b9a52-7a0f-5b6e-9a1c-2c7a4f8f6b10",
    "symbol": "ETH/USD",
    "time": "2026-01-05T09:05:00Z",
    "decision_id": SESSION_ID,
    "reason": "cash",
    "detail": "the free cash buys nothing",
    "figures": [{"name": "free_cash", "value": "3.2"}, {"name": "min_cost", "value": "5"}],
}
SIGNAL = {
    "id": SIGNAL_ID,
    "symbol": "BTC/USD",
    "timeframe": "5m",
    "time": "2026-01-05T09:05:00Z",
    "score": 0.41,
    "price": "43000",
    "contributions": [CONTRIBUTION],
    "technicals": TECHNICALS,
}
SESSION = {
    "id": SESSION_ID,
    "signal_id": SIGNAL_ID,
    "symbol": "BTC/USD",
    "timeframe": "5m",
    "time": "2026-01-05T09:05:00Z",
    "verdict": "BUY",
    "probability": 0.6,
    "quorum": True,
    "vetoed_by": [],
    "reason": "mean probability 0.60 is at least 0.56",
    "score": 0.41,
    "cost": "0",
    "votes": [VOTE],
}
HOLD = SESSION | {"verdict": "HOLD", "probability": 0.51, "reason": "mean probability 0.51 is below 0.56", "score": 0.1}
WEIGHT = {
    "scope": "strategies",
    "name": "momentum",
    "weight": 0.25,
    "effective_from": "2026-01-05T11:21:00.000001Z",
    "reason": "12 trades, mean result 0.4 %",
}
EQUITY = {
    "account": "desk",
    "time": "2026-01-05T09:40:00Z",
    "cash": "8986.8727",
    "positions_value": "1013.33175",
    "equity": "10000.20445",
    "drawdown": 0.0,
}
PORTFOLIO = {
    "account": "desk",
    "currency": "USD",
    "initial_balance": "10000",
    "cash": "8986.8727",
    "reserved": "0",
    "positions_value": "1013.33175",
    "equity": "10000.20445",
    "drawdown": 0.0,
    "realised_pnl": "2.016",
    "fees": "7.901",
    "trades_closed": 1,
    "positions": [POSITION],
}
STATUS = {
    "system_status": "ACTIVE",
    "is_trading_active": True,
    "may_enter": True,
    "reason": "",
    "portfolio": PORTFOLIO,
    "open_positions": 1,
    "last_candle_at": "2026-01-05T09:40:00Z",
    "why_no_trade": {
        "sentence": "BTC/USD 09:05 HOLD: mean probability 0.51 is below 0.56",
        "symbols": [
            {
                "symbol": "BTC/USD",
                "time": "2026-01-05T09:05:00Z",
                "kind": "hold",
                "score": 0.1,
                "sentence": "BTC/USD 09:05 HOLD: mean probability 0.51 is below 0.56",
            }
        ],
        "last_refusal": REFUSAL,
        "last_session": HOLD,
        "last_hold": HOLD,
        "last_signal": SIGNAL,
    },
    "mode": "paper",
    "desk": "desk",
    "symbols": ["BTC/USD", "ETH/USD"],
    "timeframe": "5m",
    "base_timeframe": "1m",
    "council": "rules",
    "learning": "on",
}
HEALTH = {
    "status": "ok",
    "time": "2026-01-05T09:40:03Z",
    "database": {"ok": True, "detail": "answers"},
    "redis": {"ok": True, "detail": "answers"},
    "venue": {"ok": True, "detail": "answers"},
    "services": {
        "council": {
            "status": "ok",
            "instances": [{"instance": "one", "status": "ok", "seconds_ago": 1.2, "port": 40123, "detail": {}}],
        }
    },
    "groups": {"council": {"pending": 0, "lag": 0}},
    "dead_letters": 0,
}
STREAMS = {
    "streams": {
        "signals:generated": {
            "messages": 288,
            "length": 288,
            "dead": 0,
            "groups": {"council": {"pending": 0, "lag": 0}},
        }
    },
    "leases": {"council": {"0": {"owner": "one", "epoch": 3}}},
}
CANDLES = {
    "symbol": "BTC/USD",
    "timeframe": "5m",
    "candles": [
        {
            "open_time": "2026-01-05T09:00:00Z",
            "open": 42980.1,
            "high": 43050.0,
            "low": 42970.2,
            "close": 43000.0,
            "volume": 12.5,
        }
    ],
}
STRATEGY = {
    "name": "momentum",
    "description": "with the trend",
    "parameters": {},
    "is_active": True,
    "weight": 0.25,
    "effective_from": "2026-01-05T11:21:00.000001Z",
}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "limit": 50, "offset": 0, "next_offset": None}


EXAMPLES: dict[str, Any] = {
    "health": HEALTH,
    "status": STATUS,
    "streams": STREAMS,
    "portfolio": PORTFOLIO,
    "positions": [POSITION],
    "trades": _page(TRADE),
    "trade": TRADE,
    "orders": _page(ORDER),
    "refusals": _page(REFUSAL),
    "equity": _page(EQUITY),
    "signals": _page(SIGNAL),
    "sessions": _page(SESSION),
    "session": SESSION,
    "strategies": {"strategies": [STRATEGY], "members": [WEIGHT | {"scope": "members", "name": "technical_trend"}]},
    "weights": _page(WEIGHT),
    "candles": CANDLES,
}
"""By the name of the answer."""


def example(name: str) -> dict[int | str, dict[str, Any]]:
    """What a route adds to its description."""
    return {200: {"content": {"application/json": {"example": EXAMPLES[name]}}}}
