"""What a strategy may look at: closed bars of one symbol and timeframe."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One symbol, one timeframe, oldest first, only closed bars; every array of shape (n,).

    `open_time` is the bar's open in microseconds since the epoch, UTC. `sentiment` lies in [-1, 1], nan where
    unknown, as known at each bar's close; None while there is no news. The arrays are made read-only views.
    Compared by identity, so that indicators are computed once for a market.
    ValueError: lengths differ, time does not ascend, a price is not finite and positive, a low above a high,
    a volume or sentiment out of range.
    """

    open_time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    sentiment: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        self._freeze("open_time", np.dtype(np.int64))
        for name in (*PRICES, "volume", *(() if self.sentiment is None else ("sentiment",))):
            self._freeze(name, np.dtype(np.float64))
        self._check_time()
        self._check_prices()
        self._check_volume_and_sentiment()

    def __len__(self) -> int:
        return len(self.open_time)

    def between(self, start: int, stop: int) -> "Market":
        """The bars `start` (included) to `stop` (excluded), by position."""
        part = object.__new__(Market)  # what is cut out of checked bars needs no check
        for name in ("open_time", *PRICES, "volume", "sentiment"):
            values = getattr(self, name)
            object.__setattr__(part, name, None if values is None else values[start:stop])
        return part

    def since(self, start: int | None) -> "Market":
        """The bars that open from a time (microseconds) on; all of them where it is None."""
        return self if start is None else self.between(int(np.searchsorted(self.open_time, start)), len(self))

    def _freeze(self, name: str, dtype: np.dtype[np.int64] | np.dtype[np.float64]) -> None:
        view = np.ascontiguousarray(getattr(self, name), dtype=dtype).view()
        if view.shape != (len(self.open_time),):
            raise ValueError(f"{name} has shape {view.shape}, expected ({len(self.open_time)},)")
        view.flags.writeable = False
        object.__setattr__(self, name, view)

    def _check_time(self) -> None:
        if (self.open_time[1:] <= self.open_time[:-1]).any():
            raise ValueError("open_time must ascend strictly: bars are oldest first, without duplicates")

    def _check_prices(self) -> None:
        for name in PRICES:
            price = getattr(self, name)
            if not (price.min(initial=1.0) > 0 and price.max(initial=1.0) < np.inf):  # nan is neither
                raise ValueError(f"{name} must be finite and positive")
        for body in (self.open, self.close):
            if (self.low > body).any() or (self.high < body).any():
                raise ValueError("low <= open, close <= high does not hold on every bar")

    def _check_volume_and_sentiment(self) -> None:
        if not (self.volume.min(initial=0.0) >= 0 and self.volume.max(initial=0.0) < np.inf):
            raise ValueError("volume must be finite and not negative")
        if self.sentiment is not None and (np.abs(self.sentiment[~np.isnan(self.sentiment)]) > 1).any():
            raise ValueError("sentiment must lie in [-1, 1], nan where unknown")
