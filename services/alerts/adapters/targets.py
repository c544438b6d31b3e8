"""Where alerts go: each address of ALERT_URLS, through apprise. No part of an address leaves this file."""

import asyncio
import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import NamedTuple, Protocol
from urllib.parse import unquote

import apprise
from apprise.plugins import NotifyBase

from services.alerts.core.pace import SEVERITIES, Severity
from services.alerts.core.words import Words
from shared.errors import ConfigError

PATIENCE = timedelta(seconds=30)
"""What a target gets to answer."""

HANGS = "it did not answer in time"
STILL_HANGS = "it still has not answered the try before"
NO_REASON = "it refused"

_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}
_NEXT = re.compile(rf"\s*,\s*(?=(?:(?:{'|'.join(SEVERITIES)})=)?[a-z][a-z0-9]*://)", re.IGNORECASE)
_ADDRESS = re.compile(
    rf"(?:(?P<least>{'|'.join(SEVERITIES)})=)?(?P<url>(?P<scheme>[a-z][a-z0-9]*)://.*)", re.IGNORECASE
)
_REASONS = re.compile(
    r"connection refused|timed out|name or service not known|temporary failure in name resolution|"
    r"no address associated|certificate verify failed|wrong version number|connection reset|"
    r"connection unexpectedly closed|remote end closed connection|network is unreachable|no route to host|"
    r"authentication (?:failed|required|credentials invalid)",
    re.IGNORECASE,
)
"""The parts of a library's debug line that may be told: the rest of it may hold the address."""

_SAID = frozenset({"WARNING", "ERROR", "CRITICAL"})

# otherwise it works in threads of its own pool, which a process waits for before it ends
_ASSET = apprise.AppriseAsset(async_mode=False, service_timeout=0)

# its lines name addresses; what may be said of them stands in an answer
_LOGGER = logging.getLogger("apprise")
_LOGGER.propagate = False
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.setLevel(logging.DEBUG)


class Answer(NamedTuple):
    """Whether it arrived, and if not, why; `uncertain` where it may have arrived all the same."""

    arrived: bool
    why: str = ""
    uncertain: bool = False


class Target(Protocol):
    """Somewhere a person reads."""

    @property
    def name(self) -> str: ...

    @property
    def least(self) -> Severity: ...

    async def send(self, words: Words) -> Answer:
        """Send it and wait for the answer, PATIENCE at most."""
        ...


class AppriseTarget:
    """One address. `name` is its scheme with a number, `secrets` are the parts of it that nobody may read.

    apprise blocks, so it works in a thread, of which a target has one at most: where that hangs, the next message
    is refused until it has ended.
    """

    def __init__(
        self, name: str, least: Severity, plugin: NotifyBase, url: str, patience: timedelta = PATIENCE
    ) -> None:
        self.name = name
        self.least = least
        self._plugin = plugin
        self._secrets = _parts(url)
        self._patience = patience.total_seconds()
        self._busy: Future[Answer] | None = None

    async def send(self, words: Words) -> Answer:
        """Send it and wait for the answer, `patience` at most."""
        if self._busy is not None and not self._busy.done():
            return Answer(False, STILL_HANGS)
        self._busy = Future()
        self._busy.set_running_or_notify_cancel()
        # a daemon: a target that hangs must not keep the process from ending
        threading.Thread(target=self._work, args=(words, self._busy), name=self.name, daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._busy), self._patience)
        except TimeoutError:
            return Answer(False, HANGS, uncertain=True)

    def _work(self, words: Words, answer: "Future[Answer]") -> None:
        result = apprise.Apprise(self._plugin).notify(
            body=words.body,
            title=words.title,
            notify_type=_TYPES[words.severity],
            body_format=apprise.NotifyFormat.TEXT,
            log_level=logging.DEBUG,
        )
        with result:
            # an address with optional=yes is a success to apprise whatever happens
            arrived = any(attempt for each in result.results for attempt in each)
            answer.set_result(Answer(True) if arrived else self._refusal(result))

    def _refusal(self, result: apprise.AppriseResult) -> Answer:
        logged = list(result.logs())
        said = [self._masked(entry.message) for entry in logged if entry.level in _SAID]
        reasons = [found[0].lower() for entry in logged if (found := _REASONS.search(entry.message))]
        told = [text for text in dict.fromkeys((*said, *reasons)) if text]
        return Answer(False, "; ".join(told)[:500] or NO_REASON, uncertain="timed out" in reasons)

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return re.sub(r"\w+://\S+", "…", text).strip().rstrip(".")


def _parts(url: str) -> Sequence[str]:
    """Whatever in an address could be a secret, the longest first: short words alone are none."""
    rest = url.partition("://")[2]
    found = {part for text in (rest, unquote(rest)) for part in re.split(r"[/:@?&=,#\s]+", text) if len(part) > 3}
    return sorted(found, key=len, reverse=True)


def targets_of(urls: str, least: Severity, patience: timedelta = PATIENCE) -> Sequence[AppriseTarget]:
    """The targets of ALERT_URLS; `least` for those that name no severity. ConfigError tells which one is wrong."""
    return list(_targets([part for part in _NEXT.split(urls.strip().strip(",")) if part], least, patience))


def _targets(addresses: Sequence[str], least: Severity, patience: timedelta) -> Iterable[AppriseTarget]:
    seen: Counter[str] = Counter()
    for place, address in enumerate(addresses, start=1):
        found = _ADDRESS.fullmatch(address.strip())
        plugin = apprise.Apprise.instantiate(found["url"], asset=_ASSET) if found else None
        if found is None or plugin is None:
            kind = f" ({found['scheme']}://…)" if found else ""
            raise ConfigError(
                f"ALERT_URLS: address {place} of {len(addresses)}{kind} is none that apprise knows, or lacks a part; "
                "https://appriseit.com/services/ shows how each is written."
            )
        if "overflow=" not in found["url"].lower():
            plugin.overflow_mode = apprise.OverflowMode.TRUNCATE
        scheme = found["scheme"].lower()
        seen[scheme] += 1
        own: Severity = next((each for each in SEVERITIES if each == (found["least"] or "").lower()), least)
        yield AppriseTarget(f"{scheme}-{seen[scheme]}", own, plugin, found["url"], patience)
