"""Kept outcomes: `<DATA_DIR>/backtests/<id>/` with outcome.json, trades.parquet and equity.parquet."""

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from backtester.runs.outcome import Candles, Outcome
from backtester.runs.plan import Plan
from backtester.runs.trade import OpenTrade, Trade
from shared.embedded.folder import plain_words
from shared.errors import ConfigError
from shared.ids import canonical

arrow: Any = pyarrow  # has types, but exports none of them
parquet: Any = pyarrow.parquet
EXACT = ("quantity", "entry_price", "exit_price", "fees", "pnl")
COLUMNS = ("symbol", "side", "entry_time", "exit_time", *EXACT, "exit_reason", "shares")
OUTCOME = "outcome.json"
Kept = dict[str, Any]
"""A summary, with when it was made."""
OPEN_EXACT = ("quantity", "entry_price", "fees", "price", "pnl")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Outcomes under `data_dir`. Every error is a ConfigError that says what to do."""

    data_dir: Path

    @property
    def root(self) -> Path:
        """The folder of all outcomes."""
        return self.data_dir / "backtests"

    def keep(self, outcome: Outcome) -> Path:
        """Its folder. ConfigError where the same plan, candles and code gave another result before."""
        place = self.root / outcome.id
        with plain_words("backtests", self.root), self._alone():
            if (place / OUTCOME).exists():
                _require_same(outcome, _read(place))
                return place
            unfinished = self.root / f".{outcome.id}.part"
            for left in (unfinished, place):  # of a process that was ended half-way
                shutil.rmtree(left, ignore_errors=True)
            unfinished.mkdir()
            parquet.write_table(_curves(outcome), unfinished / "equity.parquet", compression="zstd")
            parquet.write_table(_trades(outcome), unfinished / "trades.parquet", compression="zstd")
            (unfinished / OUTCOME).write_text(json.dumps(summary(outcome), indent=1))
            unfinished.rename(place)
        return place

    def id_of(self, name: str) -> str:
        """The whole id of one, by the beginning of it; `last` is the newest. ConfigError: none, or which several."""
        known = [place.name for place in self._places()]
        found = known[:1] if name == "last" else [one for one in known if name and one.startswith(name)]
        if len(found) == 1:
            return found[0]
        what = "is no kept backtest" if not found else f"fits {', '.join(sorted(found))}"
        raise ConfigError(f"{name or 'nothing'}: {what}; `parley backtests list` shows what is there")

    def find(self, name: str) -> Kept:
        """The summary of the one that `id_of` names. ConfigError where it can't be read, too."""
        with plain_words("backtests", self.root):
            return _read(self.root / self.id_of(name))

    def load(self, name: str) -> Outcome:
        """The same with curves and trades."""
        known = self.find(name)
        place = self.root / known["id"]
        with plain_words("backtests", self.root), _whole(place):
            curves = parquet.read_table(place / "equity.parquet")
            rows = parquet.read_table(place / "trades.parquet").to_pylist()
            return Outcome(
                plan=Plan.model_validate(known["plan"]),
                code=known["code"],
                candles={symbol: Candles(**candles) for symbol, candles in known["candles"].items()},
                time=curves["time"].to_numpy(),
                equity=curves["equity"].to_numpy(),
                hold=curves["hold"].to_numpy(),
                trades=tuple(_trade(row) for row in rows),
                cash=Decimal(known["cash"]),
                held={symbol: Decimal(quantity) for symbol, quantity in known["held"].items()},
                refusals=known["refusals"],
                seconds=known["seconds"],
                open_trades=tuple(map(_open_trade, known.get("open_trades", ()))),
            )

    def listing(self) -> list[Kept]:
        """The summaries of all that is kept, newest first."""
        with plain_words("backtests", self.root):
            return [_read(place) for place in self._places()]

    def remove(self, name: str) -> str:
        """Delete the one that `id_of` names, damaged or not; its id. What is half deleted is never seen."""
        with plain_words("backtests", self.root), self._alone():
            place = self.root / self.id_of(name)
            gone = self.root / f".{place.name}.part"
            shutil.rmtree(gone, ignore_errors=True)
            place.rename(gone)
            shutil.rmtree(gone)
        return place.name

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes what is kept; the others wait."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _places(self) -> list[Path]:
        files = self.root.glob(f"[!.]*/{OUTCOME}")
        return [path.parent for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)]


