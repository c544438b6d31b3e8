"""What a demo run plays: the market, its speed, and the environment of every process."""

import base64
import os
import secrets
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cli.desk import Desk, write_private
from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.market_seeded import seeded_fingerprint, seeded_pairs
from services.exchange_simulator.recorded import Candles, read_candles, recorded_market, split_argument
from services.exchange_simulator.store import Store
from shared.errors import ConfigError
from shared.schemas.base import Symbol, Timeframe
from shared.timeframes import TIMEFRAMES, length

SEEDED_SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")
SYMBOL: TypeAdapter[str] = TypeAdapter(Symbol)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `speed` is venue seconds per wall second, None for lock-step; `bars` and `seconds` bound it.

    `rows` are the candles that will be played: those from `begins` on, after `history` instants of the data.
    """

    desk: Desk
    timeframe: Timeframe
    speed: float | None
    data: tuple[str, ...] = ()
    symbols: tuple[str, ...] = SEEDED_SYMBOLS
    base: Timeframe = "1m"
    rows: int = 0
    history: int = 0
    begins: datetime | None = None
    seed: int = 1
    bars: int | None = None
    seconds: float | None = None
    balance: Decimal = Decimal(10_000)
    scale: dict[str, int] = field(default_factory=dict)
    crashes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    api_port: int = 0

    @property
    def lockstep(self) -> bool:
        return self.speed is None

    @property
    def venue_file(self) -> Path:
        """The books of the exchange simulator."""
        return self.desk.root / "venue.db"

    def environment(self, urls: dict[str, str], venue_port: int) -> dict[str, str]:
        """The environment of every service of this run."""
        key, secret = _keys(self.desk)
        return {
            **os.environ,
            **urls,
            "DATA_DIR": str(self.desk.root),
            "SYMBOLS": ",".join(self.symbols),
            "TIMEFRAME": self.timeframe,
            "BASE_TIMEFRAME": self.base,
            "INITIAL_BALANCE": str(self.balance),
            "TRADING_MODE": "demo",
            "ORDER_VALIDATE_ONLY": "false",
            "VENUE_URL": f"http://127.0.0.1:{venue_port}",
            "PLAYBACK_SPEED": "0" if self.speed is None else str(self.speed),
            "KRAKEN_API_KEY": key,
            "KRAKEN_PRIVATE_KEY": secret,
            "API_PORT": str(self.api_port),
            "PYTHONUNBUFFERED": "1",
        }

    def venue_command(self, port: int) -> tuple[str, ...]:
        """The command line of the exchange simulator."""
        market = ["--market", "seeded", "--symbols", ",".join(self.symbols)]
        if self.data:
            market = [
                "--history",
                str(self.history),
                *(part for argument in self.data for part in ("--data", argument)),
            ]
        speed = "max" if self.speed is None else str(self.speed)
        return (
            *(sys.executable, "-m", "services.exchange_simulator"),
            *("--port", str(port), "--state", str(self.venue_file)),
            *("--speed", speed, "--balance", str(self.balance), "--seed", str(self.seed)),
            *market,
        )

    def venue_environment(self) -> dict[str, str]:
        """The simulator's secrets, which do not belong on a command line."""
        key, secret = _keys(self.desk)
        return {**os.environ, "PARLEY_SIM_API_KEY": key, "PARLEY_SIM_API_SECRET": secret}


def recorded(
    arguments: Sequence[str], timeframe: Timeframe | None, history: int = 0
) -> tuple[dict[str, Candles], Timeframe, Timeframe]:
    """The files of `--data` by symbol, their base timeframe, and the timeframe to decide on (ConfigError if wrong)."""
    files: dict[str, Candles] = {}
    try:
        recorded_market(arguments, history)  # all files together: one spacing, one quote, one grid
        for argument in arguments:
            symbol, path = split_argument(argument)
            files[symbol] = read_candles(symbol, path)
    except BadConfiguration as error:
        raise ConfigError(f"--data: {error}") from None
    base = next(name for name in TIMEFRAMES if length(name) == max(c.spacing for c in files.values()))
    chosen = timeframe or ("5m" if length(base) <= length("5m") else base)
    if length(chosen) < length(base):
        raise ConfigError(f"--timeframe {chosen} is not a multiple of the data's {base}; choose {base} or longer.")
    return files, base, chosen


def absolute(argument: str) -> str:
    """A `--data` argument whose file is found from every folder: seen from here, `~` resolved."""
    symbol, path = split_argument(argument)
    try:
        return f"{symbol}={path.expanduser().resolve()}"
    except RuntimeError as error:  # a home that nobody has
        raise ConfigError(f"--data {argument}: {error}") from None


def seeded_symbols(text: str) -> tuple[str, ...]:
    """The pairs of a seeded market as typed; ConfigError says what is wrong with them."""
    symbols = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if strange := [symbol for symbol in symbols if not _is_pair(symbol)]:
        raise ConfigError(f"--symbols: {', '.join(strange)} is no pair; write pairs like BTC/USD,ETH/USD.")
    try:
        seeded_pairs(symbols)
    except BadConfiguration as error:
        raise ConfigError(str(error)) from None
    return symbols


def _is_pair(symbol: str) -> bool:
    try:
        SYMBOL.validate_python(symbol)
    except ValidationError:
        return False
    return True


def require_same_market(plan: Plan) -> None:
    """ConfigError where the desk's venue already plays another seeded market. The caller holds the desk's lock."""
    if plan.data or not plan.venue_file.exists():
        return
    known = _market_of(plan.venue_file)
    if known in (None, seeded_fingerprint(plan.symbols, plan.seed)):
        return
    _, seed, *symbols = known.split()
    name = plan.desk.name
    raise ConfigError(
        f"the desk '{name}' has begun with --symbols {','.join(symbols)} --seed {seed} and goes on with these alone. "
        f"Forget that run with --fresh (or `parley reset --desk {name}`), or start another one with --desk NAME."
    )


def _market_of(file: Path) -> Any:
    try:
        with closing(Store(file)) as store:
            return store.fact("market")
    except BadConfiguration as error:
        raise ConfigError(str(error)) from None


def _keys(desk: Desk) -> tuple[str, str]:
    """The API key and secret between the desk and its simulator, made once and kept."""
    path = desk.root / "venue.key"
    if not path.exists():
        secret = base64.b64encode(secrets.token_bytes(64)).decode()
        write_private(path, f"{secrets.token_hex(16)} {secret}")
    key, secret = path.read_text().split()
    return key, secret


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_port(port: int, what: str, setting: str) -> int:
    """`port`, or ConfigError where another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigError(
                f"port {port} for {what} is taken by another program. Stop it, or choose another: {setting}=8001"
            ) from None
    return port
