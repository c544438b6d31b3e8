from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.core.pace import LONGEST_PAUSE, MOST_ATTEMPTS, is_repeat, pause_after, wants
from tests.services.alerts.alarms import NOON

WINDOW = timedelta(minutes=15)


def test_a_target_hears_its_severity_and_worse() -> None:
    assert [wants("warning", severity) for severity in ("info", "warning", "critical")] == [False, True, True]


def test_pauses_double_up_to_half_an_hour_and_end_after_hours() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert [pause.total_seconds() for pause in pauses[:4]] == [10, 20, 40, 80]
    assert pauses[-1] == LONGEST_PAUSE == max(pauses)
    assert timedelta(hours=3) < sum(pauses, timedelta()) < timedelta(hours=5)
    assert pause_after(10**6) == LONGEST_PAUSE


@given(st.lists(st.integers(0, 4 * 3600), min_size=1, max_size=60))
def test_of_one_code_at_most_one_a_window_is_handed_on_and_none_is_lost(seconds: list[int]) -> None:
    times = [NOON + timedelta(seconds=second) for second in sorted(seconds)]
    heads, counted = [times[0]], 0
    for time in times[1:]:
        if is_repeat(heads[-1], time, WINDOW):
            counted += 1
            assert time - heads[-1] < WINDOW
        else:
            heads.append(time)
    assert len(heads) + counted == len(times)
    assert all(later - earlier >= WINDOW for earlier, later in pairwise(heads))


def test_a_clock_that_was_set_back_counts_too() -> None:
    assert is_repeat(NOON, NOON - timedelta(minutes=1), WINDOW)


def test_without_a_window_everything_is_handed_on() -> None:
    assert not is_repeat(NOON, NOON, timedelta(0))
