"""The order book around a price, and the checksum that lets a client prove its copy.

Checksum: Kraken, "Spot WebSockets (v2) book checksum": the ten best asks, then the ten best bids, price and quantity
with all their digits but without the point and leading zeros, CRC32 of the text.
"""

from dataclasses import dataclass
from zlib import crc32

from services.exchange_simulator.pairs import Pair, fixed, quantity

CHECKSUM_LEVELS = 10
DEPTHS = (10, 25, 100, 500, 1000)
Level = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Book:
    """Levels of (ticks, lots), best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def level_lots(ticks: int) -> int:
    """The quantity resting at a price: 0.1 to 10 of the base, a function of the price alone.

    Its last digit is never zero, so that its text is the same with and without trailing zeros.
    """
    mixed = (ticks * 2_654_435_761) & 0xFFFFFFFF
    lots = 10_000_000 + mixed % 990_000_000
    return lots - lots % 10 + 1 + mixed % 9


def book_around(bid: int, ask: int, depth: int) -> Book:
    """A book whose touch is (bid, ask), its levels spaced by the width of the spread."""
    gap = max(1, (ask - bid) // 2)
    bids = (bid - n * gap for n in range(depth))
    asks = (ask + n * gap for n in range(depth))
    return Book(tuple((p, level_lots(p)) for p in bids if p > 0), tuple((p, level_lots(p)) for p in asks))


def changes(before: Book, after: Book) -> Book:
    """The levels that turn one book into the other; a quantity of 0 removes a level."""
    return Book(_changed(before.bids, after.bids), _changed(before.asks, after.asks))


def checksum(pair: Pair, book: Book) -> int:
    levels = (*book.asks[:CHECKSUM_LEVELS], *book.bids[:CHECKSUM_LEVELS])
    return crc32("".join(_digits(pair.price(p)) + _digits(quantity(q)) for p, q in levels).encode())


def wire_levels(pair: Pair, levels: tuple[Level, ...]) -> str:
    """JSON of the levels."""
    return ",".join(f'{{"price":{fixed(p, pair.decimals)},"qty":{quantity(q)}}}' for p, q in levels)


def _changed(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    kept, wanted = dict(before), dict(after)
    removed = tuple((price, 0) for price in kept if price not in wanted)
    return removed + tuple(level for level in after if kept.get(level[0]) != level[1])


def _digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")
