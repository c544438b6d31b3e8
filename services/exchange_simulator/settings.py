"""What the simulator is told: on the command line, or as ``PARLEY_SIM_*`` in the environment."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from services.exchange_simulator.auth import Credentials
from services.exchange_simulator.errors import BadConfiguration

DEFAULT_KEY = "simulator"
DEFAULT_SECRET = "c2ltdWxhdG9yLXNlY3JldC1mb3ItdGVzdHMtYW5kLWRlbW9zLW9ubHk="


@dataclass(frozen=True, slots=True)
class Settings:
    """``speed`` None is lock-step (``max``); ``fast_keys`` lifts the rate limits."""

    port: int
    state: Path
    data: tuple[str, ...]
    market: str
    symbols: tuple[str, ...]
    seed: int
    speed: float | None
    balance: Decimal
    credentials: Credentials
    half_spread_bps: Decimal
    taker_fee: Decimal
    maker_fee: Decimal
    history: int
    fast_keys: bool


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Raises BadConfiguration; unknown arguments and ``--help`` exit as argparse does."""
    given = _parser(environment).parse_args(arguments)
    seeded = given.market == "seeded"
    if not seeded and not given.data:
        raise BadConfiguration("no market; give --data SYMBOL=FILE.csv or --market seeded")
    if seeded and given.data:
        raise BadConfiguration("--data and --market seeded exclude each other; give one")
    return Settings(
        port=_whole("port", given.port, 0, 65535),
        state=Path(given.state),
        data=tuple(given.data),
        market=given.market,
        symbols=tuple(s.strip().upper() for s in given.symbols.split(",") if s.strip()),
        seed=_whole("seed", given.seed, 0, 2**63),
        speed=_speed(given.speed),
        balance=_decimal("balance", given.balance, Decimal(10) ** 12),
        credentials=Credentials.of(given.api_key, given.api_secret),
        half_spread_bps=_decimal("half-spread-bps", given.half_spread_bps, Decimal(1000)),
        taker_fee=_decimal("taker-fee", given.taker_fee, Decimal("0.1")),
        maker_fee=_decimal("maker-fee", given.maker_fee, Decimal("0.1")),
        history=_whole("history", given.history, 0, 2**31),
        fast_keys=given.fast_keys,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    def default(name: str, otherwise: str) -> str:
        return environment.get(f"PARLEY_SIM_{name}", otherwise)

    parser = argparse.ArgumentParser(prog="exchange_simulator", description="A venue that speaks Kraken's protocols.")
    add = parser.add_argument
    add("--port", default=default("PORT", "0"), help="0 takes a free one")
    add("--state", default=default("STATE", "build/venue.db"), help="file of the venue's books")
    data = [part for part in environment.get("PARLEY_SIM_DATA", "").split(";") if part]
    add("--data", action="append", default=data, help="SYMBOL=FILE.csv; repeat it for more symbols")
    add("--market", choices=("recorded", "seeded"), default=default("MARKET", "recorded"))
    add("--symbols", default=default("SYMBOLS", "BTC/USD,ETH/USD,SOL/USD"), help="of a seeded market")
    add("--seed", default=default("SEED", "7"))
    add("--speed", default=default("SPEED", "1"), help="N times the wall's clock, or max for lock-step")
    add("--balance", default=default("BALANCE", "10000"), help="in the quote, at the very first start")
    add("--api-key", default=default("API_KEY", DEFAULT_KEY))
    add("--api-secret", default=default("API_SECRET", DEFAULT_SECRET), help="base64")
    add("--half-spread-bps", default=default("HALF_SPREAD_BPS", "1"))
    add("--taker-fee", default=default("TAKER_FEE", "0.0026"))
    add("--maker-fee", default=default("MAKER_FEE", "0.0016"))
    add("--history", default=default("HISTORY", "0"), help="start this many bars into recorded data")
    fast = default("FAST_KEYS", "").lower() in ("1", "true", "yes")
    add("--fast-keys", action="store_true", default=fast, help="no rate limits")
    return parser


def _whole(name: str, text: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise BadConfiguration(f"--{name} {text!r} is no whole number") from None
    if not least <= value <= most:
        raise BadConfiguration(f"--{name} {value} is outside {least} to {most}")
    return value


def _decimal(name: str, text: str, most: Decimal) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadConfiguration(f"--{name} {text!r} is no number") from None
    if not value.is_finite() or not 0 <= value <= most:
        raise BadConfiguration(f"--{name} {text} is outside 0 to {most}")
    return value


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        raise BadConfiguration(f"--speed {text!r} is neither a number nor max") from None
    if not 0.01 <= speed <= 1_000_000:
        raise BadConfiguration(f"--speed {text} is outside 0.01 to 1000000")
    return speed
