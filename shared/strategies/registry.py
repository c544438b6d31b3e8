"""Every strategy by name."""

from collections.abc import Mapping

from pydantic import ValidationError

from shared.errors import ConfigError
from shared.strategies.base import Strategy
from shared.strategies.breakout import Breakout
from shared.strategies.mean_reversion import MeanReversion
from shared.strategies.momentum import Momentum
from shared.strategies.news_driven import NewsDriven
from shared.strategies.swing import Swing

Registered = type[Momentum] | type[MeanReversion] | type[Breakout] | type[Swing] | type[NewsDriven]

REGISTRY: dict[str, Registered] = {kind.name: kind for kind in (Momentum, MeanReversion, Breakout, Swing, NewsDriven)}


def build(name: str, params: Mapping[str, object] | None = None) -> Strategy:
    """The strategy with these parameters, defaults for the rest. ConfigError names the strategy and the field."""
    kind = REGISTRY.get(name)
    if kind is None:
        raise ConfigError(f"no strategy named {name!r}; there are {', '.join(REGISTRY)}")
    try:
        checked = kind.Params.model_validate(dict(params or {}))
    except ValidationError as error:
        raise ConfigError(f"strategy {name}: {_faults(error)}") from error
    return kind(checked)  # type: ignore[arg-type]


def _faults(error: ValidationError) -> str:
    return "; ".join(": ".join((*map(str, fault["loc"]), fault["msg"])) for fault in error.errors())
