"""Ranges as typed, held against what the strategies allow."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from backtester.runs.plan import DESK
from backtester.sweep.space import space_of
from shared.errors import ConfigError
from shared.portfolio.grid import to_fraction
from tests.backtester.sweep.searches import plan


@pytest.mark.filterwarnings("error")  # of Optuna, about ends that no step reaches
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("momentum.adx_above=15:35", FloatDistribution(15, 35)),
        ("momentum.adx_above=15:35:5", FloatDistribution(15, 35, step=5)),
        ("momentum.adx_above=15:33:5", FloatDistribution(15, 30, step=5)),
        ("momentum.adx_above=int:15:35", IntDistribution(15, 35)),
        ("momentum.adx_above=int:15:36:10", IntDistribution(15, 35, step=10)),
        (" momentum.adx_above = 20,25,30 ", CategoricalDistribution((20.0, 25.0, 30.0))),
        ("swing.floor=0.1:0.3:0.1", FloatDistribution(0.1, 0.3, step=0.1)),
    ],
)
def test_a_range_or_a_choice(text: str, values: object) -> None:
    (knob,) = space_of([text], plan(), weights=False).knobs
    assert knob.values == values
    assert (knob.name, knob.owner) == (text.partition("=")[0].strip(), text.strip().partition(".")[0])


def test_steps_land_on_round_numbers() -> None:
    (knob,) = space_of(["swing.floor=0.1:0.7:0.1"], plan(), weights=False).knobs
    assert knob.grid == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    (whole,) = space_of(["momentum.adx_above=int:15:36:10"], plan(), weights=False).knobs
    assert whole.grid == (15, 25, 35)


@pytest.mark.parametrize(
    ("texts", "weights", "said"),
    [
        (
            ["momentum.adx_above=15:200"],
            False,
            "strategy momentum: adx_above 200.0 is not allowed; allowed: float >= 0",
        ),
        (["momentum.adx_above=15:200"], False, "and <= 100"),
        (["momentum.bullish_full=0.5,0.6"], False, "bullish_full 0.5 is not allowed; allowed: float > 0.55 and <= 1"),
        (["momentum.adx_above=a,b"], False, "adx_above a is not allowed"),
        (["momentum.adx_above=nan,20"], False, "adx_above nan is not allowed"),
        (["momentum.adx=15:20"], False, "momentum has no parameter adx; there are rsi_low, rsi_high, adx_above"),
        (["breakout.floor=0:1"], False, "breakout is not among the strategies (momentum, swing)"),
        (["momentum.adx_above=35:15"], False, "--param momentum.adx_above=35:15: a range is LOW:HIGH"),
        (["momentum.adx_above=15:35:0"], False, "STEP above 0"),
        (["momentum.adx_above=15:35:5:1"], False, "a range is LOW:HIGH or LOW:HIGH:STEP"),
        (["momentum.adx_above=15:x"], False, "x is no number"),
        (["momentum.adx_above=int:15.5:20"], False, "whole"),
        (["momentum.adx_above=int:15"], False, "int: goes with a range"),
        (["momentum"], False, "write STRATEGY.PARAM=LOW:HIGH"),
        (["swing.floor=0:1", "swing.floor=0:0.5"], False, "--param swing.floor: stands twice"),
        ([], False, "nothing to search: add --weights or --param"),
    ],
)
def test_a_mistake_names_the_strategy_the_field_and_what_is_allowed(texts: list[str], weights: bool, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        space_of(texts, plan(), weights=weights)
    assert said in str(error.value)


def test_weights_of_one_strategy_are_nothing_to_search() -> None:
    with pytest.raises(ConfigError, match="--weights: one strategy alone"):
        space_of([], plan(["swing"]), weights=True)


def test_values_become_a_plan() -> None:
    asked = plan()
    space = space_of(["momentum.adx_above=int:15:35"], asked, weights=True)
    made = space.applied(asked, {"momentum.adx_above": 20, "momentum.weight": 0.25, "swing.weight": 0.75})
    momentum, swing = made.strategies
    assert (momentum.params, momentum.weight, swing.params, swing.weight) == ({"adx_above": 20.0}, 0.25, {}, 0.75)
    assert isinstance(momentum.params["adx_above"], float)


def test_a_combination_that_the_strategy_refuses() -> None:
    space = space_of(["momentum.rsi_low=40:80"], plan(), weights=False)
    with pytest.raises(ConfigError, match="rsi_low 75 must be below rsi_high 70"):
        space.applied(plan(), {"momentum.rsi_low": 75.0})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("desk.stop_atr=1:3:0.5", FloatDistribution(1, 3, step=0.5)),
        ("desk.take_profit_r=1.5,3", CategoricalDistribution((1.5, 3.0))),
        ("desk.max_hold_bars=10:50:10", IntDistribution(10, 50, step=10)),
        ("desk.risk_per_trade=0.001:0.02", FloatDistribution(0.001, 0.02)),
        ("desk.entry_score=0.2:0.5", FloatDistribution(0.2, 0.5)),
    ],
)
def test_a_setting_of_the_desk_is_written_as_a_parameter_is(text: str, values: object) -> None:
    (knob,) = space_of([text], plan(), weights=False).knobs
    assert (knob.name, knob.values) == (text.partition("=")[0], values)


def test_every_numeric_setting_that_decides_can_be_searched() -> None:
    asked = plan(engine="event", council="rules", learning="on")
    for name in set(DESK) - {"initial_balance", "decision_ttl", "soft_stop_grace"}:
        usual = asked.desk[name]
        (knob,) = space_of([f"desk.{name}={usual}"], asked, weights=False).knobs
        assert knob.grid == (float(usual),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("desk.breakeven=1:2", "the desk has no numeric setting breakeven that decides; there are council_quorum, "),
        ("desk.decision_ttl=1:2", "no numeric setting decision_ttl"),
        ("desk.symbols=1,2", "no numeric setting symbols"),
        ("desk.initial_balance=1:2", "initial_balance is what the account begins with, and nothing to choose"),
        ("desk.council_quorum=1:3", "council_quorum changes nothing with --council none"),
        ("desk.learning_cap=0.2:0.3", "learning_cap changes nothing with --learning off"),
        ("desk.stop_atr=0:3", "desk: stop_atr 0.0 is not allowed; allowed: number > 0"),
        ("desk.max_exposure=0.5:1.5", "desk: max_exposure 1.5 is not allowed; allowed: number >= 0 and <= 1"),
        ("desk.max_hold_bars=1.5:3", "max_hold_bars 1.5 is not allowed; allowed: int >= 1"),
        ("desk.stop_atr=1e-10:3", "1e-10 has more than 9 decimals"),
        ("desk.stop_atr=nan,2", "stop_atr nan is not allowed"),
    ],
)
def test_other_settings_are_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        space_of([text], plan(), weights=False)
    assert str(error.value).startswith(f"--param {text}: ")
    assert said in str(error.value)


@given(st.floats(1e-9, 0.5))
def test_settings_are_exact_in_what_a_desk_counts_in(value: float) -> None:
    asked = plan()
    space = space_of(["desk.risk_per_trade=0:1", "desk.max_positions=1:9"], asked, weights=False)
    made = space.applied(asked, {"desk.risk_per_trade": value, "desk.max_positions": 3})
    assert abs(to_fraction(made.settings.risk_per_trade) - value * 10**9) <= 0.5 + 1e-6  # or it is off the grid
    assert made.settings.max_positions == 3
    assert {name for name in DESK if made.desk[name] != asked.desk[name]} == {"risk_per_trade", "max_positions"}


DECLARED = """
from pydantic import BaseModel, Field
class Mine:
    class Params(BaseModel):
        fast: int = Field(5, ge=2)
    name, description, warmup = "mine", "of one's own", 1
    def __init__(self, params): self.params = params
    def score(self, market): return market.close * 0
    def explain(self, market): return ""
