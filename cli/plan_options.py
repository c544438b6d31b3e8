"""The options that say what is backtested, shared by `parley backtest`, `sweep` and `walkforward`.

A command that takes them has a parameter `asked: PlanOptions` and the decorator `takes_plan`, which also gives it other
dataclasses of options. What checks them imports strategies and candles only when it is called: that takes a second, and
every command line reads this file.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from cli.demo import parsed_timeframe
from cli.strategies import NEEDS_NEWS, require_parameter
from shared.config import Settings, load_settings
from shared.errors import ConfigError
from shared.schemas.base import Timeframe
from shared.timeframes import length, to_microseconds

if TYPE_CHECKING:
    from backtester.data.store import CandleStore, Held
    from backtester.runs.plan import Parameter, Plan

EngineName = Literal["event", "vector"]
Switch = Literal["on", "off"]
TIMES = [
    *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
    *("%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"),
]
"""%z takes Z, too, which ends every time that Parley prints for programs."""

Symbols = Annotated[
    str | None, typer.Option("--symbols", help="pairs, separated by commas; default: those of SYMBOLS that are stored")
]
DecisionBars = Annotated[
    str | None, typer.Option("--timeframe", help="bars that strategies score (1m, 5m, 1h, …); default TIMEFRAME")
]
BaseBars = Annotated[
    str | None, typer.Option("--base-timeframe", help="bars that are played; default: the finest stored")
]
Strategies = Annotated[
    str | None,
    typer.Option("--strategies", help="names, separated by commas; name:0.4 gives a weight; file.py:Class is yours"),
]
Sets = Annotated[list[str] | None, typer.Option("--set", help="STRATEGY.PARAM=VALUE, other than its default")]
Begin = Annotated[datetime | None, typer.Option("--from", formats=TIMES, help="bars that open from this time (UTC)")]
End = Annotated[datetime | None, typer.Option("--to", formats=TIMES, help="bars that open before this time (UTC)")]
VenueName = Annotated[str | None, typer.Option("--venue", help="whose candles; default: the only one stored")]
Engine = Annotated[EngineName, typer.Option("--engine", help="event: the desk itself; vector: one compiled loop")]
Council = Annotated[str, typer.Option("--council", help="rules, none or replay:FILE")]
Learning = Annotated[Switch, typer.Option("--learning", help="whether weights follow results")]
Short = Annotated[bool, typer.Option("--short", help="negative scores open shorts (vector engine only)")]
CostShares = Annotated[
    list[str] | None,
    typer.Option(
        "--costs",
        help="NAME=VALUE, by commas: taker, maker, half_spread, slippage, impact as fractions; min_cost in money",
    ),
]
Balance = Annotated[Decimal | None, typer.Option("--balance", help="starting cash; default INITIAL_BALANCE")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="seed of all that is random")]
DeskSettings = Annotated[
    list[str] | None, typer.Option("--desk", help="NAME=VALUE, a deciding setting such as entry_score=0.4")
]

COSTS: Mapping[str, str] = {
    **{"taker": "taker_fee", "maker": "maker_fee", "half_spread": "half_spread"},
    **{"slippage": "slippage", "impact": "impact", "min_cost": "min_cost"},
}


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """The options as typed. `plan_of` checks them."""

    symbols: Symbols = None
    timeframe: DecisionBars = None
    base_timeframe: BaseBars = None
    strategies: Strategies = None
    sets: Sets = None
    begin: Begin = None
    end: End = None
    venue: VenueName = None
    engine: Engine = "event"
    council: Council = "rules"
    learning: Learning = "on"
    short: Short = False
    costs: CostShares = None
    balance: Balance = None
    seed: Seed = 1
    desk: DeskSettings = None


class Usual(NamedTuple):
    """What a command takes where nothing is said."""

    engine: EngineName
    council: str
    learning: Switch


DESK_ITSELF = Usual("event", "rules", "on")
FAST = Usual("vector", "none", "off")


def takes_plan(usual: Usual, **others: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a typer command all of PlanOptions as options; the command gets them as its parameter `asked`.

    `others` are dataclasses of further options, by the name of the parameter that gets them.
    """
    groups: dict[str, type] = {"asked": PlanOptions, **others}

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        def wrapped(**given: Any) -> None:
            taken = {
                name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
                for name, kind in groups.items()
            }
            command(**taken, **given)

        own = [one for one in inspect.signature(command).parameters.values() if one.name not in groups]
        further = [one for kind in others.values() for one in _parameters(kind, {})]
        signature = inspect.Signature(
            [
                one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
                for one in (*_parameters(PlanOptions, usual._asdict()), *own, *further)
            ]
        )
        wrapped.__name__, wrapped.__doc__, wrapped.__module__ = command.__name__, command.__doc__, command.__module__
        wrapped.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
        wrapped.__signature__ = signature  # type: ignore[attr-defined]  # what inspect, and so typer, asks for
        return wrapped

    return decorated


