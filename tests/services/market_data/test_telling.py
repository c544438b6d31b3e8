"""What is said of a venue that fails: since when, how much of it, and why."""

from datetime import UTC, datetime, timedelta

from services.market_data.adapters.venue import Outage, in_words
from services.market_data.telling import trouble

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def outage(ago: float, cause: str = "ExchangeNotAvailable: no route", last_ago: float = 0) -> Outage:
    return Outage(NOW - timedelta(minutes=ago), NOW - timedelta(minutes=last_ago), cause)


def test_a_venue_that_answers_is_no_trouble() -> None:
    assert trouble("kraken", None, {}, 2, 0.1, NOW) is None


def test_a_first_connection_that_fails_is_said_with_its_cause() -> None:
    said = trouble("kraken", outage(28), {}, 0, None, NOW)
    assert said == "kraken can't be reached since 14:02 UTC: ExchangeNotAvailable: no route"


def test_all_sockets_down_is_a_venue_that_cannot_be_reached() -> None:
    down = {"BTC/USD candles": outage(3, "first"), "BTC/USD ticker": outage(2, "second")}
    assert trouble("kraken", None, down, 2, 180, NOW) == "kraken can't be reached since 14:27 UTC: first"
    assert trouble("kraken", None, down, 3, 1, NOW) == (
        "kraken: 2 of 3 subscriptions are down; BTC/USD candles since 14:27 UTC: first"
    )


def test_rest_that_fails_while_sockets_are_heard_is_said_as_that() -> None:
    assert trouble("kraken", outage(5), {}, 2, 0.1, NOW) == (
        "kraken answers no questions since 14:25 UTC: ExchangeNotAvailable: no route"
    )


def test_a_failure_that_nobody_asked_about_again_is_forgotten_once_the_sockets_are_heard() -> None:
    assert trouble("kraken", outage(5, last_ago=4), {}, 2, 0.1, NOW) is None


def test_a_long_outage_names_its_day() -> None:
    said = trouble("kraken", outage(24 * 60), {}, 0, None, NOW)
    assert said is not None
    assert "since 2026-01-04 14:30 UTC" in said


def test_an_outage_goes_on_from_its_first_failure() -> None:
    first = Outage.after(None, OSError("one"))
    second = Outage.after(first, OSError("two"))
    assert (second.since, second.cause) == (first.since, "OSError: two")


def test_the_cause_under_the_error_is_told() -> None:
    error = ValueError("kraken GET https://x")
    error.__cause__ = OSError("Temporary failure in name resolution")
    assert in_words(error) == "ValueError: kraken GET https://x (Temporary failure in name resolution)"
