"""Trades of a desk and of a backtest, as tests need them."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from backtester.drift.split import LiveTrade
from backtester.runs.trade import Trade

MINUTE = 60_000_000
STEP = 5 * MINUTE
START = 1_704_067_200_000_000
"""2024-01-01."""
BTC = "BTC/USD"


def made(minute: float = 0, **values: Any) -> Trade:
    """A backtest's trade: bought 2 at 100 at the minute, sold at 110 an hour later; fees 0.5 and 0.55."""
    return Trade(**_usual(minute, values))


def live(minute: float = 0, late: float = 0, **values: Any) -> LiveTrade:
    """The same of a desk, decided at the minute and filled `late` minutes after."""
    decided = {"decided_at": START + int(minute * MINUTE)}
    usual = _usual(minute, values)
    return LiveTrade(**{**decided, **usual, "entry_time": usual["entry_time"] + int(late * MINUTE)})


def _usual(minute: float, values: dict[str, Any]) -> dict[str, Any]:
    at = START + int(minute * MINUTE)
    usual: dict[str, Any] = {
        "symbol": BTC,
        "side": 1,
        "entry_time": at,
        "exit_time": at + 60 * MINUTE,
        "quantity": Decimal(2),
        "entry_price": Decimal(100),
        "exit_price": Decimal(110),
        "fees": Decimal("1.05"),
        "exit_reason": "target",
    }
    usual |= {
        name: Decimal(value) if isinstance(value, str) and name in AMOUNTS else value for name, value in values.items()
    }
    gross = usual["side"] * usual["quantity"] * (usual["exit_price"] - usual["entry_price"])
    return {"pnl": gross - usual["fees"], **usual}


AMOUNTS = ("quantity", "entry_price", "exit_price", "fees", "pnl")


def _amounts(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(least, most, places=places, allow_nan=False, allow_infinity=False)


@st.composite
def trades(draw: st.DrawFn, kind: type[Trade] | type[LiveTrade] = Trade, bars: int = 60) -> Any:
    """Any closed trade; its result need not follow from its prices, which are averages."""
    entered = START + draw(st.integers(0, bars)) * STEP
    values: dict[str, Any] = {
        "symbol": draw(st.sampled_from([BTC, "ETH/USD"])),
        "side": draw(st.sampled_from([1, -1])),
        "entry_time": entered + draw(st.integers(0, STEP)),
        "exit_time": entered + STEP + draw(st.integers(1, 50 * STEP)),
        "quantity": draw(_amounts("1e-8", "1e9", 8)),
        "entry_price": draw(_amounts("1e-10", "1e9", 10)),
        "exit_price": draw(_amounts("1e-10", "1e9", 10)),
        "fees": draw(_amounts("0", "1e9", 18)),
        "pnl": draw(_amounts("-1e18", "1e18", 18)),
        "exit_reason": draw(st.sampled_from(["stop", "target"])),
    }
    if kind is LiveTrade:
        values["decided_at"] = entered
        values["requested_at"] = draw(st.none() | st.integers(entered, values["exit_time"]))
    return kind(**values)
