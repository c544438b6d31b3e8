"""Kept outcomes: `<DATA_DIR>/backtests/<id>/` with outcome.json, trades.parquet and equity.parquet."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from backtester.runs.outcome import Candles, Outcome
from backtester.runs.plan import Plan
from backtester.runs.trade import Trade
from shared.embedded.folder import plain_words
from shared.errors import ConfigError
from shared.ids import canonical

arrow: Any = pyarrow  # has types, but exports none of them
parquet: Any = pyarrow.parquet
EXACT = ("quantity", "entry_price", "exit_price", "fees", "pnl")
COLUMNS = ("symbol", "side", "entry_time", "exit_time", *EXACT, "exit_reason", "shares")


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
        with plain_words("backtests", self.root):
            place = self.root / outcome.id
            if (place / "outcome.json").exists():
                _require_same(outcome, json.loads((place / "outcome.json").read_text()))
                return place
            unfinished = self.root / f".{outcome.id}.part"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            parquet.write_table(_curves(outcome), unfinished / "equity.parquet", compression="zstd")
            parquet.write_table(_trades(outcome), unfinished / "trades.parquet", compression="zstd")
            (unfinished / "outcome.json").write_text(json.dumps(summary(outcome), indent=1))
            unfinished.rename(place)
        return place

    def load(self, name: str) -> Outcome:
        """An outcome by its id or the beginning of one; `last` is the newest. ConfigError: none, or more than one."""
        with plain_words("backtests", self.root):
            place = self._found(name)
            known = json.loads((place / "outcome.json").read_text())
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
        )

    def listing(self) -> list[dict[str, Any]]:
        """The summaries of all that is kept, newest first."""
        with plain_words("backtests", self.root):
            return [json.loads((place / "outcome.json").read_text()) for place in self._places()]

    def _places(self) -> list[Path]:
        places = [path.parent for path in self.root.glob("[!.]*/outcome.json")]
        return sorted(places, key=lambda place: (place / "outcome.json").stat().st_mtime, reverse=True)

    def _found(self, name: str) -> Path:
        places = self._places()
        found = places[:1] if name == "last" else [place for place in places if place.name.startswith(name)]
        if len(found) == 1:
            return found[0]
        what = "is no kept backtest" if not found else f"fits {', '.join(sorted(place.name for place in found))}"
        raise ConfigError(f"{name}: {what}; `parley backtests list` shows what is there")


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


def _trade(row: Mapping[str, Any]) -> Trade:
    exact = {name: Decimal(row[name]) for name in EXACT}
    return Trade(**(dict(row) | exact | {"shares": json.loads(row["shares"])}))
