from decimal import Decimal

from services.learning_engine.credit import outcomes_of
from tests.services.learning_engine.trades import NOON, closed


def test_those_who_argued_for_the_trade_share_it_by_their_shares() -> None:
    trade = closed(NOON, -0.02, {"momentum": 0.3, "swing": 0.1, "breakout": -0.2, "news_driven": 0.0})
    assert [(o.scope, o.name, o.credit, o.pnl, o.pnl_fraction) for o in outcomes_of(trade)] == [
        ("strategies", "momentum", 0.75, Decimal(-15), -0.015),
        ("strategies", "swing", 0.25, Decimal(-5), -0.005),
    ]


def test_members_gain_by_how_right_they_were_and_lose_by_how_wrong() -> None:
    trade = closed(NOON, 0.02, {"momentum": 0.3}, {"a": 0.75, "b": 0.3, "c": 0.5, "d": None})
    members = [(o.name, o.credit, o.pnl, o.pnl_fraction) for o in outcomes_of(trade) if o.scope == "members"]
    assert members == [("a", 0.5, Decimal(10), 0.01), ("b", -0.4, Decimal(-8), -0.008), ("c", 0.0, Decimal(0), 0.0)]


def test_a_trade_nobody_argued_for_teaches_nothing() -> None:
    assert outcomes_of(closed(NOON, 0.02, {}, {"a": 0.9})) == []
    assert outcomes_of(closed(NOON, 0.02, {"momentum": -0.4}, {"a": 0.9})) == []
