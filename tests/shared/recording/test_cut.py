"""How far a recording is played."""

from shared.recording.cut import settled, up_to
from tests.builders import at, bars_closed, candle, exit_requested, order_reported
from tests.shared.recording.made import entry

FIRST = [entry(candle(), 1), entry(bars_closed(), 1), entry(order_reported(), 2)]
SECOND = [entry(candle(minute=5), 3), entry(bars_closed(minute=5), 3), entry(exit_requested(99), 4)]


def test_until_a_time_is_up_to_the_first_bar_after_it() -> None:
    assert up_to([*FIRST, *SECOND], at(4.9)) == FIRST
    assert up_to([*FIRST, *SECOND], at(5)) == [*FIRST, *SECOND]
    assert up_to([*FIRST, *SECOND], at(-1)) == []


def test_the_last_instant_of_one_that_was_broken_off_is_left_out() -> None:
    assert settled([*FIRST, *SECOND]) == FIRST
    assert settled(FIRST) == []
    assert settled([]) == []
