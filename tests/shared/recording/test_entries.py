"""Entries keep every field, stand in the order of their publication, and fall into instants."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.recording.entries import in_order, instants, recorded
from shared.schemas.market import CandleRevised
from tests.builders import bars_closed, candle, decided, order_reported, signal, ticker
from tests.shared.recording.made import entry


def test_an_entry_knows_its_ids_and_its_trace() -> None:
    message = candle()
    kept = entry(message, 7, 3, trace="00-ab-cd-01")
    assert (kept.stream, kept.entry_id, kept.kind, kept.trace) == (
        "market:candles",
        "7-3",
        "CandleClosed",
        "00-ab-cd-01",
    )
    assert (kept.message_id, kept.causation_id) == (str(message.message_id), "")
    assert kept.body == message.model_dump_json()


def test_an_entry_that_is_no_message_is_kept_without_ids() -> None:
    kept = recorded("market:candles", 0, b"1-0", [b"colour", b"green"])
    assert (kept.kind, kept.message_id, kept.body) == ("", "", "")
    assert recorded("market:candles", 0, b"1-0", [b"k", b"CandleClosed", b"b", b"\xff[]"]).body == "\\xff[]"


@given(st.randoms(use_true_random=False))
def test_within_a_millisecond_an_instant_ends_after_its_candles(random: Random) -> None:
    first = [entry(candle(timeframe="5m"), 5, 1), entry(bars_closed(), 5, 0)]
    later = [entry(candle(minute=5), 5, 2), entry(bars_closed(minute=5), 5, 1), entry(signal(), 5), entry(decided(), 6)]
    mixed = [*first, *later]
    random.shuffle(mixed)
    assert in_order(mixed) == [*first, *later]


def test_ids_are_numbers_not_text() -> None:
    entries = [entry(candle(minute=0), 9, 2), entry(candle(minute=0), 9, 10), entry(candle(minute=0), 10, 0)]
    assert in_order(reversed(entries)) == entries


def test_an_instant_is_its_candles_and_its_end() -> None:
    one = [entry(candle(), 1), entry(candle(timeframe="15m"), 1, 1), entry(bars_closed(), 2)]
    two = [entry(candle(minute=5), 3), entry(bars_closed(minute=5), 3)]
    assert instants([*one, *two]) == [one, two]


def test_everything_else_stands_alone_but_prices_of_one_millisecond() -> None:
    quotes = [entry(ticker(), 4), entry(ticker(1), 4, 1)]
    revised = entry(candle(kind=CandleRevised), 5)
    alone = [entry(ticker(2), 5), entry(order_reported(), 5), revised, entry(candle(), 5)]
    assert instants([*quotes, *alone]) == [quotes, *([one] for one in alone)]
