from itertools import permutations
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.strategies.ensemble import Contribution, combine

EQUAL = {"breakout": 0.2, "momentum": 0.2, "swing": 0.2}


def test_weighted_mean_over_those_that_spoke() -> None:
    found = combine({"momentum": 0.8, "swing": -0.2, "breakout": 0.0}, {"momentum": 0.3, "swing": 0.1, "breakout": 0.6})
    assert found.score == 0.55  # (0.3 * 0.8 - 0.1 * 0.2) / 0.4
    assert found.contributions == (
        Contribution("breakout", 0.6, 0.0, 0.0),
        Contribution("momentum", 0.3, 0.8, 0.6),
        Contribution("swing", 0.1, -0.2, -0.05),
    )


def test_a_single_voice_keeps_its_score() -> None:
    assert combine({"momentum": 0.0, "swing": 0.7, "breakout": 0.0}, EQUAL).score == 0.7


def test_silence_of_all_is_zero() -> None:
    found = combine(dict.fromkeys(EQUAL, 0.0), EQUAL)
    assert found.score == 0.0
    assert [part.share for part in found.contributions] == [0.0, 0.0, 0.0]


def test_a_voice_without_weight_is_not_heard() -> None:
    assert combine({"momentum": 0.9, "swing": 0.0}, {"momentum": 0.0, "swing": 1.0}).score == 0.0


def test_order_of_the_mapping_does_not_matter() -> None:
    scores, weights = {"a": 0.1, "b": 0.7, "c": -0.3}, {"a": 0.7, "b": 0.1, "c": 0.2}
    found = {combine(dict(order), weights) for order in permutations(scores.items())}
    assert len(found) == 1


@pytest.mark.parametrize("weights", [{"a": 0.0}, {"a": -0.1}, {"a": nan}, {"a": inf}, {}])
def test_useless_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        combine({"a": 0.5}, weights)


@pytest.mark.parametrize("score", [1.01, -1.01, nan])
def test_score_out_of_range_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="score of a"):
        combine({"a": score}, {"a": 1.0})


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=1, max_size=8))
def test_score_lies_between_the_voices_and_is_the_sum_of_the_shares(voices: list[tuple[float, float]]) -> None:
    scores = {f"s{i}": round(score, 6) for i, (score, _) in enumerate(voices)}
    found = combine(scores, {f"s{i}": weight for i, (_, weight) in enumerate(voices)})
    spoken = [score for score in scores.values() if score] or [0.0]
    assert min(spoken) - 1e-6 <= found.score <= max(spoken) + 1e-6
    assert found.score == pytest.approx(sum(part.share for part in found.contributions), abs=1e-5)
