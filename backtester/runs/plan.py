"""What is to be backtested: complete, so that the same plan on the same candles and code gives the same bits."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from backtester.data.steps import Steps
from shared.broker.fills import SPREAD_UNIT
from shared.config import Settings
from shared.errors import ConfigError
from shared.ids import canonical
from shared.portfolio.exact import FRACTION
from shared.schemas.base import Symbol, Timeframe, Value
from shared.strategies.base import Strategy
from shared.strategies.registry import build
from shared.timeframes import length

Fraction = Annotated[Decimal, Field(ge=0, lt=1)]
Parameter = float | int | str | bool

DESK = (
    *("initial_balance", "council_quorum", "council_buy_above", "council_sell_below"),
    *("council_drawdown_veto", "entry_score", "decision_ttl"),
    *("risk_per_trade", "max_position", "max_exposure", "max_positions", "max_daily_loss", "max_drawdown"),
    *("stop_atr", "take_profit_r", "trailing_step_atr", "max_hold_bars", "soft_stop_grace"),
    *("learning_min_trades", "learning_max_step", "learning_floor", "learning_cap", "learning_cooldown_trades"),
)
"""Settings that decide, the rest of them say where things are."""


class StrategyChoice(Value):
    """A strategy with the parameters that differ from its defaults; `weight` is its share in the ensemble."""

    name: str
    params: dict[str, Parameter] = Field(default_factory=dict)
    weight: float = Field(gt=0, le=1)

    @property
    def file(self) -> Path | None:
        """Where a strategy of a person's own, named path/to/file.py:ClassName, lies; None for a registered one."""
        path, found, _ = self.name.partition(".py")
        return Path(f"{path}.py") if found else None

    def built(self) -> Strategy:
        """ConfigError names the strategy and the field."""
        if self.file is None:
            return build(self.name, self.params)
        from backtester.check.loading import strategy_named  # which looks strategies up in plans

        settings = [f"{key}={json.dumps(value)}" for key, value in self.params.items()]
        made: Strategy = strategy_named(self.name, settings)()
        return made


FINEST = {"half_spread": Decimal(1) / SPREAD_UNIT} | dict.fromkeys(
    ("taker_fee", "maker_fee", "slippage", "impact"), Decimal(1) / FRACTION
)
"""What both engines count in: a finer cost would be cut off without a word."""


