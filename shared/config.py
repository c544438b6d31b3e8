"""Every setting, read once from the environment and `.env`, with its meaning, unit and bounds.

Names known from the specifications stay (`DATABASE_URL`, `INITIAL_BALANCE`, `KRAKEN_API_KEY`, …).
Secrets are `SecretStr` and never printed.
"""

import os
import socket
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import ConfigError
from shared.schemas.base import Symbol, Timeframe

Fraction = Annotated[Decimal, Field(ge=0, le=1)]


def _process_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class Settings(BaseSettings):
    """The settings of the whole desk. Each service takes the slice it needs."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    # where things are
    database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL; empty: the embedded one in DATA_DIR")
    redis_url: SecretStr = Field(SecretStr(""), description="Redis; empty: the embedded one in DATA_DIR")
    data_dir: Path = Field(Path(".parley"), description="state and logs of the embedded servers and services")
    partitions: int = Field(8, ge=1, le=64, description="partitions of every stream; fixed for the life of a desk")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe line logged")
    tracing: bool = Field(False, description="trace every message through the services (OpenTelemetry)")
    instance: str = Field(default_factory=_process_name, description="name of this process in its group")
    health_port: int = Field(0, ge=0, le=65535, description="loopback port of /health and /metrics; 0: any free one")
    api_port: int = Field(8000, ge=0, le=65535, description="loopback port of the api_gateway")

    # what is traded
    symbols: Annotated[tuple[Symbol, ...], NoDecode] = Field(
        ("BTC/USD", "ETH/USD", "SOL/USD"), description="pairs, separated by commas, all of one quote"
    )
    timeframe: Timeframe = Field("15m", description="bars that strategies score and the council decides on")
    base_timeframe: Timeframe = Field("1m", description="bars that arrive from the venue; all others are built of them")
    desk: str = Field("desk", pattern=r"^[a-z0-9]{1,8}$", description="name of this desk, part of client order ids")
    trading_mode: Literal["paper", "demo", "live"] = Field(
        "paper", description="paper: our own broker on real prices; demo: the exchange simulator; live: refused so far"
    )
    initial_balance: Decimal = Field(Decimal(10_000), gt=0, description="starting cash, and what drawdown is held to")
    venue: Literal["kraken"] = Field("kraken", description="where prices come from and orders go")
    venue_url: str = Field("", description="base URL of the venue's API; empty: the real one")
    kraken_api_key: SecretStr = Field(SecretStr(""), description="Kraken API key")
    kraken_private_key: SecretStr = Field(SecretStr(""), description="Kraken private key (base64)")
    order_validate_only: bool = Field(True, description="real venues check orders but do not book them")
    playback_speed: float = Field(1.0, ge=0, description="venue seconds per wall second; 0: lock-step playback")

    # deciding
    council: Literal["rules", "none"] = Field("rules", description="rules: members vote; none: the signal decides")
    council_quorum: int = Field(3, ge=1, le=5, description="members that must vote for a verdict other than HOLD")
    council_buy_above: float = Field(0.56, gt=0.5, lt=1, description="mean probability from which the verdict is BUY")
    council_sell_below: float = Field(0.42, gt=0, lt=0.5, description="mean probability up to which it is SELL")
    council_drawdown_veto: float = Field(
        0.15, gt=0, le=1, description="drawdown, fraction of INITIAL_BALANCE, beyond which the council buys nothing"
    )
    entry_score: float = Field(0.35, gt=0, le=1, description="least signal score for an entry")
    decision_ttl: timedelta = Field(
        timedelta(minutes=2),
        description="age by the venue's clock at which a decision is stale; half of it is waited for verdicts",
    )
    learning: Literal["on", "off"] = Field("on", description="whether weights follow results")

    # risk limits
    risk_per_trade: Fraction = Field(Decimal("0.01"), description="fraction of equity lost when the first stop is hit")
    max_position: Fraction = Field(Decimal("0.25"), description="largest notional of one symbol, fraction of equity")
    max_exposure: Fraction = Field(Decimal("0.8"), description="largest notional of all trades, fraction of equity")
    max_positions: int = Field(5, ge=1, description="trades open at once")
    max_daily_loss: Fraction = Field(
        Decimal("0.05"), description="realised loss of a UTC day, fraction of equity, that ends entries"
    )
    max_drawdown: Fraction = Field(
        Decimal("0.2"), description="loss against INITIAL_BALANCE beyond which everything is closed"
    )
    stop_atr: Decimal = Field(Decimal(2), gt=0, description="first stop and trailing distance in ATR(14)")
    take_profit_r: Decimal = Field(Decimal(3), gt=0, description="target as a multiple of the stop distance")
    trailing_step_atr: Decimal = Field(
        Decimal("0.25"), ge=0, description="least raise of a trailing stop in ATR, to spare the venue"
    )
    max_hold_bars: int = Field(96, ge=1, description="bars of TIMEFRAME after which a trade is closed (time stop)")
    soft_stop_grace: timedelta = Field(timedelta(seconds=5), description="time the resting stop gets before ours acts")
    taker_fee: Fraction = Field(Decimal("0.0026"), description="fee reserved for, and charged by the paper broker")
    maker_fee: Fraction = Field(Decimal("0.0016"), description="fee of resting orders at the paper broker")

    # learning guardrails
    learning_min_trades: int = Field(10, ge=1, description="trades before a weight may move")
    learning_max_step: float = Field(0.05, gt=0, le=1, description="largest change of one weight at once")
    learning_floor: float = Field(0.05, ge=0, lt=1, description="least weight")
    learning_cap: float = Field(0.5, gt=0, le=1, description="greatest weight")
    learning_cooldown_trades: int = Field(5, ge=1, description="trades between two adjustments")

    # telling people
    alert_urls: SecretStr = Field(
        SecretStr(""),
        description="where alerts go: apprise URLs, separated by commas, each with its own least severity where it "
        "begins with info=, warning= or critical=; empty: alerts are kept and shown, and sent nowhere",
    )
    alert_least_severity: Literal["info", "warning", "critical"] = Field(
        "warning", description="least severity that is sent to a target of ALERT_URLS without one of its own"
    )
    alert_quiet_hours: str = Field(
        "",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="hours in which only critical alerts are sent, like 22:00-07:00; the others follow as one message",
    )
    alert_time_zone: str = Field("UTC", description="time zone of ALERT_QUIET_HOURS and of the messages, IANA name")
    alert_repeat_after: timedelta = Field(
        timedelta(minutes=15),
        ge=timedelta(0),
        le=timedelta(days=1),
        description="time in which alerts of one code and severity are counted instead of sent again",
    )

    # the bus
    lease_ttl: timedelta = Field(
        timedelta(seconds=3), description="time after which a dead process loses its partitions"
    )
    batch_size: int = Field(200, ge=1, le=5000, description="messages read and committed at once")
    max_attempts: int = Field(5, ge=1, description="failures of one message before it is a dead letter")
    stream_max_length: int = Field(100_000, ge=1000, description="entries kept in streams that nobody reads")

    @field_validator("symbols", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("symbols")
    @classmethod
    def _one_quote(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("give at least one pair, like BTC/USD")
        quotes = {symbol.split("/")[1] for symbol in value}
        if len(quotes) != 1:
            raise ValueError(f"mixed quotes {sorted(quotes)}: one account has one currency; trade pairs of one quote")
        if len(set(value)) != len(value):
            raise ValueError("a symbol stands twice")
        return value

    @field_validator("alert_quiet_hours")
    @classmethod
    def _not_around_the_clock(cls, value: str) -> str:
        start, _, end = value.partition("-")
        if value and start == end:
            raise ValueError("begin and end are the same; to hear critical alerts only, set ALERT_LEAST_SEVERITY")
        return value

    @field_validator("alert_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone; write an IANA name like Europe/Berlin") from None
        return value

    @property
    def currency(self) -> str:
        """The account's currency: the quote of every symbol."""
        return self.symbols[0].split("/")[1]

    @property
    def lockstep(self) -> bool:
        """Whether a conductor moves the venue's clock."""
        return self.playback_speed == 0


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `.env` and `overrides`; ConfigError names every wrong field and why."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError("settings are wrong:\n  " + "\n  ".join(map(_said, error.errors()))) from None


def _said(error: ErrorDetails) -> str:
    where, what = error["loc"], error["msg"]
    if where[0] == "symbols" and error["type"] == "string_pattern_mismatch":
        where, what = ("symbols",), "is no pair; write pairs like BTC/USD"
    return f"{'.'.join(map(str, where)).upper()}: {what} (got {error['input']!r})"
