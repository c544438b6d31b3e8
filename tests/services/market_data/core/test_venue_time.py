"""An instant has ended when every symbol has passed it, or when silent ones were waited for long enough."""

from services.market_data.core.venue_time import VenueTime
from shared.timeframes import MINUTE, SECOND

T = 1_640_995_200_000_000


def test_nothing_has_ended_before_every_symbol_has_spoken() -> None:
    time = VenueTime("1m", ("BTC/USD", "ETH/USD"), grace=None)
    time.saw("BTC/USD", T + MINUTE, wall=0)
    assert time.horizon(wall=10**6) == 0


def test_the_slowest_symbol_decides() -> None:
    time = VenueTime("1m", ("BTC/USD", "ETH/USD"), grace=None)
    time.saw("BTC/USD", T + 3 * MINUTE, wall=0)
    time.saw("ETH/USD", T + 2 * MINUTE - 1, wall=0)
    assert time.horizon(wall=0) == T + MINUTE


def test_a_bar_has_ended_at_its_close_and_not_a_microsecond_earlier() -> None:
    time = VenueTime("1m", ("BTC/USD",), grace=None)
    time.saw("BTC/USD", T + MINUTE - 1, wall=0)
    assert time.horizon(wall=0) == T
    time.saw("BTC/USD", T + MINUTE, wall=0)
    assert time.horizon(wall=0) == T + MINUTE


def test_the_clock_never_goes_back() -> None:
    time = VenueTime("1m", ("BTC/USD",), grace=None)
    time.saw("BTC/USD", T + MINUTE, wall=0)
    time.saw("BTC/USD", T, wall=0)
    assert time.horizon(wall=0) == T + MINUTE
    assert time.latest == T + MINUTE


def test_a_silent_symbol_is_waited_for_no_longer_than_the_grace() -> None:
    time = VenueTime("1m", ("BTC/USD", "ETH/USD"), grace=2)
    time.saw("ETH/USD", T, wall=0)
    time.saw("BTC/USD", T + MINUTE + SECOND, wall=61)
    assert time.horizon(wall=62.9) == T
    assert time.horizon(wall=63) == T + MINUTE


def test_the_grace_runs_from_the_first_message_past_the_instant() -> None:
    time = VenueTime("1m", ("BTC/USD", "ETH/USD"), grace=2)
    time.saw("ETH/USD", T, wall=0)
    for second in range(4):
        time.saw("BTC/USD", T + MINUTE + second * SECOND, wall=60 + second)
    assert time.horizon(wall=62) == T + MINUTE


def test_later_instants_have_a_grace_of_their_own() -> None:
    time = VenueTime("1m", ("BTC/USD", "ETH/USD"), grace=2)
    time.saw("BTC/USD", T + MINUTE, wall=60)
    time.saw("BTC/USD", T + 2 * MINUTE, wall=61)
    assert time.horizon(wall=62.5) == T + MINUTE
    assert time.horizon(wall=63) == T + 2 * MINUTE


def test_what_the_venue_itself_says_counts_too() -> None:
    time = VenueTime("1m", ("BTC/USD", "ETH/USD"), grace=2)
    time.passed(T + MINUTE, wall=60)
    assert time.horizon(wall=62) == T + MINUTE
