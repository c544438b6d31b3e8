"""A strategy of a person's own that gives no usable scores is named, with its bar and its line."""

from pathlib import Path

import numpy as np
import pytest

from backtester.check.loading import strategy_named
from shared.errors import ConfigError
from shared.strategies.registry import build
from shared.strategies.scoring import NoValues, answered, scored
from tests.shared.strategies.markets import wandering

MARKET = wandering(seed=3, bars=900)
BOOM = """
import numpy as np


class Boom:
    name, description, warmup = "boom", "boom", 5

    def score(self, market):
        zeros, last = np.zeros(len(market)), len(market) - 1
        return {body}

    def explain(self, market):
        return "silent"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def own(body: str) -> str:
    Path("boom.py").write_text(BOOM.replace("{body}", body))
    return "boom.py:Boom"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("unknown", " at bar 1970-01-01 00:00: NameError: name 'unknown' is not defined (line 10 of boom.py)"),
        ("zeros if last < 700 else [][0]", " at bar 1970-01-03 10:20: IndexError: list index out of range (line 10 of"),
        ("quit(3)", " at bar 1970-01-01 00:00: SystemExit: 3 (line 10 of boom.py)"),
        ("zeros.tolist()", ": score() of 900 bars gave a list; return a NumPy array, float64"),
        ("None", ": score() of 900 bars gave a NoneType"),
        ("zeros[1:]", ": score() of 900 bars gave shape (899,) and type float64; return one float for each bar"),
        ("zeros > 0", ": score() of 900 bars gave shape (900,) and type bool"),
        ("np.where(np.arange(last + 1) == 2, np.nan, 0)", " at bar 1970-01-01 00:10: its score is nan; say 0 where"),
        ("np.where(np.arange(last + 1) > 29, 1.5, 0)", " at bar 1970-01-01 02:30: its score 1.5 is outside [-1, 1]"),
        ("np.where(np.arange(last + 1) > 29, -np.inf, 0)", " at bar 1970-01-01 02:30: its score -inf is outside"),
    ],
)
def test_what_is_wrong_is_said_with_its_bar_and_line(body: str, said: str) -> None:
    strategy = strategy_named(own(body))()
    with pytest.raises(ConfigError) as caught:
        scored(strategy, MARKET)
    assert str(caught.value).startswith(f"strategy boom.py:Boom failed{said}")
    assert str(caught.value).endswith("; `parley check boom.py:Boom` says more")


def test_a_file_elsewhere_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = strategy_named(own("None"))()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ConfigError, match=f"strategy {tmp_path}/boom.py:Boom failed"):
        scored(strategy, MARKET)


def test_scores_are_handed_on_as_they_are() -> None:
    momentum = build("momentum")
    np.testing.assert_array_equal(scored(momentum, MARKET), momentum.score(MARKET))
    whole = scored(strategy_named(own("np.sign(market.close).astype(int)"))(), MARKET)
    assert whole.dtype == np.float64
    assert whole.tolist() == [1.0] * 900
    assert scored(momentum, MARKET.between(0, 0)).shape == (0,)


def test_a_value_out_of_range_is_still_one_number_for_each_bar() -> None:
    assert answered(strategy_named(own("zeros + 7"))(), MARKET)[5] == 7.0
    with pytest.raises(NoValues, match="gave a list"):
        answered(strategy_named(own("[0.0] * 900"))(), MARKET)
