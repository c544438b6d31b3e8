import pytest

from shared.errors import ConfigError
from shared.strategies.momentum import Momentum
from shared.strategies.registry import REGISTRY, build


def test_the_five_strategies_are_registered_under_their_names() -> None:
    assert sorted(REGISTRY) == ["breakout", "mean_reversion", "momentum", "news_driven", "swing"]
    assert all(build(name).name == name and build(name).description for name in REGISTRY)


def test_parameters_replace_defaults() -> None:
    strategy = build("momentum", {"adx_above": 30})
    assert isinstance(strategy, Momentum)
    assert strategy.params.adx_above == 30.0
    assert strategy.params.rsi_high == 70.0


def test_defaults_can_be_stored_and_built_again() -> None:
    for name, kind in REGISTRY.items():
        assert build(name, kind.Params().model_dump(mode="json")).warmup == build(name).warmup


@pytest.mark.parametrize(
    ("name", "params", "complaint"),
    [
        ("momentun", {}, "no strategy named 'momentun'; there are momentum,"),
        ("momentum", {"adx_abve": 3}, "strategy momentum: adx_abve: Extra inputs"),
        ("momentum", {"adx_above": "much"}, "strategy momentum: adx_above: Input should be a valid number"),
        ("momentum", {"adx_above": float("nan")}, "strategy momentum: adx_above:"),
        ("momentum", {"rsi_low": 80}, "strategy momentum: .*rsi_low 80 must be below rsi_high 70"),
        ("mean_reversion", {"bullish_low": 0.5}, "bullish_low 0.5 must be below bullish_high 0.45"),
        ("swing", {"touch_bars": 0}, "strategy swing: touch_bars:"),
        ("breakout", {"floor": 2}, "strategy breakout: floor:"),
        ("news_driven", {"neutral_within": 0}, "strategy news_driven: neutral_within:"),
    ],
)
def test_wrong_parameters_are_named(name: str, params: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        build(name, params)