@contextmanager
def _whole(place: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, ArithmeticError, FileNotFoundError) as error:
        raise ConfigError(
            f"backtest {place.name}: is damaged or of another version ({type(error).__name__}); run it again after "
            f"`parley backtests remove {place.name}`"
        ) from error


def _read(place: Path) -> Kept:
    with _whole(place):
        known: Kept = json.loads((place / OUTCOME).read_text())
        return known | {"id": place.name}  # a folder is what can be found and removed, whatever is written in it


def summary(outcome: Outcome) -> dict[str, Any]:
    """All but curves and trades, as JSON: what `--json` gives and `outcome.json` keeps."""
    return {
        "id": outcome.id,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "result": outcome.result,
        "plan": outcome.plan.model_dump(mode="json"),
        "code": outcome.code,
        "candles": {symbol: asdict(candles) for symbol, candles in outcome.candles.items()},
        "trades": len(outcome.trades),
        "open_trades": [plain_open(trade) for trade in outcome.open_trades],
        "cash": canonical(outcome.cash),
        "held": {symbol: canonical(quantity) for symbol, quantity in outcome.held.items()},
        "refusals": dict(outcome.refusals),
        "final_equity": float(outcome.equity[-1]),
        "performance": asdict(outcome.performance),
        "buy_and_hold": asdict(outcome.benchmark),
        "evidence": asdict(outcome.evidence),
        "verdict": outcome.verdict.words,
        "could_be_luck": outcome.verdict.could_be_luck,
        "seconds": outcome.seconds,
    }


def plain(trade: Trade) -> dict[str, Any]:
    """A trade as JSON and tables have it: exact numbers as text, times in microseconds."""
    row = {name: getattr(trade, name) for name in COLUMNS}
    return row | {name: canonical(row[name]) for name in EXACT} | {"shares": dict(trade.shares)}


def plain_open(trade: OpenTrade) -> dict[str, Any]:
    """The same of a trade that is still open."""
    return asdict(trade) | {name: canonical(getattr(trade, name)) for name in OPEN_EXACT}


def _require_same(outcome: Outcome, known: Mapping[str, Any]) -> None:
    if known["result"] != outcome.result:
        raise ConfigError(
            f"backtest {outcome.id} gave another result before: {known['trades']} trades and cash {known['cash']}, "
            f"now {len(outcome.trades)} and {canonical(outcome.cash)}. The same plan, candles and code must give the "
            "same bits: this is a fault of Parley, please report it"
        )


def _curves(outcome: Outcome) -> Any:
    return arrow.table({"time": outcome.time, "equity": outcome.equity, "hold": outcome.hold})


def _trades(outcome: Outcome) -> Any:
    rows = [plain(trade) for trade in outcome.trades]
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    columns["shares"] = [json.dumps(shares) for shares in columns["shares"]]
    texts = {name: arrow.array(columns[name], arrow.string()) for name in ("symbol", *EXACT, "exit_reason", "shares")}
    numbers = {name: arrow.array(columns[name], arrow.int64()) for name in ("side", "entry_time", "exit_time")}
    return arrow.table(texts | numbers)


def _open_trade(row: Mapping[str, Any]) -> OpenTrade:
    return OpenTrade(**(dict(row) | {name: Decimal(row[name]) for name in OPEN_EXACT}))


def _trade(row: Mapping[str, Any]) -> Trade:
    exact = {name: Decimal(row[name]) for name in EXACT}
    return Trade(**(dict(row) | exact | {"shares": json.loads(row["shares"])}))
