"""`make prove-parity`: both engines and the real stack trade alike, to tick, lot and the last unit of cash.

The real stack is `parley demo` in lock-step: real services, Redis, PostgreSQL, ccxt and the simulator. The engines get
the same files, and the venue's own steps and minimums. Two desks: `alone` has neither council nor learning, `whole`
has both, and only the event engine plays it. Two markets: one symbol, and five that share a cash limit that binds.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import numpy as np

from backtester.event.engine import played_by_event
from backtester.runs.plan import Plan, chosen, desk_of, planned
from backtester.runs.run import Engine, Played
from backtester.runs.trade import Trade
from backtester.vector.engine import played_by_vector
from benchmarks.prove import ALTS, DATA, HISTORY, MONTH, Claims, Report, head, play, sound
from services.exchange_simulator.pairs import LOT_DECIMALS
from services.exchange_simulator.recorded import RecordedMarket, recorded_market
from shared.broker.base import Instrument
from shared.config import load_settings
from shared.ids import canonical
from shared.seed import STRATEGIES
from shared.strategies.market import Market
from shared.timeframes import TIMEFRAMES, length, to_microseconds

DESKS = {"alone": {"COUNCIL": "none", "LEARNING": "off"}, "whole": {"COUNCIL": "rules", "LEARNING": "on"}}
ENGINES: Mapping[str, Engine] = {"vector": played_by_vector, "event": played_by_event}
BOLD = {"MAX_POSITION": "1", "MAX_EXPOSURE": "1", "RISK_PER_TRADE": "0.05"}
EAGER = {"ENTRY_SCORE": "0.2", "COUNCIL_BUY_ABOVE": "0.51", "COUNCIL_SELL_BELOW": "0.48", "MAX_HOLD_BARS": "12"}
"""Few reasons to stay out, so that the short recordings hold enough trades."""
ENOUGH = 50
"""Closed trades that a proof needs."""
Plain = tuple[object, ...]


@dataclass(frozen=True)
class Case:
    """Files as `--data` takes them, history before the first bar that is played, settings and what must be refused."""

    name: str
    data: tuple[str, ...]
    history: int
    settings: Mapping[str, str]
    refused: str = ""

    @property
    def arguments(self) -> list[str]:
        """Of `parley demo`."""
        files = [f"--data={argument}" for argument in self.data]
        return [*files, "--speed=max", "--timeframe=5m", f"--history={self.history}"]


def main() -> None:
    """Play each case on each desk, with the real stack and with every engine that can; compare trade by trade."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--desk", choices=DESKS, action="append", help="default: both")
    parser.add_argument("--rows", type=int, help="bars that are played of each file")
    parser.add_argument("--report", type=Path, help="of a real run of this case and desk, in place of playing it")
    asked = parser.parse_args()
    claims = Claims()
    for name in asked.case or CASES:
        case = CASES[name](asked.rows)
        for desk in asked.desk or DESKS:
            prove(claims, case, desk, asked.report)
    print("all claims hold" if not claims.failed else f"{claims.failed} claims failed")
    sys.exit(bool(claims.failed))


def one(rows: int | None) -> Case:
    """The real BTC month's first bars, a minute each."""
    return Case("one", (f"BTC/USD={head(DATA / MONTH, rows or 24_000)}",), 0, {})


def five(rows: int | None) -> Case:
    """Five pairs quoted in BTC that compete for cash."""
    files = {symbol: head(DATA / file, HISTORY + (rows or 1_500)) for symbol, file in ALTS.items()}
    data = tuple(f"{symbol}={file}" for symbol, file in files.items())
    return Case("five", data, HISTORY, BOLD | EAGER | {"INITIAL_BALANCE": "10"}, "cash")


CASES = {"one": one, "five": five}


