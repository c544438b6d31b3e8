"""`parley strategies`: which there are, what each needs, and what of it can be set."""

import inspect
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel
from rich.text import Text

from cli.output import AsJson, console, note, say, table
from shared.errors import ConfigError
from shared.schemas.base import Value

if TYPE_CHECKING:
    from backtester.runs.plan import Plan
    from shared.strategies.base import Strategy
    from shared.strategies.market import Market

NEEDS_NEWS = ("news_driven",)
"""Strategies that have nothing to say on candles alone."""
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
"""As JSON schema names them."""
NOT_KNOWN = "not known"


class Parameter(Value):
    """What can be set of a strategy; `bounds` and `type` in words, empty where the class does not say."""

    name: str
    type: str
    default: float | int | str | bool | None
    bounds: str


class Described(Value):
    """A strategy; `warmup` is the bars it needs for its first score with parameters as they are by default."""

    name: str
    description: str
    warmup: int
    needs_news: bool
    parameters: tuple[Parameter, ...]


def strategies(
    name: Annotated[str | None, typer.Argument(help="one of them, or path/to/file.py:ClassName of your own")] = None,
    as_json: AsJson = False,
) -> None:
    """List the strategies, or say everything about one; docs/strategies.md tells how to write one."""
    from shared.strategies.registry import REGISTRY

    found = [described(known) for known in ([name] if name is not None else REGISTRY)]
    if as_json:
        told = [one.model_dump(mode="json") for one in found]
        sys.stdout.write(json.dumps(told[0] if name is not None else told, indent=2) + "\n")
    elif name is None:
        rows = [(one.name, one.warmup, len(one.parameters), _told(one)) for one in found]
        console.print(table("Strategies", ("name", "warm-up", "parameters", "what it does"), rows))
        say("Warm-up: bars before the first score. `parley strategies NAME` shows the parameters.")
    else:
        _show(found[0])


def described(name: str) -> Described:
    """The strategy of this name, or in this file. ConfigError as `strategy_named`."""
    made = _made(name)
    return Described(
        name=name,
        description=str(getattr(made, "description", "")),
        warmup=made.warmup,
        needs_news=name in NEEDS_NEWS,
        parameters=parameters_of(type(made)),
    )


def parameters_of(kind: type) -> tuple[Parameter, ...]:
    """Of a strategy's class: the fields of its Params, else what it can be called with."""
    model = getattr(kind, "Params", None)
    if inspect.isclass(model) and issubclass(model, BaseModel):
        fields = model.model_json_schema().get("properties", {})
        return tuple(_declared(name, field) for name, field in fields.items())
    given = inspect.signature(kind).parameters.values()
    return tuple(_undeclared(one) for one in given if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD))


def require_parameter(strategy: str, field: str) -> None:
    """ConfigError names those that the strategy has."""
    names = [one.name for one in parameters_of(type(_made(strategy)))]
    if field not in names:
        raise ConfigError(f"{strategy} has no parameter {field}; there are {', '.join(names) or 'none'}")


def require_voices(plan: "Plan", markets: "Mapping[str, Market]") -> None:
    """ConfigError, before anything is played, where no strategy can ever score; a note where only some can't.

    `markets` are base bars by symbol, with those that warm strategies up.
    """
    from backtester.vector.arrays import resampled

    bars = max(len(resampled(market, plan.timeframe, plan.base_timeframe)) for market in markets.values())
    silent = [choice.name for choice in plan.strategies if choice.name in NEEDS_NEWS]
    warmups = {choice.name: choice.built().warmup for choice in plan.strategies if choice.name not in NEEDS_NEWS}
    short = {name: warmup for name, warmup in warmups.items() if warmup > bars}
    said = list(filter(None, (_short(short, plan, bars), f"no news for {', '.join(silent)}" if silent else "")))
    if len(silent) + len(short) == len(plan.strategies):
        mended = f"choose a --timeframe below {plan.timeframe}, or store more (`parley data download --since …`)"
        others = "name others with --strategies; `parley strategies` lists them"
        raise ConfigError(f"nothing can be traded: {'; '.join(said)}; {mended if short else others}")
    for words in said:
        note(False, f"{words}: never heard in this run")


def _short(warmups: Mapping[str, int], plan: "Plan", bars: int) -> str:
    needed = ", ".join(f"{name} {warmup:,}" for name, warmup in warmups.items())
    return f"{bars:,} bars of {plan.timeframe} are fewer than the warm-up of {needed}" if needed else ""


def _made(name: str) -> "Strategy":
    from backtester.check.loading import strategy_named

    made: Strategy = strategy_named(name)()
    return made


def _declared(name: str, field: Mapping[str, Any]) -> Parameter:
    bounds = " and ".join(f"{sign} {field[bound]:g}" for bound, sign in BOUNDS.items() if bound in field)
    default = field.get("default")
    plain = default if isinstance(default, (int, float, str, bool)) else None
    return Parameter(name=name, type=field.get("type", ""), default=plain, bounds=bounds)


def _undeclared(one: inspect.Parameter) -> Parameter:
    plain = one.default if isinstance(one.default, (int, float, str, bool)) else None
    return Parameter(name=one.name, type="" if plain is None else type(plain).__name__, default=plain, bounds="")


def _told(one: Described) -> str:
    return f"{one.description} (needs news)" if one.needs_news else one.description


def _show(one: Described) -> None:
    say(Text(one.name, style="bold"))
    say(_told(one))
    say(f"Warm-up: {one.warmup:,} bars before the first score, with parameters as they are by default.")
    if not one.parameters:
        say("It has no parameters.")
        return
    rows = [(p.name, p.type or NOT_KNOWN, Text(str(p.default)), p.bounds or NOT_KNOWN) for p in one.parameters]
    console.print(table("Parameters", ("name", "type", "default", "allowed"), rows))
    first = one.parameters[0]
    say(f"Set one with --set {one.name}.{first.name}={first.default}, search it with --param {one.name}.{first.name}=…")
