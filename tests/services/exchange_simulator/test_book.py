"""The synthetic book and Kraken's checksum."""

from hypothesis import given
from hypothesis import strategies as st

from services.exchange_simulator.book import Book, book_around, changes, checksum, level_lots
from services.exchange_simulator.pairs import Pair, asset


def test_the_checksum_is_that_of_krakens_documentation() -> None:
    """The worked example of Kraken's "Spot WebSockets (v1) book checksum" page; v2 computes it alike."""
    of = Pair("X/Y", asset("X"), asset("Y"), decimals=5)
    asks = (5005, 5010, 5015, 5020, 5025, 5030, 5035, 5040, 5045, 5050)
    bids = (5000, 4995, 4990, 4980, 4975, 4970, 4965, 4960, 4955, 4950)
    levels = Book(tuple((price, 500) for price in bids), tuple((price, 500) for price in asks))
    assert checksum(of, levels) == 974947235


@given(bid=st.integers(1, 10**9), spread=st.integers(0, 10**4), depth=st.sampled_from([10, 25, 100]))
def test_a_book_is_sorted_and_starts_at_the_touch(bid: int, spread: int, depth: int) -> None:
    book = book_around(bid, bid + spread, depth)
    assert (book.bids[0][0], book.asks[0][0]) == (bid, bid + spread)
    assert sorted(book.asks) == list(book.asks)
    assert sorted(book.bids, reverse=True) == list(book.bids)
    assert all(price > 0 for price, _ in book.bids)


@given(moves=st.tuples(*[st.integers(10**4, 10**4 + 60)] * 2), spread=st.integers(1, 40))
def test_changes_turn_one_book_into_the_other(moves: tuple[int, int], spread: int) -> None:
    before, after = (book_around(bid, bid + spread, 10) for bid in moves)
    delta = changes(before, after)
    for side in ("bids", "asks"):
        levels = dict(getattr(before, side)) | dict(getattr(delta, side))
        assert {price: lots for price, lots in levels.items() if lots} == dict(getattr(after, side))


@given(st.integers(1, 10**12))
def test_a_levels_quantity_never_ends_in_zero(ticks: int) -> None:
    assert 0.1 <= level_lots(ticks) / 1e8 <= 10
    assert level_lots(ticks) % 10
