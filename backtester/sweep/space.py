"""What is searched: parameters of strategies, and the weights of the ensemble."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from backtester.runs.plan import Parameter, Plan
from shared.errors import ConfigError
from shared.strategies.registry import REGISTRY

WEIGHT = "weight"
LEAST_WEIGHT, WEIGHT_STEP = 0.05, 0.05
HOW = "write STRATEGY.PARAM=LOW:HIGH, LOW:HIGH:STEP, int:LOW:HIGH or A,B,C"
BOUNDS: Mapping[type, str] = {Ge: ">=", Gt: ">", Le: "<=", Lt: "<"}


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter of a strategy, or its weight (`field` is WEIGHT), and the values that it may take."""

    strategy: str
    field: str
    values: BaseDistribution

    @property
    def name(self) -> str:
        """As it is written: momentum.adx_above."""
        return f"{self.strategy}.{self.field}"

    @property
    def width(self) -> float | None:
        """Highest minus lowest value; None for a choice."""
        match self.values:
            case FloatDistribution() | IntDistribution():
                return float(self.values.high - self.values.low)
            case _:
                return None

    @property
    def grid(self) -> tuple[Parameter, ...]:
        """Every value. ConfigError for a range without steps."""
        match self.values:
            case CategoricalDistribution():
                return tuple(choice for choice in self.values.choices if choice is not None)
            case IntDistribution():
                return tuple(range(self.values.low, self.values.high + 1, self.values.step))
            case FloatDistribution(step=float(step)):
                count = round((self.values.high - self.values.low) / step)
                return tuple(plain(self.values.low + index * step) for index in range(count + 1))
        raise ConfigError(f"--sampler grid: {self.name} is a range without steps; write LOW:HIGH:STEP or A,B,C")


@dataclass(frozen=True, slots=True)
class Space:
    """All that is searched together."""

    knobs: tuple[Knob, ...]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """For Optuna."""
        return {knob.name: knob.values for knob in self.knobs}

    def applied(self, plan: Plan, params: Mapping[str, Parameter]) -> Plan:
        """The plan with these values. ConfigError where a strategy refuses their combination."""
        fields: dict[str, dict[str, Parameter]] = {}
        weights: dict[str, float] = {}
        for knob in self.knobs:
            value = params[knob.name]
            if knob.field == WEIGHT:
                weights[knob.strategy] = float(value)
            else:
                fields.setdefault(knob.strategy, {})[knob.field] = _checked(knob.strategy, knob.field, value)
        return plan.with_params(fields, weights)


def space_of(texts: Sequence[str], plan: Plan, *, weights: bool) -> Space:
    """From options as typed. ConfigError names the option, the strategy, its field and what is allowed."""
    knobs = [_knob(text, plan) for text in texts]
    names = [knob.name for knob in knobs]
    if len(set(names)) != len(names):
        raise ConfigError(f"--param {max(names, key=names.count)}: stands twice")
    if weights:
        knobs += _weights(plan)
    if not knobs:
        raise ConfigError(f"nothing to search: add --weights or --param; {HOW}")
    return Space(tuple(knobs))


def _weights(plan: Plan) -> list[Knob]:
    if len(plan.strategies) < 2:
        raise ConfigError("--weights: one strategy alone has all the weight; name more with --strategies")
    values = FloatDistribution(LEAST_WEIGHT, 1.0, step=WEIGHT_STEP)
    return [Knob(choice.name, WEIGHT, values) for choice in plan.strategies]


def _knob(text: str, plan: Plan) -> Knob:
    where, _, wanted = text.partition("=")
    strategy, _, field = where.strip().partition(".")
    if not (strategy and field and wanted.strip()):
        raise ConfigError(f"--param {text}: {HOW}, such as momentum.adx_above=15:35:5")
    if strategy not in {choice.name for choice in plan.strategies}:
        there = ", ".join(choice.name for choice in plan.strategies)
        raise ConfigError(f"--param {text}: {strategy} is not among the strategies ({there})")
    if field not in REGISTRY[strategy].Params.model_fields:
        there = ", ".join(REGISTRY[strategy].Params.model_fields)
        raise ConfigError(f"--param {text}: {strategy} has no parameter {field}; there are {there}")
    try:
        return Knob(strategy, field, _values(strategy, field, wanted.strip()))
    except ConfigError as error:
        raise ConfigError(f"--param {text}: {error}") from None


def _values(strategy: str, field: str, text: str) -> BaseDistribution:
    """Both ends, or every choice, as the strategy's own field takes them."""
    whole, text = text.startswith("int:"), text.removeprefix("int:")
    if ":" not in text:
        if whole:
            raise ConfigError(f"int: goes with a range; {HOW}")
        return CategoricalDistribution([_checked(strategy, field, part.strip()) for part in text.split(",")])
    numbers = [_number(part) for part in text.split(":")]
    if not 2 <= len(numbers) <= 3 or numbers[0] >= numbers[1] or not all(step > 0 for step in numbers[2:]):
        raise ConfigError("a range is LOW:HIGH or LOW:HIGH:STEP, LOW below HIGH, STEP above 0")
    for end in numbers[:2]:
        _checked(strategy, field, end)
    if whole or _field(strategy, field).annotation is int:
        return _whole(numbers)
    low, high, *steps = numbers
    if not steps:
        return FloatDistribution(low, high)
    return FloatDistribution(low, _last(low, high, steps[0]), step=steps[0])


def _whole(numbers: Sequence[float]) -> IntDistribution:
    if not all(number.is_integer() for number in numbers):
        raise ConfigError("a range of whole numbers needs whole ends and steps")
    low, high, step = (*map(int, numbers), 1)[:3]
    return IntDistribution(low, high - (high - low) % step, step=step)


def _last(low: float, high: float, step: float) -> float:
    """The highest value that the steps reach."""
    return plain(low + math.floor((high - low) / step + 1e-9) * step)


def plain(value: float) -> float:
    """0.3, not 0.30000000000000004."""
    return float(f"{value:.12g}")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{text or 'nothing'} is no number")
    return value


def _field(strategy: str, field: str) -> FieldInfo:
    found: FieldInfo = REGISTRY[strategy].Params.model_fields[field]
    return found


def _checked(strategy: str, field: str, value: Parameter) -> Parameter:
    """The value in the field's own type."""
    known = _field(strategy, field)
    bounded: Any = Annotated[known.annotation, *known.metadata]
    try:
        checked: Parameter = TypeAdapter(bounded).validate_python(value)
    except ValidationError:
        raise ConfigError(f"strategy {strategy}: {field} {value} is not allowed; {_allowed(known)}") from None
    if isinstance(checked, float) and not math.isfinite(checked):
        raise ConfigError(f"strategy {strategy}: {field} {value} is not allowed; {_allowed(known)}")
    return checked


def _allowed(field: FieldInfo) -> str:
    kind = getattr(field.annotation, "__name__", str(field.annotation))
    limits = [
        f"{sign} {getattr(one, type(one).__name__.lower()):g}"
        for one in field.metadata
        for known, sign in BOUNDS.items()
        if isinstance(one, known)
    ]
    return f"allowed: {kind}{' ' if limits else ''}{' and '.join(limits)}"