def plan_of(asked: PlanOptions, settings: Settings, store: "CandleStore") -> "Plan":
    """The plan that these options mean. ConfigError names the option and the fix."""
    from backtester.runs.instruments import with_steps
    from backtester.runs.plan import planned

    desk = _desk(asked)
    timeframe, held = parsed_timeframe(asked.timeframe) or settings.timeframe, store.listing()
    if asked.symbols is None:
        symbols = _usual_symbols(asked, settings, held)
    else:
        symbols = _listed(asked.symbols, "--symbols", str.upper)
    venue, base = _stored(asked, held, symbols, timeframe)
    plan = planned(
        {
            "venue": venue,
            "symbols": symbols,
            "base_timeframe": base,
            "timeframe": timeframe,
            "start": _microseconds(asked.begin),
            "end": _microseconds(asked.end),
            "engine": asked.engine,
            "strategies": _strategies(asked.strategies, asked.sets or []),
            "council": _council(asked.council),
            "learning": asked.learning,
            "short": asked.short,
            "costs": _costs(asked.costs or []),
            "desk": desk,
            "seed": asked.seed,
        }
    )
    return with_steps(plan, store)


def _parameters(options: type, usual: Mapping[str, object]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=usual.get(field.name, field.default),
            annotation=field.type,
        )
        for field in fields(options)
    ]


def _stored(
    asked: PlanOptions, held: "Sequence[Held]", symbols: Sequence[str], timeframe: Timeframe
) -> tuple[str, Timeframe]:
    """The venue and the base timeframe."""
    venue = asked.venue or _only_venue(held)
    base, there = _parsed_base(asked.base_timeframe), [one for one in held if one.venue == venue]
    if base is None:
        return venue, _finest(there, venue, symbols, timeframe)
    _require_stored(base, there, venue, symbols)
    return venue, base


def _require_stored(base: Timeframe, held: "Sequence[Held]", venue: str, symbols: Sequence[str]) -> None:
    for symbol, frames in zip(symbols, _frames(held, venue, symbols), strict=True):
        if base not in frames:
            there = ", ".join(sorted(frames, key=length))
            raise ConfigError(f"--base-timeframe {base}: {venue} has no such candles of {symbol}; stored: {there}")


def _usual_symbols(asked: PlanOptions, settings: Settings, held: "Sequence[Held]") -> tuple[str, ...]:
    """Those of SYMBOLS that are stored; where none is, all that are."""
    venue = asked.venue or _only_venue(held)
    stored = sorted({one.symbol for one in held if one.venue == venue})
    return tuple(symbol for symbol in settings.symbols if symbol in stored) or tuple(stored) or settings.symbols


