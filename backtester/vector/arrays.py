"""From markets to the loop's arrays: one timeline for all symbols, scores and ATR where decision bars close."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from backtester.compiled import compiled
from backtester.vector import passes
from backtester.vector.state import CLOSE, FAR, HIGH, LOW, OPEN, Floats, Ints, Tape
from shared.errors import ConfigError
from shared.ids import canonical
from shared.indicators import trend
from shared.indicators.smoothing import MEMORY
from shared.portfolio.grid import Grid
from shared.schemas.base import Timeframe
from shared.strategies.base import Strategy
from shared.strategies.ensemble import combine
from shared.strategies.market import PRICES, Market
from shared.timeframes import first_open, length

NEAR = 1e-9
"""Sums this near to where rounding to 1e-6 changes are added up exactly."""
ATR_SPAN = 2 * 14 - 1
ATR_BARS = MEMORY * ATR_SPAN
"""Of the ATR of 14 bars: the span of Wilder's average, and the true ranges that it remembers."""
EXACT_POWER = 22
"""Powers of ten up to here are floats without rounding, so that one division rounds as text does."""


def resampled(market: Market, timeframe: Timeframe, base: Timeframe) -> Market:
    """Bars of `timeframe` from those of `base`: whole ones only, the first and the last may have been cut."""
    if timeframe == base:
        return market
    span, first_ever = length(timeframe), first_open(timeframe)
    bucket = (market.open_time - first_ever) // span
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    bars = Market(
        open_time=bucket[starts] * span + first_ever,
        open=market.open[starts],
        high=np.maximum.reduceat(market.high, starts),
        low=np.minimum.reduceat(market.low, starts),
        close=market.close[np.append(starts[1:], len(market)) - 1],
        volume=np.add.reduceat(market.volume, starts),
    )
    first = int(market.open_time[0] != bars.open_time[0])
    last = int(market.open_time[-1] + length(base) < bars.open_time[-1] + span)
    return bars.between(first, len(bars) - last)


def ensemble(scores: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """`shared.strategies.ensemble.combine` of every bar, equal to the last bit; scores of shape (n,) each."""
    names = sorted(scores)
    if len(names) == 1 and weights[names[0]] > 0:
        return scores[names[0]]
    total, spoke = np.zeros(len(scores[names[0]])), np.zeros(len(scores[names[0]]))
    for name in names:
        total += weights[name] * scores[name]
        spoke += weights[name] * (scores[name] != 0)
    exact = np.divide(total, spoke, out=np.zeros(len(total)), where=spoke > 0)
    rounded = np.round(exact, 6)
    for place in np.flatnonzero(np.abs(np.abs(exact - rounded) - 5e-7) < NEAR):
        rounded[place] = combine({name: float(scores[name][place]) for name in names}, weights).score
    return rounded + np.float64(0.0)  # -0.0 becomes 0.0


def scored(market: Market, strategies: Mapping[str, Strategy], weights: Mapping[str, float]) -> Floats:
    """The ensemble's score of every bar."""
    return ensemble({name: strategy.score(market) for name, strategy in strategies.items()}, weights)


def tape_of(
    markets: Mapping[str, Market],
    decisions: Mapping[str, Market],
    scores: Mapping[str, Floats],
    grids: Mapping[str, Grid],
    base: Timeframe,
    decision: Timeframe,
    entry_score: float,
    *,
    with_atr: bool = True,
    with_volume: bool = False,
) -> Tape:
    """Everything on one timeline; symbols in alphabetical order. ATR and volumes only where they are asked for."""
    symbols = sorted(markets)
    time = timeline([markets[symbol].open_time for symbol in symbols])
    prices = prices_of(time, markets, grids)
    volume = np.zeros((len(symbols), len(time) if with_volume else 0), np.int64)
    if with_volume:
        for number, symbol in enumerate(symbols):
            volume[number, np.searchsorted(time, markets[symbol].open_time)] = _in_lots(markets[symbol], grids[symbol])
    span = length(decision) - length(base)
    loud = [loud_of(scores[symbol], entry_score) for symbol in symbols]
    rows = [
        instants_of(time, decisions[symbol].open_time, span, own) for symbol, own in zip(symbols, loud, strict=True)
    ]
    loud = [own[row >= 0] for own, row in zip(loud, rows, strict=True)]  # what ended before the first bar is history
    rows = [row[row >= 0] for row in rows]
    calls = rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))
    said, atrs = np.full((len(calls), len(symbols)), np.nan), np.full((len(calls), len(symbols)), np.nan)
    for number, symbol in enumerate(symbols):
        at = np.searchsorted(calls, rows[number])
        said[at, number] = scores[symbol][loud[number]]
        if with_atr:
            atrs[at, number] = atrs_at(decisions[symbol], loud[number], grids[symbol])
    return Tape(time, prices, volume, calls, said, atrs)


