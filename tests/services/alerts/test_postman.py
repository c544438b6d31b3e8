import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from services.alerts.adapters.records import CUT_SHORT, NOT_A_TARGET, DatabaseDeliveries, DatabaseRecords
from services.alerts.adapters.targets import Answer, targets_of
from services.alerts.core.pace import MOST_ATTEMPTS, Severity, pause_after
from services.alerts.core.quiet import QuietHours, quiet_hours
from services.alerts.core.words import UNCERTAIN, Desk, Words
from services.alerts.handlers import Handlers
from services.alerts.postman import TAKEN_FOR, Pace, Postman
from shared.db import Database
from shared.schemas.system import AlertRaised
from tests.services.alerts.alarms import NOON, SECRET, Webhook, alert, rows, serving, states, until
from tests.services.delivery import deliver

NIGHT = quiet_hours("22:00-07:00", "UTC")
BLUE = Desk("blue", "paper money", UTC)
QUICK = Pace(gap=timedelta(0), poll=0.02)


@dataclass
class Clock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


@dataclass
class Reader:
    """A target that keeps what it is told, and answers as it was told to; the last answer for good."""

    name: str = "reader"
    least: Severity = "info"
    answers: list[Answer] = field(default_factory=lambda: [Answer(True)])
    got: list[Words] = field(default_factory=list)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.free.set()

    async def send(self, words: Words) -> Answer:
        self.got.append(words)
        await self.free.wait()
        return self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)


@dataclass
class Bell:
    """The service without a bus: what is said to it is handled, and sent beside that."""

    database: Database
    readers: Sequence[Reader]
    clock: Clock
    quiet: QuietHours | None = None
    pace: Pace = QUICK
    leads: bool = True

    def __post_init__(self) -> None:
        deliveries = DatabaseDeliveries(self.database)
        self.postman = Postman(self.readers, deliveries, BLUE, self.quiet, self.clock, lambda: self.leads, self.pace)
        self.handlers = Handlers(self.readers, timedelta(minutes=15), DatabaseRecords(), self.clock)

    async def say(self, *said: AlertRaised) -> None:
        for message in said:
            await deliver(self.database, self.handlers.on_alert_raised, message)
        self.postman.poke()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(self.postman.run(stop))
        yield
        stop.set()
        await task


Begin = Callable[..., Bell]


@pytest.fixture
def begin(database: Database) -> Begin:
    def bell(*readers: Reader, at: datetime = NOON, **more: object) -> Bell:
        return Bell(database, readers, Clock(at), **more)  # type: ignore[arg-type]

    return bell


async def settled() -> None:
    """Long enough for a postman who looks every 20 ms."""
    await asyncio.sleep(0.3)


async def sent(bell: Bell, target: str, count: int) -> bool:
    return (await states(bell.database)).get(target, []).count("sent") == count


async def test_an_alert_reaches_every_target_that_hears_it_once(begin: Begin) -> None:
    loud, calm = Reader("loud"), Reader("calm", "critical")
    bell = begin(loud, calm)
    async with bell.running():
        await bell.say(alert(1))
        await until(lambda: sent(bell, "loud", 1))
        await bell.say(alert(2, "drawdown", "critical"))
        await until(lambda: sent(bell, "loud", 2))
        await until(lambda: sent(bell, "calm", 1))
        await settled()
    assert [words.title.rsplit(" ", 1)[1] for words in loud.got] == ["feed_stale", "drawdown"]
    assert [words.severity for words in calm.got] == ["critical"]


async def test_a_slow_target_holds_up_no_other(begin: Begin) -> None:
    slow, quick = Reader("slow"), Reader("quick")
    slow.free.clear()
    bell = begin(slow, quick)
    async with bell.running():
        for number, code in enumerate("abc"):
            await bell.say(alert(number, code))
            await until(lambda wanted=number + 1: sent(bell, "quick", wanted))
        assert sorted((await states(bell.database))["slow"]) == ["sending", "waiting", "waiting"]
        slow.free.set()
        await until(lambda: sent(bell, "slow", 3))
    assert len(slow.got) == 2
    assert "2 alerts" in slow.got[1].title


