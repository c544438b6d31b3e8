"""Candles for drawing: as few as a chart can show."""

import numpy as np

from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import TIMEFRAMES, bar_open, length

MOST = 900
OF_ALL_SYMBOLS = 12_000
FEWEST = 400


def drawn(market: Market, base: Timeframe, symbols: int) -> tuple[Market, Timeframe]:
    """Candles of the shortest timeframe that gives few enough; fewer where many `symbols` share the page."""
    most = min(MOST, max(FEWEST, OF_ALL_SYMBOLS // symbols))
    span = int(market.open_time[-1] - market.open_time[0]) + length(base)
    fitting = [frame for frame in TIMEFRAMES if length(frame) % length(base) == 0 and span / length(frame) <= most]
    frame = fitting[0] if fitting else TIMEFRAMES[-1]
    return (market if frame == base else _gathered(market, frame)), frame


def _gathered(market: Market, frame: Timeframe) -> Market:
    """The first and the last bar too, which may be cut: a strategy must not see those, a picture may."""
    offset = bar_open(frame, 0)
    bucket = (market.open_time - offset) // length(frame)
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    return Market(
        open_time=bucket[starts] * length(frame) + offset,
        open=market.open[starts],
        high=np.maximum.reduceat(market.high, starts),
        low=np.minimum.reduceat(market.low, starts),
        close=market.close[np.append(starts[1:], len(market)) - 1],
        volume=np.add.reduceat(market.volume, starts),
    )