"""
PLAIN = DECLARED.replace("def __init__(self, params)", "def __init__(self, fast=5)").replace(
    "class Params", "class Not"
)
PLAIN = PLAIN.replace("self.params = params", "self.params = fast")


@pytest.mark.parametrize("source", [DECLARED, PLAIN])
def test_a_strategy_of_ones_own_is_searched_too(tmp_path: Path, source: str) -> None:
    (tmp_path / "my.own.py").write_text(source)
    name = f"{tmp_path}/my.own.py:Mine"
    asked = plan(strategies=[{"name": name, "weight": 1}])
    space = space_of([f"{name}.fast=int:3:9:2"], asked, weights=False)
    assert space.knobs[0].grid == (3, 5, 7, 9)
    (choice,) = space.applied(asked, {f"{name}.fast": 7}).strategies
    assert choice.params == {"fast": 7}
    with pytest.raises(ConfigError, match="has no parameter slow; there are fast"):
        space_of([f"{name}.slow=1:2"], asked, weights=False)


@given(st.integers(0, 99), st.integers(1, 100), st.integers(1, 30))
def test_every_step_is_inside_and_none_is_missing(low: int, width: int, step: int) -> None:
    high = min(low + width, 100)
    (knob,) = space_of([f"momentum.adx_above={low}:{high}:{step}"], plan(), weights=False).knobs
    assert list(knob.grid) == [float(value) for value in range(low, high + 1, step)]
