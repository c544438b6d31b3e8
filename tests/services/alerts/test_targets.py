import asyncio
import io
import logging
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.alerts.adapters.targets import HANGS, STILL_HANGS, AppriseTarget, targets_of
from services.alerts.core.words import Words
from shared.errors import ConfigError
from tests.services.alerts.alarms import SECRET, Mailbox, Webhook, serving

WORDS = Words("critical", "Parley <desk>", "What & where\nWhat to do: nothing")
SOON = timedelta(seconds=0.5)


def target(url: str, patience: timedelta = timedelta(seconds=20)) -> AppriseTarget:
    (only,) = targets_of(url, "warning", patience)
    return only


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_addresses_are_named_by_kind_and_number_and_may_have_their_own_severity() -> None:
    found = targets_of(
        "json://a.de/x, critical=JSON://b.de/y ,mailto://u:p@c.de?to=x@c.de,y@c.de,info=xml://d.de", "warning"
    )
    assert [(each.name, each.least) for each in found] == [
        ("json-1", "warning"), ("json-2", "critical"), ("mailto-1", "warning"), ("xml-1", "info"),
    ]  # fmt: skip


@pytest.mark.parametrize("nothing", ["", "  ", " , "])
def test_no_address_is_no_target(nothing: str) -> None:
    assert targets_of(nothing, "info") == []


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        (SECRET, "address 1 of 1 is none"),
        (f"json://a.de, tgrm://{SECRET}/1", r"address 2 of 2 \(tgrm://…\) is none"),
        (f"tgram://{SECRET}", r"address 1 of 1 \(tgram://…\) is none"),
    ],
)
def test_a_wrong_address_is_told_by_its_place(urls: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=f"ALERT_URLS: {said}") as caught:
        targets_of(urls, "info")
    assert SECRET not in str(caught.value)
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("scheme", ["json", "xml"])
async def test_words_arrive_at_a_webhook(scheme: str) -> None:
    hook = Webhook()
    async with serving(hook):
        assert await target(hook.url(scheme)).send(WORDS) == (True, "", False)
    (body,) = hook.bodies
    assert "Parley" in body
    assert "What to do: nothing" in body


@pytest.mark.parametrize(("status", "why"), [(500, "error=500"), (429, "error=429"), (404, "error=404")])
async def test_a_refusal_says_why_and_no_secret(status: int, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    hook = Webhook([status])
    async with serving(hook):
        answer = await target(hook.url()).send(WORDS)
    assert (answer.arrived, answer.uncertain) == (False, False)
    assert why in answer.why
    assert SECRET not in answer.why + "".join(capfd.readouterr())


async def test_an_address_marked_optional_that_fails_has_failed() -> None:
    hook = Webhook([500])
    async with serving(hook):
        assert not (await target(hook.url() + "?optional=yes").send(WORDS)).arrived


async def test_a_closed_port_is_a_refused_connection(closed_port: int, capfd: pytest.CaptureFixture[str]) -> None:
    answer = await target(f"json://me:{SECRET}@127.0.0.1:{closed_port}/{SECRET}2").send(WORDS)
    assert "connection refused" in answer.why
    assert not answer.uncertain
    assert "127.0.0.1" not in answer.why, "where a token stands in place of a host, that is the secret"
    assert SECRET not in answer.why + "".join(capfd.readouterr())


async def test_what_the_library_logs_reaches_no_log_of_the_process(closed_port: int) -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logging.getLogger().addHandler(handler)
    try:
        await target(f"json://127.0.0.1:{closed_port}/{SECRET}").send(WORDS)
    finally:
        logging.getLogger().removeHandler(handler)
    assert lines.getvalue() == ""


async def test_a_target_that_does_not_answer_may_have_got_it() -> None:
    hook = Webhook(hanging=True)
    async with serving(hook):
        answer = await target(hook.url() + "?rto=0.2").send(WORDS)
        assert (answer.arrived, answer.uncertain) == (False, True)
        assert "timed out" in answer.why


async def test_a_target_that_hangs_has_one_thread_and_takes_messages_again_afterwards() -> None:
    hook = Webhook(hanging=True)
    async with serving(hook):
        slow = target(hook.url(), SOON)
        assert await slow.send(WORDS) == (False, HANGS, True)
        assert await slow.send(WORDS) == (False, STILL_HANGS, False)
        assert len(hook.bodies) == 1
        hook.hanging = False
        await asyncio.sleep(0.3)
        assert (await slow.send(WORDS)).arrived
    assert len(hook.bodies) == 2


async def test_a_target_that_hangs_does_not_keep_the_process_from_ending() -> None:
    hook = Webhook(hanging=True)
    code = (
        "import asyncio, datetime, sys\n"
        "from services.alerts.adapters.targets import targets_of\n"
        "from services.alerts.core.words import Words\n"
        "(only,) = targets_of(sys.argv[1], 'info', datetime.timedelta(seconds=0.2))\n"
        "print(asyncio.run(only.send(Words('info', 'a', 'b'))).why)\n"
    )
    async with serving(hook):
        command = (sys.executable, "-c", code, hook.url() + "?rto=60")
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out.decode().strip()) == (0, HANGS)


async def test_a_letter_arrives_by_smtp() -> None:
    box = Mailbox()
    async with box.serving():
        answer = await target(f"mailto://me:{SECRET}@127.0.0.1:{box.port}?from=a@b.de&to=c@d.de&mode=insecure").send(
            WORDS
        )
    assert answer == (True, "", False)
    (letter,) = box.letters
    assert letter["Subject"] == "Parley <desk>"
    assert letter["To"] == "c@d.de"
    assert "What to do: nothing" in letter.get_body(("plain", "html")).get_content()


async def test_a_mail_server_that_lets_nobody_in_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    box = Mailbox(refusing=True)
    async with box.serving():
        answer = await target(f"mailto://me:{SECRET}@127.0.0.1:{box.port}?from=a@b.de&to=c@d.de&mode=insecure").send(
            WORDS
        )
    assert not answer.arrived
    assert "authentication failed" in answer.why
    assert SECRET not in answer.why + "".join(capfd.readouterr())


async def test_a_body_too_long_for_its_target_is_cut_not_refused() -> None:
    hook = Webhook()
    async with serving(hook):
        cutting = target(hook.url())
        cutting._plugin.body_maxlen = 100
        assert (await cutting.send(Words("info", "t", "x" * 5000))).arrived
    (message,) = hook.messages
    assert len(message) <= 100
