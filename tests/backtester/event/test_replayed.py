"""Recorded answers decide again as they did."""

from pathlib import Path

import numpy as np
import pytest

from backtester.event.replayed import recorded_council
from shared.errors import ConfigError
from shared.ids import derived_id
from shared.schemas.council import CouncilDecided, Verdict
from shared.timeframes import from_microseconds
from tests.backtester.event.markets import MINUTE, START, by_event, plain, plan_on, walk
from tests.backtester.event.noise import Noise


def told(minute: int, verdict: Verdict, symbol: str = "A/USD") -> CouncilDecided:
    at = from_microseconds(START + minute * MINUTE)
    values = {
        "message_id": derived_id("CouncilDecided", symbol, at),
        "occurred_at": at,
        "symbol": symbol,
        "timeframe": "1m",
        "signal_id": derived_id("SignalGenerated", symbol, at),
        "verdict": verdict,
        "probability": 0.9,
        "quorum": True,
        "reason": "an oracle said so",
        "votes": [],
        "score": 1.0,
        "contributions": [],
        "price": "1000",
        "atr": "5",
        "cost": "0.02",
        "expires_at": at,
    }
    return CouncilDecided.model_validate(values)


def test_what_was_recorded_is_traded_and_nothing_else(tmp_path: Path) -> None:
    market = walk(3, 420, 0.0, 20)
    loud = [int(bar) + 1 for bar in np.flatnonzero(Noise().score(market) > 0.5) if bar > 300]
    first, second = loud[0], next(minute for minute in loud if minute > loud[0] + 10)
    answers = [told(first, "BUY"), told(first + 2, "SELL"), told(second, "BUY"), told(second + 2, "SELL")]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(f"{answer.model_dump_json()}\n" for answer in answers) + "\n")
    replay = {"council": f"replay:{file}", "learning": "off"}
    plan = plan_on(1, desk={}, timeframe="1m", base_timeframe="1m", **replay)
    found = by_event(plan, {"A/USD": market})
    assert [(trade.entry_time - START) // MINUTE for trade in found.trades] == [first, second]
    assert all((trade.exit_time - trade.entry_time) // MINUTE <= 2 for trade in found.trades)
    assert plain(by_event(plan, {"A/USD": market}, every_bar=True)) == plain(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "line 1, field message_id"), ("\n\nno json", "line 3"), ('{"verdict": 1}', "line 1")],
)
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=said):
        recorded_council(tmp_path / "answers.jsonl")