def loud_of(scores: Floats, least: float) -> Ints:
    """Where a score is at least `least` on either side."""
    places = np.empty(len(scores) + 1, np.int64)
    return places[: compiled(passes.put_loud)(scores, least, places)].copy()


def instants_of(time: Ints, open_time: Ints, span: int, places: Ints) -> Ints:
    """At which instant's close the decision bars at `places` close; the last of those that end in the same gap."""
    if span == 0 and open_time is time:
        return places
    return np.searchsorted(time, open_time[places] + span, side="right") - 1


def timeline(times: Sequence[Ints]) -> Ints:
    """Every time at which a bar opens, ascending."""
    if all(np.array_equal(times[0], other) for other in times[1:]):
        return times[0]
    return np.unique(np.concatenate(times))


def prices_of(time: Ints, markets: Mapping[str, Market], grids: Mapping[str, Grid]) -> Ints:
    """`Tape.prices` of these markets, symbols in alphabetical order."""
    prices = np.empty((len(PRICES), len(markets), len(time)), np.int64)
    for number, symbol in enumerate(sorted(markets)):
        market, grid = markets[symbol], grids[symbol]
        if len(market) == len(time):
            for place, name in PLACES:
                _put_ticks(getattr(market, name), grid, prices[place, number])
        else:
            _put_sparse(time, market, grid, prices[:, number])
    return prices


PLACES = ((OPEN, "open"), (HIGH, "high"), (LOW, "low"), (CLOSE, "close"))


def ticks_of(prices: Floats, grid: Grid) -> Ints:
    """Prices on their grid. ConfigError where one lies between two ticks by more than a float's rounding."""
    ticks = np.empty(len(prices), np.int64)
    _put_ticks(prices, grid, ticks)
    return ticks


def _put_ticks(prices: Floats, grid: Grid, ticks: Ints) -> None:
    if compiled(passes.put_ticks)(prices, float(grid.tick), ticks):
        raise ConfigError(
            f"a price is no multiple of the tick {canonical(grid.tick)}: import the candles with the right --tick, or "
            f"round them to it"
        )


def _put_sparse(time: Ints, market: Market, grid: Grid, prices: Ints) -> None:
    """A symbol that has not a bar at every instant."""
    rows = np.searchsorted(time, market.open_time)
    prices[HIGH], prices[LOW] = 0, FAR
    prices[HIGH, rows], prices[LOW, rows] = ticks_of(market.high, grid), ticks_of(market.low, grid)
    last = np.searchsorted(market.open_time, time, side="right") - 1
    opens, closes = ticks_of(market.open, grid), ticks_of(market.close, grid)
    prices[CLOSE] = np.where(last >= 0, closes[last], 0)
    prices[OPEN] = prices[CLOSE]
    prices[OPEN, rows] = opens


def _in_lots(market: Market, grid: Grid) -> Ints:
    """Volumes in lots, as many as the loop can count."""
    return np.minimum(market.volume / float(grid.lot), FAR // 2).astype(np.int64)


def atrs_at(market: Market, places: Ints, grid: Grid) -> Floats:
    """ATR in ticks, to the ten digits that live messages carry; nan where it is not known."""
    approximate, off = np.full(len(places), np.nan), np.zeros(len(places))
    bars = (market.high, market.low, market.close)
    compiled(passes.put_atrs)(*bars, 1.0 - 2.0 / (ATR_SPAN + 1.0), ATR_BARS, places, approximate, off)

    def exact(number: int) -> float:
        part = slice(max(int(places[number]) - ATR_BARS, 0), int(places[number]) + 1)
        return float(trend.atr(market.high[part], market.low[part], market.close[part])[-1])

    known = ten_digits(approximate, off, exact)
    return np.floor(known / float(grid.tick) * 1e6 + 0.5) / 1e6  # as `atr_ticks` does it


def ten_digits(values: Floats, off: Floats | float = 0.0, exact: Callable[[int], float] | None = None) -> Floats:
    """`float(f"{value:.10g}")` of every value that is not negative; nan stays nan.

    Where values may be `off`, and that could change a digit, `exact` gives the one at a place.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.clip(9 - np.floor(np.log10(values)), -300, 300)
        shifted = values * 10.0**scale
        whole = np.rint(shifted)
        near = np.where(scale >= 0, whole / 10.0**scale, whole * 10.0**-scale)
        sure = np.abs(shifted - whole) < 0.5 - 1e-5 - off * 10.0**scale
    sure &= (np.abs(scale) <= EXACT_POWER) & (whole >= 1e9) & (whole < 1e10)
    for place in np.flatnonzero(~sure & ~np.isnan(values)):
        near[place] = float(f"{exact(int(place)) if exact else values[place]:.10g}")
    return np.asarray(near)