async def test_a_failing_target_is_tried_again_after_growing_pauses(begin: Begin) -> None:
    failing = Reader(answers=[Answer(False, "error=500")] * 3 + [Answer(True)])
    bell = begin(failing)
    await bell.say(alert(1))
    async with bell.running():
        for attempts in (1, 2, 3):
            await until(lambda wanted=attempts: len(failing.got) == wanted)
            await settled()
            assert (await states(bell.database))["reader"] == ["waiting"]
            assert len(failing.got) == attempts
            assert bell.postman.health() == {"targets": {"reader": "error=500"}}
            bell.clock.time += pause_after(attempts)
        await until(lambda: sent(bell, "reader", 1))
    assert bell.postman.health() == {"targets": {"reader": "ok"}}
    assert len(failing.got) == 4


async def test_a_target_that_never_takes_it_is_given_up_and_that_is_kept(begin: Begin) -> None:
    dead = Reader(answers=[Answer(False, "error=404")])
    bell = begin(dead)
    await bell.say(alert(1))
    async with bell.running():
        for attempts in range(1, MOST_ATTEMPTS + 1):
            await until(lambda wanted=attempts: len(dead.got) == wanted)
            await until(lambda: bell.postman.health() == {"targets": {"reader": "error=404"}})
            await asyncio.sleep(0.05)
            bell.clock.time += pause_after(attempts)
        await settled()
    (row,) = await rows(bell.database, "select state, attempts, error from alert_deliveries")
    assert tuple(row) == ("not_delivered", MOST_ATTEMPTS, "error=404")
    assert len(dead.got) == MOST_ATTEMPTS


async def test_critical_passes_the_night_and_the_others_are_one_message_in_the_morning(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader, at=datetime(2026, 1, 5, 23, tzinfo=UTC), quiet=NIGHT)
    async with bell.running():
        for number in range(4):
            await bell.say(alert(number, "feed_stale"), alert(number, "book_crossed"))
            bell.clock.time += timedelta(minutes=20)
        await bell.say(alert(9, "drawdown", "critical"))
        await until(lambda: sent(bell, "reader", 1))
        bell.clock.time = datetime(2026, 1, 6, 6, 59, 59, tzinfo=UTC)
        await settled()
        assert [words.severity for words in reader.got] == ["critical"]
        bell.clock.time = datetime(2026, 1, 6, 7, tzinfo=UTC)
        await until(lambda: sent(bell, "reader", 9))
    assert len(reader.got) == 2
    assert reader.got[1].title == "Parley, desk blue: 8 alerts, the worst is warning"
    assert len([line for line in reader.got[1].body.splitlines() if line.startswith("- ")]) == 2


async def test_what_failed_before_the_night_waits_for_the_morning_too(begin: Begin) -> None:
    reader = Reader(answers=[Answer(False, "away"), Answer(True)])
    bell = begin(reader, at=datetime(2026, 1, 5, 21, 59, 55, tzinfo=UTC), quiet=NIGHT)
    await bell.say(alert(1))
    async with bell.running():
        await until(lambda: bool(reader.got))
        bell.clock.time += timedelta(minutes=1)
        await settled()
        assert len(reader.got) == 1
        bell.clock.time = datetime(2026, 1, 6, 7, tzinfo=UTC)
        await until(lambda: sent(bell, "reader", 1))


async def test_messages_keep_their_distance_and_nothing_is_lost_by_it(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader, pace=Pace(gap=timedelta(seconds=5), poll=0.02))
    async with bell.running():
        await bell.say(alert(0, "code0"))
        await until(lambda: sent(bell, "reader", 1))
        for number in range(1, 30):
            await bell.say(alert(number, f"code{number}", "critical"))
        await settled()
        assert len(reader.got) == 1
        bell.clock.time += timedelta(seconds=5)
        await until(lambda: sent(bell, "reader", 30))
    assert len(reader.got) == 2


async def test_counted_repeats_are_told_with_the_next_message_and_only_once(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader)
    async with bell.running():
        for number, minutes in enumerate((0, 1, 2, 20, 40)):
            bell.clock.time = NOON + timedelta(minutes=minutes)
            await bell.say(alert(number))
            await until(lambda: states_without_waiting(bell))
    assert ["times more" in words.body for words in reader.got] == [False, True, False]
    assert "and 2 times more after the last message" in reader.got[1].body


