"""What is searched: parameters of strategies, the weights of the ensemble, and settings of the desk."""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Gt, Le, Lt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from backtester.runs.plan import DESK, Parameter, Plan
from shared.config import Settings
from shared.errors import ConfigError
from shared.ids import canonical

WEIGHT = "weight"
DESK_ITSELF = "desk"
"""Owner of the settings, as a strategy is of its parameters."""
LEAST_WEIGHT, WEIGHT_STEP = 0.05, 0.05
DECIMALS = 9
"""Of a setting: fractions are whole units of 1e-9."""
HOW = "write STRATEGY.PARAM=LOW:HIGH, LOW:HIGH:STEP, int:LOW:HIGH or A,B,C, and desk.SETTING for the desk's settings"
BOUNDS: Mapping[type, str] = {Ge: ">=", Gt: ">", Le: "<=", Lt: "<"}
UNDECLARED: Any = Annotated[int | float | str, Field(union_mode="left_to_right")]
"""A parameter of a class without Params."""


@dataclass(frozen=True, slots=True)
class Knob:
    """What may be changed, and the values that it may take.

    A strategy's parameter or its weight (`field` is WEIGHT), or a setting (`owner` is DESK_ITSELF).
    """

    owner: str
    field: str
    values: BaseDistribution

    @property
    def name(self) -> str:
        """As it is written: momentum.adx_above."""
        return f"{self.owner}.{self.field}"

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
        desk: dict[str, str] = {}
        for knob in self.knobs:
            value = params[knob.name]
            if knob.owner == DESK_ITSELF:
                desk[knob.field] = canonical(round(Decimal(str(value)), DECIMALS))
            elif knob.field == WEIGHT:
                weights[knob.owner] = float(value)
            else:
                known = _known(knob.owner, knob.field, plan)
                fields.setdefault(knob.owner, {})[knob.field] = known.checked(value)
        return plan.with_params(fields, weights, desk)


class _Known(NamedTuple):
    """A field of a strategy or of the desk, by the name that errors call it."""

    said: str
    info: FieldInfo

    def checked(self, value: Parameter) -> Parameter:
        """The value in the field's own type."""
        bounded: Any = Annotated[self.info.annotation, *self.info.metadata]
        try:
            checked: Any = TypeAdapter(bounded).validate_python(value)
        except ValidationError:
            raise ConfigError(f"{self.said} {value} is not allowed; {_allowed(self.info)}") from None
        if isinstance(checked, float) and not math.isfinite(checked):
            raise ConfigError(f"{self.said} {value} is not allowed; {_allowed(self.info)}")
        plain_number: Parameter = float(checked) if isinstance(checked, Decimal) else checked
        return plain_number


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
    owner, _, field = where.strip().rpartition(".")  # a file of one's own has a dot in its name
    if not (owner and field and wanted.strip()):
        raise ConfigError(f"--param {text}: {HOW}, such as momentum.adx_above=15:35:5")
    try:
        values = _values(_known(owner, field, plan), wanted.strip())
        if owner == DESK_ITSELF:
            _require_decimals(values)
    except ConfigError as error:
        raise ConfigError(f"--param {text}: {error}") from None
    return Knob(owner, field, values)


def _known(owner: str, field: str, plan: Plan) -> _Known:
    if owner == DESK_ITSELF:
        return _setting(field, plan)
    choices = {choice.name: choice for choice in plan.strategies}
    if owner not in choices:
        raise ConfigError(f"{owner} is not among the strategies ({', '.join(choices)})")
    fields = _parameters(type(choices[owner].built()))
    if field not in fields:
        raise ConfigError(f"{owner} has no parameter {field}; there are {', '.join(fields) or 'none'}")
    return _Known(f"strategy {owner}: {field}", fields[field])


def _parameters(kind: type) -> Mapping[str, FieldInfo]:
    """By name, of a strategy's class."""
    model = getattr(kind, "Params", None)
    if inspect.isclass(model) and issubclass(model, BaseModel):
        fields: Mapping[str, FieldInfo] = model.model_fields
        return fields
    given = inspect.signature(kind).parameters.values()
    names = [one.name for one in given if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return {name: FieldInfo.from_annotation(UNDECLARED) for name in names}


def _setting(name: str, plan: Plan) -> _Known:
    """ConfigError for what is no number, decides nothing in this plan, or is nothing to choose."""
    numeric = [one for one in DESK if Settings.model_fields[one].annotation in (int, float, Decimal)]
    if name == "initial_balance":
        raise ConfigError(f"{name} is what the account begins with, and nothing to choose; --balance sets it")
    if name not in numeric:
        there = ", ".join(one for one in numeric if one != "initial_balance")
        raise ConfigError(f"the desk has no numeric setting {name} that decides; there are {there}")
    if name.startswith("council_") and plan.council != "rules":
        raise ConfigError(f"{name} changes nothing with --council {plan.council}; use --council rules")
    if name.startswith("learning_") and plan.learning == "off":
        raise ConfigError(f"{name} changes nothing with --learning off; use --learning on")
    return _Known(f"{DESK_ITSELF}: {name}", Settings.model_fields[name])


def _require_decimals(values: Any) -> None:
    ends: Any = values.choices if isinstance(values, CategoricalDistribution) else (values.low, values.high)
    for end in ends:
        if round(end, DECIMALS) != end:
            raise ConfigError(f"{end} has more than {DECIMALS} decimals")


def _values(known: _Known, text: str) -> BaseDistribution:
    """Both ends, or every choice, as the field takes them."""
    whole, text = text.startswith("int:"), text.removeprefix("int:")
    if ":" not in text:
        if whole:
            raise ConfigError(f"int: goes with a range; {HOW}")
        return CategoricalDistribution([known.checked(part.strip()) for part in text.split(",")])
    numbers = [_number(part) for part in text.split(":")]
    if not 2 <= len(numbers) <= 3 or numbers[0] >= numbers[1] or not all(step > 0 for step in numbers[2:]):
        raise ConfigError("a range is LOW:HIGH or LOW:HIGH:STEP, LOW below HIGH, STEP above 0")
    for end in numbers[:2]:
        known.checked(end)
    if whole or known.info.annotation is int:
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


def _allowed(field: FieldInfo) -> str:
    known: Any = field.annotation
    kind = "number" if known is Decimal else getattr(known, "__name__", str(known))
    limits = [
        f"{sign} {getattr(one, type(one).__name__.lower()):g}"
        for one in field.metadata
        for bound, sign in BOUNDS.items()
        if isinstance(one, bound)
    ]
    return f"allowed: {kind}{' ' if limits else ''}{' and '.join(limits)}"
