import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.core.advice import ADVICE, OTHERWISE
from services.alerts.core.pace import SEVERITIES
from services.alerts.core.words import LONGEST_BODY, UNCERTAIN, Desk, Due, lines, trial_words, words
from tests.services.alerts.alarms import NOON, due

SERVICES = Path(__file__).resolve().parents[3] / "services"
DESK = Desk("blue", "paper money", ZoneInfo("Europe/Berlin"))

CODES = sorted(ADVICE)[:6]
alerts = st.builds(
    Due,
    alert_id=st.uuids(),
    time=st.integers(0, 10_000).map(lambda m: NOON + timedelta(minutes=m)),
    last_time=st.just(NOON + timedelta(days=9)),
    severity=st.sampled_from(SEVERITIES),
    code=st.sampled_from([*CODES, "x" * 300]),
    text=st.text(max_size=3000),
    times=st.integers(1, 10**6),
    earlier=st.integers(0, 10**6),
    attempts=st.integers(1, 5),
    uncertain=st.booleans(),
)
bundles = st.lists(alerts, min_size=1, max_size=40)


def test_a_message_says_what_which_desk_since_when_and_what_to_do() -> None:
    said = words([due(1, "drawdown", "critical")], DESK)
    assert said.title == "Parley, desk blue: critical, drawdown"
    assert said.severity == "critical"
    what, desk, since, todo = said.body.splitlines()
    assert what == "BTC/USD: no message for 40 s"
    assert desk == "Desk: blue (paper money)"
    assert since == "Since: 2026-03-02 13:01 CET"
    assert todo == f"What to do: {ADVICE['drawdown']}"


def test_a_code_without_advice_says_where_to_look() -> None:
    assert f"What to do: {OTHERWISE}" in words([due(1, "brand_new")], DESK).body


def test_repeats_are_told_with_the_next_message() -> None:
    again = due(1, times=3, earlier=5)._replace(last_time=NOON + timedelta(minutes=9))
    since = words([again], DESK).body.splitlines()[2]
    assert (
        since
        == "Since: 2026-03-02 13:01 CET, 3 times, last 2026-03-02 13:09 CET, and 5 times more after the last message"
    )


def test_a_digest_has_a_line_for_each_code_the_worst_first() -> None:
    said = words([due(1), due(2, "book_crossed", times=4), due(3), due(4, "drawdown", "critical")], DESK)
    assert (said.severity, said.title) == ("critical", "Parley, desk blue: 7 alerts, the worst is critical")
    body = said.body.splitlines()
    assert [line.split(":")[0] for line in body[1:4]] == [
        "- critical, drawdown", "- warning, feed_stale", "- warning, book_crossed",
    ]  # fmt: skip
    assert body[2].endswith("(since 2026-03-02 13:01 CET, 2 times, last 2026-03-02 13:03 CET)")


def test_a_line_has_the_words_of_the_newest() -> None:
    said = words([due(1)._replace(text="old"), due(2)._replace(text="new"), due(0, "other")], DESK)
    assert "feed_stale: new (since" in said.body
    assert "old" not in said.body


def test_a_digest_too_long_to_show_counts_the_rest() -> None:
    many = [due(number, f"code{number}", times=2)._replace(text="x" * 900) for number in range(30)]
    said = words(many, DESK)
    shown = said.body.count("\n- ")
    assert 3 <= shown < 30
    assert f"\nand {2 * (30 - shown)} more\n" in said.body
    assert len(said.body) <= LONGEST_BODY


def test_what_may_have_arrived_says_so() -> None:
    assert UNCERTAIN in words([due(1, uncertain=True)], DESK).body
    assert UNCERTAIN not in words([due(1)], DESK).body


def test_a_test_is_marked_as_one() -> None:
    said = trial_words(NOON, DESK)
    assert "TEST" in said.title
    assert "This is a test" in said.body


def test_every_code_that_a_service_raises_has_advice() -> None:
    calls = r'(?:say\("\w+", |code=|_alert\(|BadData\()"(\w+)"'
    raised = {code for path in SERVICES.rglob("*.py") for code in re.findall(calls, path.read_text())}
    assert {"drawdown", "feed_stale", "ledger_differs", "book_crossed"} <= raised
    assert raised <= set(ADVICE)


@given(bundles)
def test_a_digest_loses_no_alert(bundle: Sequence[Due]) -> None:
    found = lines(bundle)
    assert sum(line.times for line in found) == sum(alert.times for alert in bundle)
    assert sum(line.earlier for line in found) == sum(alert.earlier for alert in bundle)
    assert {(line.code, line.severity) for line in found} == {(alert.code, alert.severity) for alert in bundle}
    assert len(found) == len({(line.code, line.severity) for line in found})
    ranks = [SEVERITIES.index(line.severity) for line in found]
    assert ranks == sorted(ranks, reverse=True)


@given(bundles)
def test_every_message_fits_and_counts_what_it_does_not_show(bundle: Sequence[Due]) -> None:
    found, said = lines(bundle), words(bundle, DESK)
    assert len(said.body) <= LONGEST_BODY
    assert said.severity == found[0].severity
    assert (UNCERTAIN in said.body) is any(alert.uncertain for alert in bundle)
    assert "What to do" in said.body
    if len(found) > 1:
        shown = len(re.findall(r"^- (?:info|warning|critical), ", said.body, re.MULTILINE))
        left = sum(line.times for line in found[shown:])
        assert shown >= 1
        assert (f"\nand {left} more\n" in said.body) is bool(left)


@given(st.lists(alerts, min_size=1, max_size=20, unique_by=lambda alert: alert.time))
def test_the_order_of_arrival_changes_no_message(bundle: Sequence[Due]) -> None:
    assert words(bundle[::-1], DESK) == words(bundle, DESK)
