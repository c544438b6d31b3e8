"""Bad data stops here: it is dropped and said, never repaired."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from services.market_data.core.bars import Bar
from shared.schemas.base import Timeframe
from shared.timeframes import bar_open


class BadData(ValueError):
    """What the venue sent can't be true. `code` is stable, the text has the numbers."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def number(value: object, what: str) -> Decimal:
    """An exact finite number of what arrived as text or as a JSON number. Raises BadData."""
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        raise BadData("not_a_number", f"{what} is {value!r}") from None
    if not parsed.is_finite():
        raise BadData("not_a_number", f"{what} is {value!r}")
    return parsed


def price(value: object, what: str) -> Decimal:
    """A positive price. Raises BadData."""
    parsed = number(value, what)
    if parsed <= 0:
        raise BadData("price_not_positive", f"{what} is {parsed}")
    return parsed


def bar(row: Sequence[object], timeframe: Timeframe) -> Bar:
    """A bar of ccxt's row (milliseconds, open, high, low, close, volume). Raises BadData."""
    milliseconds, *values = row
    opened = int(number(milliseconds, "open time")) * 1000
    if bar_open(timeframe, opened) != opened:
        raise BadData("candle_misaligned", f"a {timeframe} bar opens at {opened} us")
    first, high, low, last = map(price, values[:4], ("open", "high", "low", "close"))
    volume = number(values[4], "volume")
    if volume < 0:
        raise BadData("volume_negative", f"volume is {volume}")
    if not low <= min(first, last) <= max(first, last) <= high:
        raise BadData("candle_impossible", f"open {first} high {high} low {low} close {last}")
    return Bar(opened, first, high, low, last, volume)


def touch(bid: object, ask: object) -> tuple[Decimal, Decimal]:
    """Best bid and ask. Raises BadData where they cross."""
    best_bid, best_ask = price(bid, "bid"), price(ask, "ask")
    if best_bid > best_ask:
        raise BadData("book_crossed", f"bid {best_bid} above ask {best_ask}")
    return best_bid, best_ask


def not_in_future(time: int, clock: int, tolerance: int, what: str) -> None:
    """Raises BadData where `time` lies more than `tolerance` after the venue's clock (all microseconds)."""
    if time > clock + tolerance:
        raise BadData("from_the_future", f"{what} is {(time - clock) / 1e6:.3f} s ahead of the venue's clock")