def _only_venue(held: "Sequence[Held]") -> str:
    venues = sorted({one.venue for one in held})
    if len(venues) == 1:
        return venues[0]
    if not venues:
        raise ConfigError("no candles are stored; `parley data download` or `parley data import` brings some")
    raise ConfigError(f"--venue: there are candles of {', '.join(venues)}; say whose")


def _finest(held: "Sequence[Held]", venue: str, symbols: Sequence[str], timeframe: Timeframe) -> Timeframe:
    """The shortest timeframe that is stored for every symbol and fits into the bars that are scored."""
    stored = _frames(held, venue, symbols)
    fitting = [frame for frame in set.intersection(*stored) if length(timeframe) % length(frame) == 0]
    if not fitting:
        there = ", ".join(
            f"{symbol} {'/'.join(sorted(f, key=length))}" for symbol, f in zip(symbols, stored, strict=True)
        )
        raise ConfigError(f"--timeframe {timeframe}: no stored timeframe of all symbols fits into it; stored: {there}")
    return min(fitting, key=length)


def _frames(held: "Sequence[Held]", venue: str, symbols: Sequence[str]) -> list[set[Timeframe]]:
    """What is stored of each symbol. ConfigError where nothing is."""
    stored = [{one.timeframe for one in held if one.symbol == symbol} for symbol in symbols]
    for symbol, frames in zip(symbols, stored, strict=True):
        if not frames:
            there = ", ".join(sorted({one.symbol for one in held})) or "nothing"
            raise ConfigError(f"--symbols {symbol}: {venue} has no candles of it; stored: {there}")
    return stored


def _parsed_base(text: str | None) -> Timeframe | None:
    try:
        return parsed_timeframe(text)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--timeframe", "--base-timeframe", 1)) from None


def _strategies(text: str | None, sets: Sequence[str]) -> list[dict[str, object]]:
    from shared.strategies.registry import REGISTRY

    shares = _shares(text) if text is not None else _equal([name for name in REGISTRY if name not in NEEDS_NEWS])
    params = _params(sets, shares)
    return [{"name": name, "weight": weight, "params": params[name]} for name, weight in shares.items()]


def _shares(text: str) -> dict[str, float]:
    """Weights by strategy, the greatest at most 1; a plan only looks at how they compare."""
    parts = [_named(part) for part in _listed(text, "--strategies", str)]
    names = [name for name, _ in parts]
    if len(set(names)) != len(names):
        raise ConfigError(f"--strategies {text}: one stands twice")
    equal = _equal(names)
    given = [weight for _, weight in parts if weight]
    if not given:
        return equal
    if len(given) != len(names):
        raise ConfigError(f"--strategies {text}: give every strategy a weight, or none")
    weights = {name: _weight(name, weight) for name, weight in parts}
    most = max(1.0, *weights.values())
    return {name: weight / most for name, weight in weights.items()}


def _named(part: str) -> tuple[str, str]:
    """A strategy's name, or the file and class of one's own, and its weight where one is given."""
    found = re.fullmatch(r"(.+?\.py(?::[A-Za-z_]\w*)?|[^:]*)(?::(.*))?", part)
    name, weight = found.groups() if found else (part, None)
    if weight == "":
        raise ConfigError(f"--strategies {part}: no weight follows the colon")
    return name, weight or ""


def _equal(names: Sequence[str]) -> dict[str, float]:
    from backtester.runs.plan import chosen

    return {choice.name: choice.weight for choice in chosen(names)}


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise ConfigError(f"--strategies {name}:{text}: a weight is a number above 0")
    return weight


def _params(sets: Sequence[str], names: Mapping[str, float]) -> "dict[str, dict[str, Parameter]]":
    given: dict[str, dict[str, Parameter]] = {name: {} for name in names}
    for text in sets:
        where, equals, value = text.partition("=")
        name, dot, field = where.strip().rpartition(".")  # a file of one's own has a dot in its name
        if not (equals and dot and field and value):
            raise ConfigError(f"--set {text}: write STRATEGY.PARAM=VALUE, such as momentum.adx_above=30")
        if name not in given:
            raise ConfigError(f"--set {text}: {name} is not among the strategies ({', '.join(names)})")
        _named_option(f"--set {text}", require_parameter, name, field)
        given[name][field] = value.strip()
    return {name: _typed(name, params) for name, params in given.items()}


