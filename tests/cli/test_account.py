"""A run that traded nothing says why, in its numbers."""

from typing import Any

import pytest

from cli.account import no_trade

QUIET: dict[str, Any] = {
    "timeframe": "5m",
    "trades": [],
    "decisions": {"HOLD": 59},
    "debates": {"no quorum": 59},
    "refusals": {},
    "missed_quorum": "1 of 3 needed voted (volatility: too few bars for ATR)",
}


def test_a_run_that_traded_needs_no_excuse() -> None:
    assert no_trade({**QUIET, "trades": [{"symbol": "BTC/USD"}]}) == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "59 of 59 verdicts missed the quorum while the indicators warm up (620 bars of 5m; see --history)"),
        ({"decisions": {}, "debates": {}, "missed_quorum": None}, "no verdict yet; one falls at the end of every bar"),
        ({"missed_quorum": "2 of 3 needed voted (portfolio: equity is not known yet)"}, "equity is not known yet"),
        ({"debates": {"voted": 59}, "missed_quorum": None}, "none of 59 verdicts is BUY"),
        (
            {"decisions": {"BUY": 2, "HOLD": 57}, "refusals": {"cash": 2}},
            "none came of 2 BUY of 59 verdicts (refusals: cash 2)",
        ),
    ],
    ids=["warm-up", "too short", "other quorum", "no buy", "refused"],
)
def test_what_stood_in_the_way_is_named_with_its_numbers(changed: dict[str, Any], said: str) -> None:
    why = no_trade({**QUIET, **changed})
    assert why.startswith("no trade: ")
    assert said in why
    assert ("warm up" in why) == (changed == {})
