"""Recorded answers decide again as they did."""

from pathlib import Path

import numpy as np
import pytest

from backtester.event.replayed import Matches, Recorded, matches, recorded_council
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


FILE = Path("answers.jsonl")
CLOSES = {"A/USD": START + np.arange(1, 11) * MINUTE, "B/USD": START + np.arange(5, 11) * MINUTE}


def of(*answers: CouncilDecided) -> Recorded:
    return {(answer.symbol, answer.occurred_at): answer for answer in answers}


def test_decisions_are_counted_beside_the_bars_they_were_made_on() -> None:
    answers = of(told(3, "BUY"), told(4, "HOLD"), told(0, "BUY"), told(4, "BUY", "B/USD"), told(5, "BUY", "C/USD"))
    found = matches(FILE, answers, "1m", CLOSES)
    assert found == Matches(matched=2, recorded=5, bars=16)
    assert str(found) == "2 of 5 recorded decisions are of the 16 bars played"


def test_decisions_on_other_bars_are_refused_by_name() -> None:
    other = told(4, "BUY").model_copy(update={"timeframe": "1d"})
    with pytest.raises(ConfigError, match=r"A/USD of 2022-01-01 00:04 was decided on 1d bars, these are 1m"):
        matches(FILE, of(told(3, "BUY"), other), "1m", CLOSES)


def test_a_file_that_is_of_no_bar_is_refused() -> None:
    answers = of(told(900, "BUY"), told(30, "BUY"), told(5, "BUY", "C/USD"))
    said = r"none of its 3 decisions \(C/USD of 2022-01-01 00:05 to A/USD of 2022-01-01 15:00\) is of a bar"
    with pytest.raises(ConfigError, match=said):
        matches(FILE, answers, "1m", CLOSES)


@pytest.mark.parametrize("other", [{"verdict": "HOLD"}, {"timeframe": "1d"}, {"reason": "it has changed its mind"}])
def test_a_bar_of_which_two_things_are_said_is_refused_by_line(tmp_path: Path, other: dict[str, str]) -> None:
    file = tmp_path / "answers.jsonl"
    lines = [told(3, "BUY"), told(4, "SELL"), told(3, "BUY").model_copy(update=other)]
    file.write_text("\n".join(line.model_dump_json() for line in lines))
    with pytest.raises(ConfigError, match=r"line 3: says something else of A/USD of 2022-01-01 00:03"):
        recorded_council(file)


def test_the_same_said_twice_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    again = told(3, "BUY").model_copy(update={"message_id": derived_id("another", 1)})
    file.write_text(f"{told(3, 'BUY').model_dump_json()}\n{again.model_dump_json()}\n")
    assert list(recorded_council(file).values()) == [told(3, "BUY")]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text("\n\n")
    with pytest.raises(ConfigError, match=r"answers\.jsonl: holds no decision; record some"):
        recorded_council(tmp_path / "answers.jsonl")


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "line 1, field message_id"), ("\n\nno json", "line 3"), ('{"verdict": 1}', "line 1")],
)
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=said):
        recorded_council(tmp_path / "answers.jsonl")
