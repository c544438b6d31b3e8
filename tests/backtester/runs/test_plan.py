"""Plans: what is complete, what changes, what is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from backtester.runs.plan import DESK, Plan, StrategyChoice, chosen, desk_of
from shared.config import load_settings
from shared.errors import ConfigError
from tests.backtester.sweep.searches import plan

MINE = """
class Mine:
    name, description, warmup = "mine", "of one's own", 1

    def __init__(self, fast=5, loud=False, word="a"):
        self.params = (fast, loud, word)

    def score(self, market):
        return market.close * 0

    def explain(self, market):
        return ""
"""


def test_a_plan_comes_back_from_json() -> None:
    one = plan(costs={"taker_fee": "0.001234567", "min_cost": "5"}, start=1, end=2)
    assert Plan.model_validate_json(one.model_dump_json()) == one


def test_the_environment_decides_nothing_once_a_plan_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    one = plan()
    before = one.settings
    for name in DESK:
        monkeypatch.setenv(name.upper(), "1")
    after = one.settings
    assert {name: getattr(after, name) for name in DESK} == {name: getattr(before, name) for name in DESK}


def test_the_desk_holds_every_deciding_setting_as_text() -> None:
    made = desk_of(load_settings(stop_atr="2.50", decision_ttl="PT90S"))
    assert set(made) == set(DESK)
    assert (made["stop_atr"], made["decision_ttl"]) == ("2.50", "PT1M30S")


def test_parameters_weights_and_settings_are_replaced_one_by_one() -> None:
    one = plan().with_params({"swing": {"floor": 0.2}})
    made = one.with_params({"momentum": {"adx_above": 30.0}}, {"swing": 0.1}, {"stop_atr": "3"})
    momentum, swing = made.strategies
    assert (momentum.params, swing.params) == ({"adx_above": 30.0}, {"floor": 0.2})
    assert (momentum.weight, swing.weight) == (0.5, 0.1)
    assert made.settings.stop_atr == Decimal(3)
    assert {name for name in DESK if made.desk[name] != one.desk[name]} == {"stop_atr"}


def test_weights_are_shares() -> None:
    assert plan().with_params({}, {"momentum": 0.3, "swing": 0.1}).weights == {"momentum": 0.75, "swing": 0.25}


def test_a_strategy_of_ones_own_gets_its_parameters_in_their_types(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    choice = StrategyChoice(name=f"{file}:Mine", params={"fast": 7, "loud": True, "word": "7"}, weight=1)
    assert choice.file == file
    made = choice.built()
    assert made.params == (7, True, "7")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"symbols": ("BTC/USD", "ETH/EUR")}, "symbols: mixed quotes"),
        ({"symbols": ()}, "symbols: Tuple should have at least 1 item"),
        ({"timeframe": "1m"}, "timeframe 1m is no multiple of the stored 1h"),
        ({"start": 2, "end": 2}, "the end is not after the start"),
        ({"council": "some"}, "council: String should match"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"engine": "event", "short": True}, "--short: the desk is long only"),
        ({"strategies": [{"name": "swing", "weight": 1}] * 2}, "strategies: one stands twice"),
        ({"strategies": [{"name": "swing", "weight": 0}]}, "strategies.0.weight: Input should be greater than 0"),
        ({"strategies": [{"name": "swing", "weight": 1, "params": {"flor": 1}}]}, "strategy swing: flor"),
    ],
)
def test_what_can_not_be_is_refused_by_its_field(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan(**values)
    assert said in str(error.value)


def test_a_strategy_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="no strategy named 'astrology'; there are momentum"):
        chosen(["astrology"])
