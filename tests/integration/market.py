"""Recorded candles that were never recorded: two seeded symbols that make the desk trade often, in few bars."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

BAR = timedelta(minutes=5)
START = datetime(2026, 3, 1, tzinfo=UTC)
HISTORY = 660
"""Bars before the first that is played: what strategies need to see, and a little more."""

PLAYED = 250
GAP = range(HISTORY + 190, HISTORY + 205)
"""Bars that the second symbol lacks."""

WARM_UP, RALLY, CLIMB, PULLBACK, SQUEEZE, CRASH = 0.0006, 0.0011, 0.0022, -0.0016, 0.0, -0.0045
SCRIPT = ((RALLY, 36), (PULLBACK, 9), (CLIMB, 22), (PULLBACK, 12), (SQUEEZE, 26), (CLIMB, 16), (CRASH, 10), (RALLY, 18))
"""Drift per bar and its number of bars, over and over."""


class Row(NamedTuple):
    """One bar; prices in the quote currency."""

    open_time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


def bars(seed: int, price: float) -> list[Row]:
    """All bars of one symbol, oldest first; the same for the same seed on every machine."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for number, drift in enumerate(_drifts(rng)):
        calm = 0.35 if drift == SQUEEZE else 1.0
        close = price * (1 + drift * rng.uniform(0.4, 1.6) + rng.gauss(0, 0.0016 * calm))
        high = max(price, close) * (1 + rng.expovariate(1 / (0.0006 * calm)))
        low = min(price, close) * (1 - rng.expovariate(1 / (0.0006 * calm)))
        volume = 5 * calm * (1 + 400 * abs(close / price - 1)) * rng.uniform(0.7, 1.3)
        rows.append(Row(START + number * BAR, price, high, low, close, volume))
        price = close
    return rows


def write(folder: Path) -> list[str]:
    """The files, as `--data` takes them."""
    first, second = bars(1, 40_000.0), bars(2, 2_500.0)
    gapped = [row for number, row in enumerate(second) if number not in GAP]
    return [f"BTC/USD={_file(folder / 'btc.csv', first)}", f"ETH/USD={_file(folder / 'eth.csv', gapped)}"]


def _drifts(rng: random.Random) -> Iterator[float]:
    script = [drift for drift, count in SCRIPT for _ in range(count)]
    offset = rng.randrange(len(script))
    for number in range(HISTORY + PLAYED):
        yield script[(number + offset) % len(script)] * (0.45 if number < HISTORY else 1.0)


def _file(path: Path, rows: Sequence[Row]) -> Path:
    lines = [f"{row.open_time:%Y-%m-%dT%H:%M:%S}," + ",".join(f"{value:.2f}" for value in row[1:]) for row in rows]
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]) + "\n")
    return path
