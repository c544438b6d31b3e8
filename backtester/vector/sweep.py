"""Many scores on one tape of prices, in threads: the runs of a sweep differ only in who says what when."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backtester.compiled import compiled
from backtester.vector.arrays import loud_of
from backtester.vector.books import marked
from backtester.vector.engine import require_sold
from backtester.vector.loop import simulate
from backtester.vector.state import CANCELED, Floats, Ints, Records, Tape, Terms, opened_books, packed

Scores = NDArray[Any]
"""Of any kind of number: (T,) for one symbol, (T, S) for several, at the instants at whose close they are known."""


class Said(Protocol):
    """Scores by run."""

    def __len__(self) -> int: ...

    def __getitem__(self, run: int, /) -> Scores: ...


class Swept(NamedTuple):
    """By run: closed trades, cash, worth at the last close (money units), refusals (P, codes).

    `equity` (P, places) in money units at every `every`-th open; no places where that is 0.
    """

    trades: Ints
    cash: Ints
    worth: Ints
    refused: Ints
    equity: Ints


def swept(
    tape: Tape,
    scores: Said,
    atrs: Floats | None,
    steps: Records,
    terms: Terms,
    *,
    every: int = 0,
    threads: int | None = None,
) -> Swept:
    """A run for each of `scores`, which may compute them as they are asked for. `tape` gives prices and volumes.

    `atrs` (T, S) in ticks, None where `terms` have no stop. All share the terms, in as many threads as there are cores.
    """
    runs, instants, symbols = len(scores), len(tape.time), tape.prices.shape[1]
    places = -(-instants // every) if every else 0
    kept = Swept(_table(runs), _table(runs), _table(runs), _table(runs, CANCELED + 1), _table(runs, places))
    known = np.full((instants, symbols), np.nan) if atrs is None else atrs
    given, loop = packed(terms), compiled(simulate)

    def play(number: int) -> None:
        said = np.asarray(scores[number])
        calls = loud_of(said, terms.entry_score) if said.ndim == 1 else _loud_in_any(said, terms.entry_score)
        own = tape._replace(calls=calls, scores=said[calls].reshape(-1, symbols) * 1.0, atrs=known[calls])
        books = opened_books(terms.balance, symbols, instants, every)
        while not loop(own, steps, given, books, True):
            require_sold(books, [f"symbol {place}" for place in range(symbols)], own)
            kept.trades[number] += books.purse[0].closed
            books.purse[0].closed = 0
        kept.trades[number] += books.purse[0].closed
        kept.cash[number] = books.purse[0].cash
        kept.worth[number] = marked(own, steps, terms, books, instants).equity
        kept.refused[number], kept.equity[number] = books.refused, books.equity

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(play, range(runs)))
    return kept


def _table(*shape: int) -> Ints:
    return np.zeros(shape, np.int64)


def _loud_in_any(scores: Scores, least: float) -> Ints:
    return np.flatnonzero((np.abs(scores) >= least).any(axis=1))