class Costs(Value):
    """What trading costs, as fractions of the price or notional.

    `impact` is the slippage of an order as large as the whole bar's volume, less in proportion; `min_cost` the least
    notional of an order in quote currency, None: the venue's own.
    """

    taker_fee: Fraction = Decimal("0.0026")
    maker_fee: Fraction = Decimal("0.0016")
    half_spread: Fraction = Decimal("0.0001")
    slippage: Fraction = Decimal(0)
    impact: Fraction = Decimal(0)
    min_cost: Annotated[Decimal, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _countable(self) -> Self:
        for name, least in FINEST.items():
            if getattr(self, name) % least:
                raise ValueError(f"{name} {canonical(getattr(self, name))} is finer than {canonical(least)}")
        return self


class Plan(Value):
    """`start` (included) and `end` (excluded) in microseconds since the epoch, None: all that is stored.

    `steps` are the ticks, lots and minimums by symbol, `learnt` those symbols whose tick was learnt from their candles
    because nobody knew it (backtester/runs/instruments.py).

    `council` is rules, none or replay:FILE. `desk` holds the deciding settings as text, every one of DESK.
    `short`: a negative score opens a short where nothing is held; only the vector engine's virtual portfolio can.
    """

    venue: str = "file"
    symbols: tuple[Symbol, ...] = Field(min_length=1)
    base_timeframe: Timeframe = "1m"
    timeframe: Timeframe
    start: int | None = None
    end: int | None = None
    engine: Literal["event", "vector"] = "event"
    strategies: tuple[StrategyChoice, ...] = Field(min_length=1)
    council: str = Field("rules", pattern=r"^(rules|none|replay:.+)$")
    learning: Literal["on", "off"] = "on"
    short: bool = False
    costs: Costs = Costs()
    desk: dict[str, str] = Field(default_factory=dict)
    seed: int = Field(1, ge=0)
    steps: dict[str, Steps] = Field(default_factory=dict)
    learnt: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if length(self.timeframe) % length(self.base_timeframe):
            raise ValueError(f"timeframe {self.timeframe} is no multiple of the stored {self.base_timeframe}")
        if len({choice.name for choice in self.strategies}) != len(self.strategies):
            raise ValueError("strategies: one stands twice")
        if len({symbol.split("/")[1] for symbol in self.symbols}) != 1:
            raise ValueError("symbols: mixed quotes; one account has one currency")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("the end is not after the start")
        return self

    @property
    def answers(self) -> Path | None:
        """The file of recorded council answers, where those are replayed."""
        kind, _, path = self.council.partition(":")
        return Path(path) if kind == "replay" else None

    @property
    def quote(self) -> str:
        """The account's currency."""
        return self.symbols[0].split("/")[1]

    @property
    def weights(self) -> dict[str, float]:
        """Every strategy's weight, sum 1."""
        total = sum(choice.weight for choice in self.strategies)
        return {choice.name: round(choice.weight / total, 9) for choice in self.strategies}

    @property
    def settings(self) -> Settings:
        """The desk's settings for this run; nothing of them comes from the environment that decides."""
        return Settings(
            symbols=",".join(self.symbols),
            timeframe=self.timeframe,
            base_timeframe=self.base_timeframe,
            council="none" if self.council == "none" else "rules",
            learning=self.learning,
            taker_fee=self.costs.taker_fee,
            maker_fee=self.costs.maker_fee,
            **self.desk,  # type: ignore[arg-type]  # pydantic reads the text
        )

    def with_params(
        self,
        params: Mapping[str, Mapping[str, Parameter]],
        weights: Mapping[str, float] = {},
        desk: Mapping[str, str] = {},
    ) -> "Plan":
        """The same plan with these strategies' parameters and weights, and settings. ConfigError: what does not fit."""
        choices = [
            choice.model_copy(
                update={
                    "params": {**choice.params, **params.get(choice.name, {})},
                    "weight": weights.get(choice.name, choice.weight),
                }
            )
            for choice in self.strategies
        ]
        changed = {"strategies": [choice.model_dump() for choice in choices], "desk": {**self.desk, **desk}}
        return planned(self.model_dump() | changed)


def desk_of(settings: Settings) -> dict[str, str]:
    """The deciding settings as a plan keeps them."""
    dumped = settings.model_dump(mode="json", include=set(DESK))
    return {name: str(dumped[name]) for name in DESK}


def chosen(names: Sequence[str]) -> tuple[StrategyChoice, ...]:
    """Strategies at equal weights. ConfigError where one does not exist."""
    choices = tuple(StrategyChoice(name=name, weight=round(1 / len(names), 9)) for name in names)
    for choice in choices:
        choice.built()
    return choices


def planned(values: Mapping[str, object]) -> Plan:
    """A plan from plain values. ConfigError names every field that is wrong."""
    try:
        plan = Plan.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError("; ".join(_said(fault["loc"], fault["msg"]) for fault in error.errors())) from None
    for choice in plan.strategies:
        choice.built()
    _require_expressible(plan)
    return plan


def _require_expressible(plan: Plan) -> None:
    """What an engine can't express it refuses by name."""
    alone = "use --engine event, or --council none --learning off"
    if plan.engine == "vector" and plan.council != "none":
        raise ConfigError(f"--council {plan.council}: the vector engine knows none; {alone}")
    if plan.engine == "vector" and plan.learning != "off":
        raise ConfigError(f"--learning on: the vector engine keeps the weights as they are; {alone}")
    if plan.engine == "event" and plan.short:
        raise ConfigError("--short: the desk is long only; virtual portfolios that short need --engine vector")


def _said(where: tuple[int | str, ...], what: str) -> str:
    field = ".".join(map(str, where))
    return f"{field}: {what}" if field else what.removeprefix("Value error, ")
