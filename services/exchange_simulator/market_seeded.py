"""An endless market drawn from a seed: regimes, jumps, assets that move together. The same seed, the same bars."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, pi, sin
from random import Random

from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.pairs import MAX_PRICE_DECIMALS, Pair, pair
from services.exchange_simulator.series import Bar, Series
from services.exchange_simulator.wire import SECOND

MINUTE = 60 * SECOND
DAY_BARS = 1440
HISTORY_DAYS = 34  # 816 hours: a client that wants 800 bars of one hour finds them
GENESIS = 1_735_689_600 * SECOND  # 2025-01-01
SIGMA = 0.0007  # of one minute's log return
TOGETHER = 0.6  # correlation with the common shock
USD_PRICES = {
    "BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0, "LTC": 80.0, "XMR": 160.0, "XRP": 0.55, "ADA": 0.45, "DOT": 6.0,
    "XLM": 0.11, "DOGE": 0.15, "LINK": 14.0, "AVAX": 30.0, "ATOM": 8.0, "UNI": 9.0, "USD": 1.0, "EUR": 1.1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regime:
    """How log returns behave for a while; ``drift`` and ``swing`` count in sigmas, ``noise`` scales sigma."""

    name: str
    drift: float
    noise: float
    swing: float
    jumps: float


REGIMES = (
    Regime("trend up", 0.16, 0.9, 0.0, 0.0005),
    Regime("trend down", -0.16, 0.9, 0.0, 0.0005),
    Regime("range", 0.0, 0.5, 9.0, 0.0),
    Regime("volatile", 0.0, 2.2, 0.0, 0.004),
)


def market_day(pairs: Mapping[str, Pair], seed: int, day: int, opens: Mapping[str, int]) -> dict[str, list[Bar]]:
    """One day of one-minute bars of every pair, from the prices (ticks) at which the day before closed."""
    common = Random(f"{seed}:common:{day}")
    shocks = [common.gauss(0.0, 1.0) for _ in range(DAY_BARS)]
    return {
        symbol: _day(Random(f"{seed}:{symbol}:{day}"), shocks, GENESIS + day * DAY_BARS * MINUTE, opens[symbol])
        for symbol in pairs
    }


def _day(draw: Random, shocks: Sequence[float], start: int, opened: int) -> list[Bar]:
    bars: list[Bar] = []
    price = opened
    while len(bars) < DAY_BARS:
        regime = draw.choice(REGIMES)
        length = min(draw.randint(90, 360), DAY_BARS - len(bars))
        returns = _returns(draw, regime, shocks[len(bars) : len(bars) + length])
        for each in returns:
            bar = _bar(draw, start + len(bars) * MINUTE, price, each, regime)
            bars.append(bar)
            price = bar.close
    return bars


def _returns(draw: Random, regime: Regime, shocks: Sequence[float]) -> list[float]:
    period = draw.uniform(45, 120)
    own = (1 - TOGETHER**2) ** 0.5
    level = 0.0
    returns: list[float] = []
    for minute, shock in enumerate(shocks):
        noise = regime.noise * SIGMA * (TOGETHER * shock + own * draw.gauss(0.0, 1.0))
        jump = draw.choice((-1, 1)) * draw.uniform(6, 15) * SIGMA if draw.random() < regime.jumps else 0.0
        centre = regime.swing * SIGMA * sin(2 * pi * minute / period)
        pull = 0.25 * (centre - level) if regime.swing else 0.0
        step = regime.drift * SIGMA + noise + jump + pull
        level += step
        returns.append(step)
    return returns


def _bar(draw: Random, time: int, opened: int, change: float, regime: Regime) -> Bar:
    close = max(2, round(opened * exp(change)))
    wick = regime.noise * SIGMA * 0.5
    high = max(opened, close, round(max(opened, close) * (1 + abs(draw.gauss(0.0, wick)))))
    low = max(1, min(opened, close, round(min(opened, close) * (1 - abs(draw.gauss(0.0, wick))))))
    volume = round(1e8 * draw.lognormvariate(1.5, 0.5) * (1 + abs(change) / SIGMA))
    return Bar(time, opened, high, low, close, volume)


def seeded_pairs(symbols: Sequence[str]) -> dict[str, Pair]:
    """The pairs of a seeded market by symbol. Raises BadConfiguration."""
    if not symbols:
        raise BadConfiguration("a seeded market needs symbols; give --symbols BTC/USD,ETH/USD")
    quotes = {symbol.partition("/")[2] for symbol in symbols}
    if len(quotes) > 1:
        raise BadConfiguration(f"--symbols mixes the quotes {', '.join(sorted(quotes))}; use one")
    return {symbol: _seeded_pair(symbol) for symbol in sorted(set(symbols))}


def seeded_fingerprint(symbols: Iterable[str], seed: int) -> str:
    """What tells one seeded market from another, without drawing it."""
    return f"seeded {seed} {' '.join(sorted(symbols))}"


class SeededMarket:
    """Grows by whole days as steps are asked for. Step 0 is the first bar of history."""

    kind = "seeded"
    base = MINUTE
    steps_total: int | None = None

    def __init__(self, symbols: Sequence[str], seed: int) -> None:
        self.pairs = seeded_pairs(symbols)
        self.first_step = HISTORY_DAYS * DAY_BARS
        self._seed = seed
        self._days = 0
        self._series = {symbol: Series() for symbol in self.pairs}
        self._grow(self.first_step)

    @property
    def fingerprint(self) -> str:
        return seeded_fingerprint(self.pairs, self._seed)

    def instant(self, step: int) -> int | None:
        self._grow(step)
        return GENESIS + step * MINUTE

    def series(self, symbol: str) -> Series:
        return self._series[symbol]

    def _grow(self, step: int) -> None:
        while self._days * DAY_BARS <= step:
            opens = {symbol: self._last_close(symbol) for symbol in self.pairs}
            for symbol, bars in market_day(self.pairs, self._seed, self._days, opens).items():
                for bar in bars:
                    self._series[symbol].append(bar)
            self._days += 1

    def _last_close(self, symbol: str) -> int:
        series = self._series[symbol]
        return series.closes[-1] if len(series) else _first_price(self.pairs[symbol])


def _usd(code: str) -> float:
    return USD_PRICES.get(code, 1.0)


def _first_price(of: Pair) -> int:
    return max(1, round(_usd(of.base.code) / _usd(of.quote.code) * float(10**of.decimals)))


def _seeded_pair(symbol: str) -> Pair:
    usual = pair(symbol)
    # A tick coarser than a tenth of a minute's move would turn the walk into a staircase.
    needed = round(-log(_usd(usual.base.code) / _usd(usual.quote.code) * SIGMA / 10, 10) + 0.5)
    return pair(symbol, min(max(needed, 0), MAX_PRICE_DECIMALS))
