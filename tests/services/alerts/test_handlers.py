from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.adapters.records import DatabaseRecords
from services.alerts.core.pace import Severity
from services.alerts.handlers import Handlers
from shared.db import Database
from shared.schemas.system import AlertRaised
from tests.services.alerts.alarms import NOON, alert, rows, states
from tests.services.delivery import deliver, deliver_in_vain

WINDOW = timedelta(minutes=15)


class Ear(NamedTuple):
    name: str
    least: Severity


@dataclass
class Clock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def handlers(clock: Clock, *ears: Ear, window: timedelta = WINDOW) -> Handlers:
    return Handlers(ears, window, DatabaseRecords(), clock)


async def hear(database: Database, clock: Clock, said: Sequence[AlertRaised], *ears: Ear) -> None:
    own = handlers(clock, *ears)
    for message in said:
        assert await deliver(database, own.on_alert_raised, message) == []


async def test_each_target_gets_what_it_hears(database: Database, clock: Clock) -> None:
    said = [alert(1, "a", "info"), alert(2, "b", "warning"), alert(3, "c", "critical")]
    await hear(database, clock, said, Ear("all", "info"), Ear("few", "critical"), Ear("most", "warning"))
    assert {target: len(found) for target, found in (await states(database)).items()} == {"all": 3, "most": 2, "few": 1}


async def test_without_targets_alerts_are_kept_all_the_same(database: Database, clock: Clock) -> None:
    await hear(database, clock, [alert(1)])
    assert [(row.code, row.text, row.time) for row in await rows(database, "select * from alerts")] == [
        ("feed_stale", "BTC/USD: no message for 40 s", NOON + timedelta(minutes=1))
    ]
    assert await states(database) == {}


async def test_the_same_id_again_changes_nothing(database: Database, clock: Clock) -> None:
    await hear(database, clock, [alert(1), alert(2)], Ear("a", "info"))
    before = await rows(database, "select * from alerts order by id")
    clock.time += timedelta(hours=1)
    await hear(database, clock, [alert(1), alert(2)], Ear("a", "info"))
    assert await rows(database, "select * from alerts order by id") == before
    assert await states(database) == {"a": ["waiting"]}


async def test_a_repeat_is_counted_and_one_after_the_window_is_sent(database: Database, clock: Clock) -> None:
    own = handlers(clock, Ear("a", "info"))
    for minutes in (0, 5, 14.99, 15, 20):
        clock.time = NOON + timedelta(minutes=minutes)
        await deliver(database, own.on_alert_raised, alert(int(minutes * 100)))
    found = await rows(database, "select repeats, last_time from alerts where repeat_of is null order by received_at")
    assert [(row.repeats, row.last_time) for row in found] == [
        (2, NOON + timedelta(minutes=1499)),
        (1, NOON + timedelta(minutes=2000)),
    ]
    assert await states(database) == {"a": ["waiting", "waiting"]}


async def test_a_worse_alert_of_the_same_code_is_no_repeat(database: Database, clock: Clock) -> None:
    await hear(database, clock, [alert(1), alert(2, severity="critical"), alert(3, "other")], Ear("a", "info"))
    assert await states(database) == {"a": ["waiting"] * 3}


async def test_nothing_of_a_batch_that_failed_is_kept(database: Database, clock: Clock) -> None:
    await deliver_in_vain(database, handlers(clock, Ear("a", "info")).on_alert_raised, [alert(1), alert(2, "b")])
    assert await rows(database, "select * from alerts") == []


async def test_a_password_in_an_alerts_text_is_masked(database: Database, clock: Clock) -> None:
    await hear(database, clock, [alert(words="redis://me:hunter2@host is away")])
    assert [row.text for row in await rows(database, "select text from alerts")] == ["redis://me:***@host is away"]


arrivals = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["a", "b"]), st.sampled_from(["warning", "critical"])), max_size=12
)


@settings(max_examples=20)
@given(arrivals)
async def test_every_alert_is_handed_on_or_counted_once(
    database: Database, steps: list[tuple[int, str, Severity]]
) -> None:
    await rows(database, "truncate alerts cascade")
    clock = Clock()
    own = handlers(clock, Ear("one", "info"), Ear("two", "critical"))
    said = []
    for number, (minutes, code, severity) in enumerate(steps):
        clock.time += timedelta(minutes=minutes)
        said.append(alert(number, code, severity))
        for _ in range(2):
            await deliver(database, own.on_alert_raised, said[-1])
    kept = await rows(database, "select * from alerts order by received_at")
    assert {row.id for row in kept} == {message.message_id for message in said}
    heads = [row for row in kept if row.repeat_of is None]
    assert sum(1 + row.repeats for row in heads) == len(said)
    for head in heads:
        of_it = [row for row in kept if row.repeat_of == head.id]
        assert len(of_it) == head.repeats
        assert all((row.code, row.severity) == (head.code, head.severity) for row in of_it)
        assert all(row.received_at - head.received_at < WINDOW for row in of_it)
    told = Counter(row.target for row in await rows(database, "select target from alert_deliveries"))
    assert told["one"] == len(heads)
    assert told["two"] == sum(row.severity == "critical" for row in heads)