def prove(claims: Claims, case: Case, desk: str, kept: Path | None) -> None:
    """One case on one desk."""
    name = f"{case.name}, {desk}"
    environment = {**case.settings, **DESKS[desk]}
    report = json.loads(kept.read_text()) if kept else play(f"parity-{case.name}-{desk}", case.arguments, environment)
    if not kept:
        sound(claims, name, report)
    closed = [trade for trade in report["trades"] if trade["status"] == "closed"]
    claims.check(f"{name}: at least {ENOUGH} trades closed", len(closed) >= ENOUGH, len(closed))
    if case.refused:
        claims.check(f"{name}: the limit binds", report["refusals"].get(case.refused, 0) > 0, report["refusals"])
    plan, markets, instruments = inputs(case, environment)
    for engine, plays in ENGINES.items():
        if engine == "event" or desk == "alone":
            began = perf_counter()
            played = plays(plan, markets, instruments)
            compared(claims, f"{name}, {engine}", report, played, perf_counter() - began)


def compared(claims: Claims, name: str, report: Report, played: Played, seconds: float) -> None:
    """Every closed trade and the final cash; names the first trade that differs."""
    theirs = sorted(map(_reported, (trade for trade in report["trades"] if trade["status"] == "closed")), key=_left)
    ours = sorted(map(_plain, played.trades), key=_left)
    differing = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), "")
    claims.check(f"{name}: the same trades", ours == theirs, differing or f"{len(ours)} and {len(theirs)} trades")
    cash = canonical(played.cash)
    same = cash in report["ledger"]["cash"].values()
    took = f"{seconds:.1f} s, the real stack {report['seconds']} s"
    claims.check(f"{name}: the same cash", same, f"{cash}; {took}" if same else (cash, report["ledger"]["cash"]))


def inputs(case: Case, environment: Mapping[str, str]) -> tuple[Plan, dict[str, Market], dict[str, Instrument]]:
    """What the engines get: the desk's settings, its seeded strategies, and what the venue plays."""
    played = recorded_market(list(case.data), case.history)
    settings = load_settings(**{name.lower(): value for name, value in environment.items()})
    first = played.instant(played.first_step)
    plan = planned(
        {
            "symbols": list(played.pairs),
            "timeframe": "5m",
            "base_timeframe": next(frame for frame in TIMEFRAMES if length(frame) == played.base),
            "start": first,
            "council": settings.council,
            "learning": settings.learning,
            "strategies": [choice.model_dump() for choice in chosen(list(STRATEGIES))],
            "desk": desk_of(settings),
        }
    )
    markets = {symbol: _market(played, symbol) for symbol in played.pairs}
    return plan, markets, {symbol: _instrument(played, symbol) for symbol in played.pairs}


def _market(played: RecordedMarket, symbol: str) -> Market:
    pair, series = played.pairs[symbol], played.series(symbol)
    bars = [series[position] for position in range(len(series))]
    return Market(
        open_time=np.array([bar.time for bar in bars], np.int64),
        open=np.array([float(pair.price(bar.open)) for bar in bars]),
        high=np.array([float(pair.price(bar.high)) for bar in bars]),
        low=np.array([float(pair.price(bar.low)) for bar in bars]),
        close=np.array([float(pair.price(bar.close)) for bar in bars]),
        volume=np.array([bar.volume for bar in bars]) / 10**LOT_DECIMALS,
    )


def _instrument(played: RecordedMarket, symbol: str) -> Instrument:
    pair = played.pairs[symbol]
    tick, lot = Decimal(1).scaleb(-pair.decimals), Decimal(1).scaleb(-LOT_DECIMALS)
    return Instrument(symbol, tick, lot, pair.base.order_minimum, pair.cost_minimum)


def _plain(trade: Trade) -> Plain:
    amounts = (trade.entry_price, trade.exit_price, trade.quantity, trade.fees, trade.pnl)
    return (trade.symbol, trade.entry_time, trade.exit_time, *map(canonical, amounts), trade.exit_reason)


def _reported(trade: Report) -> Plain:
    times = (to_microseconds(datetime.fromisoformat(trade[name])) for name in ("entry_time", "exit_time"))
    amounts = (trade[name] for name in ("entry_price", "exit_price", "quantity", "fees", "pnl"))
    return (trade["symbol"], *times, *amounts, trade["exit_reason"])


def _left(trade: Plain) -> tuple[object, ...]:
    return trade[2], trade[0]


if __name__ == "__main__":
    main()
