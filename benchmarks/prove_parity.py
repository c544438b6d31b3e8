"""`make prove-parity`: the compiled loop and the real stack trade alike, to tick, lot and the last unit of cash.

The real stack is `parley demo` in lock-step with COUNCIL=none and LEARNING=off: real services, Redis, PostgreSQL, ccxt
and the simulator. The loop gets the same file, and the venue's own steps and minimums.
"""

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import numpy as np

from backtester.runs.trade import Trade
from backtester.vector.engine import Result, simulated
from benchmarks.prove import DATA, MONTH, Claims, Report, head, play, sound
from services.exchange_simulator.pairs import LOT_DECIMALS
from services.exchange_simulator.recorded import RecordedMarket, recorded_market
from shared.broker.base import Instrument
from shared.config import load_settings
from shared.ids import canonical
from shared.seed import STRATEGIES
from shared.strategies.market import Market
from shared.strategies.registry import build
from shared.timeframes import to_microseconds

ALONE = {"COUNCIL": "none", "LEARNING": "off"}
HALF_SPREAD = 100
"""Units of 1e-6: what the simulator quotes unless told otherwise."""
Plain = tuple[object, ...]


def main() -> None:
    """Run both, compare trade by trade."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8000, help="of the month's bars")
    rows: int = parser.parse_args().rows
    data = f"BTC/USD={head(DATA / MONTH, rows)}"
    claims = Claims()
    report = play("parity", [f"--data={data}", "--speed=max", "--timeframe=5m"], ALONE)
    sound(claims, "real stack", report)
    compared(claims, report, loop_on(recorded_market([data])))
    print("all claims hold" if not claims.failed else f"{claims.failed} claims failed")
    sys.exit(bool(claims.failed))


def compared(claims: Claims, report: Report, result: Result) -> None:
    """Every closed trade and the final cash; names the first trade that differs."""
    theirs = [_reported(trade) for trade in report["trades"] if trade["status"] == "closed"]
    ours = [_plain(trade) for trade in result.trades]
    differing = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), "")
    claims.check("the same trades", ours == theirs, differing or f"{len(ours)} and {len(theirs)} trades")
    cash = canonical(result.cash)
    claims.check("the same cash", {"USD": cash} == report["ledger"]["cash"], cash)


def loop_on(played: RecordedMarket) -> Result:
    """The loop on what the venue plays, with the desk's settings and its seeded strategies at equal weights."""
    symbols = ",".join(played.pairs)
    settings = load_settings(
        database_url="", redis_url="", symbols=symbols, timeframe="5m", base_timeframe="1m", **_lower(ALONE)
    )
    strategies = {name: build(name, {}) for name in STRATEGIES}
    weights = dict.fromkeys(strategies, round(1 / len(strategies), 9))
    markets = {symbol: _market(played, symbol) for symbol in played.pairs}
    instruments = {symbol: _instrument(played, symbol) for symbol in played.pairs}
    return simulated(markets, instruments, strategies, weights, settings, HALF_SPREAD)


def _lower(settings: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in settings.items()}


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


if __name__ == "__main__":
    main()
