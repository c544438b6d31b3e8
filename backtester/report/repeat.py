"""The command that runs a plan again."""

import shlex
from collections.abc import Iterator

from backtester.runs.plan import Costs, Plan
from shared.config import Settings
from shared.ids import canonical
from shared.timeframes import from_microseconds


def command(plan: Plan) -> str:
    """`parley backtest` with every option of the plan, quoted for a shell; settings only where they are not usual."""
    return shlex.join(["parley", "backtest", *(word for option in _options(plan) for word in option)])


def _options(plan: Plan) -> Iterator[tuple[str, ...]]:
    yield "--venue", plan.venue
    yield "--symbols", ",".join(plan.symbols)
    yield "--timeframe", plan.timeframe
    yield "--base-timeframe", plan.base_timeframe
    yield "--strategies", _strategies(plan)
    for choice in plan.strategies:
        yield from (("--set", f"{choice.name}.{name}={value}") for name, value in choice.params.items())
    for option, time in (("--from", plan.start), ("--to", plan.end)):
        if time is not None:
            yield option, f"{from_microseconds(time):%Y-%m-%dT%H:%M:%S}"
    yield "--engine", plan.engine
    yield "--council", plan.council
    yield "--learning", plan.learning
    if plan.short:
        yield ("--short",)
    if costs := _costs(plan.costs):
        yield "--costs", costs
    yield from (("--desk", f"{name}={value}") for name, value in _unusual(plan).items())
    yield "--seed", str(plan.seed)


def _strategies(plan: Plan) -> str:
    equal = len({choice.weight for choice in plan.strategies}) == 1
    return ",".join(choice.name if equal else f"{choice.name}:{choice.weight}" for choice in plan.strategies)


def _costs(costs: Costs) -> str:
    """Those that are not usual, by the names that the option has."""
    unusual = {
        name: getattr(costs, name) for name in Costs.model_fields if getattr(costs, name) != getattr(Costs(), name)
    }
    return ",".join(f"{name.removesuffix('_fee')}={canonical(value)}" for name, value in unusual.items())


def _unusual(plan: Plan) -> dict[str, str]:
    """The desk's settings that are not what Parley comes with."""
    usual = Settings.model_construct().model_dump(mode="json", include=set(plan.desk))
    return {name: value for name, value in plan.desk.items() if value != str(usual[name])}
