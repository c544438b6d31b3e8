"""A strategy by its name, or from a person's own file."""

from pathlib import Path

import pytest

from backtester.check.loading import strategy_named
from shared.errors import ConfigError
from shared.strategies.momentum import Momentum

OWN = """
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel


class Params(BaseModel):
    bars: int = 5


class WithParams:
    name = "own"
    description = "own"
    Params = Params

    def __init__(self, params=None):
        self.warmup = (params or Params()).bars

    def score(self, market):
        return np.zeros(len(market))

    def explain(self, market):
        return "silent"


@dataclass
class WithFields(WithParams):
    Params = None
    warmup: int = 3
    size: float = 0.5


class Endless(WithFields):
    warmup = None

    def __init__(self):
        pass


class Secret(WithFields):
    @property
    def warmup(self):
        raise ValueError("not yet")

    def __init__(self):
        pass


class Unfinished:
    def score(self, market):
        return []
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_a_registered_name_with_parameters() -> None:
    made = strategy_named("momentum", ["adx_above=30"])()
    assert isinstance(made, Momentum)
    assert made.params.adx_above == 30.0


def test_every_call_makes_another_one() -> None:
    make = strategy_named("momentum")
    assert make() is not make()


def test_a_class_in_a_file_with_parameters_either_way(own: Path) -> None:
    assert strategy_named(f"{own}:WithParams")().warmup == 5
    assert strategy_named(f"{own}:WithParams", ["bars=8"])().warmup == 8
    assert strategy_named(f"{own}:WithFields", ["warmup=4", "size=0.25"])().warmup == 4


def test_the_only_class_need_not_be_named(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(OWN.partition("@dataclass")[0].replace("from dataclasses import dataclass\n", ""))
    assert strategy_named(str(path))().warmup == 5


@pytest.mark.parametrize(
    ("argument", "settings", "said"),
    [
        ("momentun", [], "no strategy named 'momentun'; there are momentum,"),
        ("momentum", ["adx_abve=3"], "strategy momentum: adx_abve: Extra inputs"),
        ("momentum", ["adx_above"], "--set adx_above: write it as PARAM=VALUE"),
        ("nowhere.py:Own", [], "nowhere.py: there is no such file"),
        (
            "{own}:Missing",
            [],
            "own.py: has no strategy 'Missing'; there are Endless, Secret, Unfinished, WithFields, WithParams",
        ),
        ("{own}:Params", [], "has no strategy 'Params'"),
        ("{own}", [], "name the class, as file.py:ClassName"),
        ("{own}:WithParams", ["bars=many"], "own.py:WithParams: bars: Input should be a valid integer"),
        ("{own}:WithFields", ["sise=1"], "unexpected keyword argument 'sise'"),
        ("{own}:Endless", [], "own.py:Endless: its warmup is None; give a whole number of bars"),
        ("{own}:Secret", [], "own.py:Secret: can't be asked what it offers: ValueError: not yet"),
        ("{own}:Unfinished", [], "lacks name, warmup, explain"),
    ],
)
def test_a_mistake_is_named(own: Path, argument: str, settings: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        strategy_named(argument.format(own=own), settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\nraise SystemExit(3)\n", "line 2: SystemExit: 3"),
        ("import nothing_of_this_name\n", "line 1: ModuleNotFoundError"),
        ("x = 1\ny = (\n", "line 2: SyntaxError"),
        ("x = 1\n", "none of its classes has score()"),
    ],
)
def test_a_file_that_can_not_be_loaded_is_named_with_its_line(tmp_path: Path, source: str, said: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source)
    with pytest.raises(ConfigError) as caught:
        strategy_named(f"{path}:Own")
    assert said in str(caught.value)
    assert "broken.py" in str(caught.value)
