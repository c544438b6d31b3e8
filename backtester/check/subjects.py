"""The bars on which a strategy is checked: stored ones, or a market drawn from a seed where nothing is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backtester.check.drawn import drawn, drawn_mood
from backtester.data.store import CandleStore, Held
from backtester.vector.arrays import resampled
from shared.errors import ConfigError
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import length

DRAWN_BARS = 6000
ROOM = 100
"""Bars that a check needs beyond the warm-up."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A market with the words that name it."""

    name: str
    market: Market

    def require(self, warmup: int) -> None:
        """ConfigError where the bars are too few to say anything."""
        if len(self.market) < warmup + ROOM:
            raise ConfigError(
                f"{self.name}: {len(self.market)} bars are too few for a warm-up of {warmup}; at least "
                f"{warmup + ROOM} are needed: choose a shorter --timeframe, or store more"
            )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; None: all that there is. `start` (included) and `end` (excluded) in microseconds."""

    timeframe: Timeframe
    symbols: Sequence[str] | None = None
    venue: str | None = None
    start: int | None = None
    end: int | None = None


def subjects(store: CandleStore, wanted: Wanted, seed: int) -> Iterator[Subject]:
    """Stored markets, each with sentiment drawn from the seed, as none is stored; a drawn market where none are.

    ConfigError, before the first one, names what was asked for and is not stored.
    """
    listing = store.listing()
    if not listing and wanted.symbols is None and wanted.venue is None:
        name = f"a market drawn from seed {seed}, as no candles are stored"
        return iter([Subject(name, drawn(seed, DRAWN_BARS, length(wanted.timeframe)))])
    return (_stored(store, held, wanted, seed) for held in _chosen(listing, wanted))


def _chosen(listing: Sequence[Held], wanted: Wanted) -> list[Held]:
    fitting = [
        held
        for held in listing
        if wanted.venue in (None, held.venue) and not length(wanted.timeframe) % length(held.timeframe)
    ]
    symbols = sorted({held.symbol for held in fitting}) if wanted.symbols is None else wanted.symbols
    of = f" from {wanted.venue}" if wanted.venue else ""
    for symbol in symbols or ["anything"]:
        if symbol not in {held.symbol for held in fitting}:
            raise ConfigError(
                f"no candles of {symbol}{of} are stored that make {wanted.timeframe}; `parley data list` shows what is "
                "there, `parley data download` and `import` store more"
            )
    return [max((held for held in fitting if held.symbol == symbol), key=_best) for symbol in symbols]


def _best(held: Held) -> tuple[int, int]:
    return length(held.timeframe), held.bars


def _stored(store: CandleStore, held: Held, wanted: Wanted, seed: int) -> Subject:
    bars = store.load(held.venue, held.symbol, held.timeframe, wanted.start, wanted.end)
    market = resampled(bars, wanted.timeframe, held.timeframe)
    mood = drawn_mood(np.random.default_rng(seed), len(market))
    return Subject(f"{held.symbol} {wanted.timeframe} from {held.venue}", replace(market, sentiment=mood))