def _typed(name: str, params: "Mapping[str, Parameter]") -> "dict[str, Parameter]":
    """A strategy's parameters in their own types. ConfigError names the strategy and the field."""
    from shared.strategies.registry import REGISTRY, build

    if ".py" in name:
        return {field: _plain(str(value)) for field, value in params.items()}
    build(name, params)
    typed: dict[str, Parameter] = REGISTRY[name].Params.model_validate(dict(params)).model_dump(include=set(params))
    return typed


def _plain(text: str) -> "Parameter":
    """A value as JSON would have it, text otherwise: only the file knows its parameters' types."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def _costs(texts: Sequence[str]) -> dict[str, Decimal]:
    given: dict[str, Decimal] = {}
    for part in (part for text in texts for part in _listed(text, "--costs", str)):
        name, _, value = part.partition("=")
        field = COSTS.get(name.strip())
        if field is None:
            raise ConfigError(f"--costs {part}: write NAME=VALUE, NAME out of {', '.join(COSTS)}")
        given[field] = _cost(field, _decimal(value, f"--costs {part}"), f"--costs {part}")
    return given


def _cost(field: str, value: Decimal, option: str) -> Decimal:
    if field == "min_cost":
        if value < 0:
            raise ConfigError(f"{option}: an amount in the quote currency, 0 or more")
    elif not 0 <= value < 1:
        raise ConfigError(f"{option}: a fraction of the price, from 0 to below 1; 0.26 % is 0.0026")
    return value


def _council(text: str) -> str:
    if text in ("rules", "none") or (text.startswith("replay:") and text != "replay:"):
        return text
    raise ConfigError(f"--council {text}: choose rules, none, or replay:FILE for answers that were recorded")


def _named_option(option: str, check: Callable[..., object], *values: object) -> None:
    """`check(*values)`; its ConfigError begins with the option as typed."""
    try:
        check(*values)
    except ConfigError as error:
        raise ConfigError(f"{option}: {error}") from None


def _decimal(text: str, option: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ConfigError(f"{option}: {text or 'nothing'} is no number") from None
    if not value.is_finite():
        raise ConfigError(f"{option}: {text} is no number")
    return value


def _desk(asked: PlanOptions) -> dict[str, str]:
    """The deciding settings: those of the environment, then `--desk`, then `--balance`."""
    from backtester.runs.plan import DESK, desk_of

    given: dict[str, object] = {}
    for text in asked.desk or []:
        name, equals, value = text.partition("=")
        if name.strip().lower() not in DESK or not equals:
            raise ConfigError(f"--desk {text}: write NAME=VALUE, NAME out of {', '.join(DESK)}")
        _named_option(f"--desk {text}", _require_setting, name.strip().lower(), value.strip())
        given[name.strip().lower()] = value.strip()
    if asked.balance is not None:
        _named_option(f"--balance {asked.balance}", _require_setting, "initial_balance", asked.balance)
        given["initial_balance"] = asked.balance
    return desk_of(load_settings(**given))


def _require_setting(name: str, value: object) -> None:
    try:
        load_settings(**{name: value})
    except ConfigError as error:
        _, _, fault = str(error).partition(f"{name.upper()}: ")
        raise ConfigError(fault.partition(" (got ")[0] if fault else str(error)) from None


def _listed(text: str, option: str, form: Callable[[str], str]) -> tuple[str, ...]:
    parts = tuple(form(part.strip()) for part in text.split(",") if part.strip())
    if not parts:
        raise ConfigError(f"{option}: is empty")
    return parts


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
