from math import nan

import pytest

from shared.strategies.market import Market
from shared.strategies.news_driven import NewsDriven
from tests.shared.strategies.markets import market


def mood(*levels: float) -> Market:
    return market([100.0] * len(levels), sentiment=levels)


def last(*levels: float) -> float:
    return float(NewsDriven().score(mood(*levels))[-1])


def test_silent_until_there_is_sentiment() -> None:
    quiet = market([100.0] * 20)
    assert not NewsDriven().score(quiet).any()
    assert NewsDriven().explain(quiet) == "news_driven is silent: no sentiment is known"
    assert last(*[nan] * 13) == 0.0


def test_steady_strong_news_count_by_their_level() -> None:
    assert last(*[0.5] * 13) == pytest.approx(0.6 * 0.5)
    assert last(*[-0.5] * 13) == pytest.approx(-0.3)


def test_turning_news_add_their_change() -> None:
    assert last(*[0.2] * 12, 0.6) == pytest.approx(0.6 * 0.6 + 0.4 * 0.4 / 0.5)
    assert last(*[0.2] * 12, -0.6) == pytest.approx(-(0.6 * 0.6 + 0.4))  # a change of 0.8 counts as 0.5


def test_level_near_neutral_is_silence() -> None:
    assert last(*[0.0] * 12, 0.2) == pytest.approx(0.12 + 0.16)
    assert last(*[0.0] * 12, 0.199) == 0.0


def test_news_that_turn_back_are_silence() -> None:
    assert last(*[0.6] * 12, 0.5) == pytest.approx(0.3)
    assert last(*[0.601] * 12, 0.5) == 0.0


def test_only_the_known_levels_are_compared() -> None:
    assert last(*[nan] * 11, 0.2, 0.4) == pytest.approx(0.24 + 0.4 * 0.2 / 0.5)
    assert last(*[nan] * 12, 0.4) == pytest.approx(0.24)
    assert last(*[0.4] * 12, nan) == 0.0


def test_levels_older_than_the_comparison_are_forgotten() -> None:
    assert last(-1.0, *[0.5] * 13) == pytest.approx(0.3)


def test_explanation_has_level_and_change() -> None:
    assert NewsDriven().explain(mood(*[0.2] * 12, 0.6)) == (
        "news_driven follows (+0.68): sentiment +0.60, change +0.40 against 12 bars"
    )