async def test_repeats_that_a_message_told_of_are_not_told_again(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader, at=datetime(2026, 1, 6, 6, 50, tzinfo=UTC), quiet=NIGHT)
    async with bell.running():
        await bell.say(alert(1), alert(2), alert(3))
        bell.clock.time = datetime(2026, 1, 6, 7, tzinfo=UTC)
        await until(lambda: sent(bell, "reader", 1))
        await bell.say(alert(4))
        bell.clock.time = datetime(2026, 1, 6, 8, tzinfo=UTC)
        await bell.say(alert(5))
        await until(lambda: sent(bell, "reader", 2))
    assert "3 times" in reader.got[0].body
    assert "and 1 times more after the last message" in reader.got[1].body


async def states_without_waiting(bell: Bell) -> bool:
    return set((await states(bell.database))["reader"]) == {"sent"}


async def test_a_standby_sends_nothing(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader, leads=False)
    await bell.say(alert(1))
    async with bell.running():
        await settled()
        assert reader.got == []
        bell.leads = True
        await until(lambda: sent(bell, "reader", 1))


async def test_what_a_dead_process_was_sending_is_sent_again_with_a_word_of_doubt(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader)
    await bell.say(alert(1))
    await DatabaseDeliveries(bell.database).take("reader", NOON, NOON + TAKEN_FOR, quiet=False)
    async with bell.running():
        bell.clock.time += TAKEN_FOR - timedelta(seconds=1)
        await settled()
        assert reader.got == []
        bell.clock.time += timedelta(seconds=1)
        await until(lambda: sent(bell, "reader", 1))
    assert UNCERTAIN in reader.got[0].body


async def test_a_message_on_its_way_when_the_service_stops_is_settled_first(begin: Begin) -> None:
    reader = Reader()
    reader.free.clear()
    bell = begin(reader)
    await bell.say(alert(1))
    async with bell.running():
        await until(lambda: bool(reader.got))
        asyncio.get_running_loop().call_later(0.2, reader.free.set)
    assert (await states(bell.database))["reader"] == ["sent"]


async def test_what_waits_for_a_target_that_is_gone_is_not_delivered(begin: Begin) -> None:
    bell = begin(Reader("gone"), Reader("kept"), leads=False)
    await bell.say(alert(1))
    other = begin(Reader("kept"))
    async with other.running():
        await until(lambda: sent(other, "kept", 1))
    (row,) = await rows(bell.database, "select state, error from alert_deliveries where target = 'gone'")
    assert tuple(row) == ("not_delivered", NOT_A_TARGET)


async def test_what_kills_every_process_that_sends_it_is_given_up(begin: Begin) -> None:
    reader = Reader()
    bell = begin(reader)
    await bell.say(alert(1))
    deliveries = DatabaseDeliveries(bell.database)
    for _ in range(MOST_ATTEMPTS):
        assert await deliveries.take("reader", bell.clock.time, bell.clock.time + TAKEN_FOR, quiet=False)
        bell.clock.time += TAKEN_FOR
    async with bell.running():
        await settled()
    assert reader.got == []
    (row,) = await rows(bell.database, "select state, error from alert_deliveries")
    assert tuple(row) == ("not_delivered", CUT_SHORT)


async def test_real_targets_one_that_fails_one_that_hangs_one_that_says_429(database: Database) -> None:
    good, failing, hanging, busy = Webhook(), Webhook([500]), Webhook(hanging=True), Webhook([429, 200])
    hooks = (good, failing, hanging, busy)
    async with serving(*hooks):
        found = targets_of(",".join(hook.url() for hook in hooks), "info")
        clock = Clock()
        postman = Postman(found, DatabaseDeliveries(database), BLUE, None, clock, lambda: True, QUICK)
        handlers = Handlers(found, timedelta(minutes=15), DatabaseRecords(), clock)
        stop = asyncio.Event()
        with structlog.testing.capture_logs() as logged:
            task = asyncio.create_task(postman.run(stop))
            for number, code in enumerate("abc"):
                await deliver(database, handlers.on_alert_raised, alert(number, code))
                await until(lambda wanted=number + 1: len(good.bodies) == wanted)
            clock.time += timedelta(minutes=1)
            await until(lambda: len(busy.bodies) >= 2)
            hanging.hanging = False
            await settled()
            stop.set()
            await task
    found_states = await states(database)
    assert found_states["json-1"] == ["sent"] * 3
    assert found_states["json-2"] == ["waiting"] * 3
    assert "sent" in found_states["json-4"]
    assert all(SECRET not in str(line) for line in logged)
    assert any("error=429" in line["error"] for line in logged)
    assert SECRET not in str(await rows(database, "select error from alert_deliveries"))
