"""The ccxt client of Kraken, pointed at the real venue or at another base URL, with nonces of our own."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ccxt.base.errors import NetworkError
from ccxt.pro.kraken import kraken
from pydantic import SecretStr

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TIMEOUT_MS = 7_000
"""Longer than the deadline of an order, so that a late answer is still read instead of looked up."""


@dataclass(frozen=True, slots=True)
class VenueAccess:
    """Where the venue is and how to open it. `url` empty: the real Kraken.

    `speed` is venue seconds per wall second, 0 where a conductor moves the venue's clock.
    """

    url: str
    key: SecretStr
    secret: SecretStr
    validate_only: bool
    speed: float

    @property
    def is_real(self) -> bool:
        """Whether orders would reach a venue outside this machine."""
        return urlsplit(self.url).hostname not in LOOPBACK


class KrakenClient(kraken):
    """ccxt's own client; what it leaves to its user is set here.

    Nonces are microseconds, strictly increasing within a process and, while its clock does not go back, across
    restarts. A refused subscription fails the waiting watchers; ccxt would leave them waiting for ever.
    """

    last_nonce = 0
    heard: asyncio.Queue[Mapping[str, Any] | Exception] | None = None

    def nonce(self) -> int:
        """The next nonce of this API key."""
        self.last_nonce = max(self.last_nonce + 1, time.time_ns() // 1_000)
        return self.last_nonce

    def hear(self) -> "asyncio.Queue[Mapping[str, Any] | Exception]":
        """Every fill from now on, as the socket words it; an exception once the socket is lost.

        ccxt's own `watch` tells of what came while nobody was waiting only when the next message comes.
        """
        self.heard = asyncio.Queue()
        return self.heard

    def handle_message(self, client: Any, message: Any) -> None:
        """As ccxt does, and passes fills on to whoever hears; a message may mix them with other events."""
        if self.heard is not None and isinstance(message, dict) and message.get("channel") == "executions":
            for event in message.get("data") or ():
                if event.get("exec_type") == "trade":
                    self.heard.put_nowait(event)
        super().handle_message(client, message)

    def handle_error_message(self, client: Any, message: Any) -> Any:
        """As ccxt does, and wakes everyone whom a refused subscription concerns."""
        fine = super().handle_error_message(client, message)
        if not fine and self.safe_string(message, "method") == "subscribe":
            client.reject(NetworkError(f"{self.id} {message['error']}"))
        return fine

    def on_error(self, client: Any, error: Any) -> None:
        """A socket failed."""
        super().on_error(client, error)
        self._lost(error)

    def on_close(self, client: Any, error: Any) -> None:
        """A socket was closed by the venue."""
        super().on_close(client, error)
        self._lost(error)

    def _lost(self, reason: object) -> None:
        if self.heard is not None:
            self.heard.put_nowait(NetworkError(f"{self.id} lost its socket: {reason}"))


def kraken_client(access: VenueAccess) -> KrakenClient:
    """A client of the venue. Rate limiting is ours (`shared.broker.rate_limit`): ccxt's runs on the wall clock only."""
    client = KrakenClient(
        {
            "apiKey": access.key.get_secret_value(),
            "secret": access.secret.get_secret_value(),
            "number": str,
            "enableRateLimit": False,
            "timeout": TIMEOUT_MS,
            # A quarter of a second's wait at close, which only Windows needs.
            "timeout_on_exit": 0,
        }
    )
    if access.url:
        point_at(client, access.url)
    return client


def point_at(client: Any, url: str) -> None:
    """Sends every REST call to `url` and every socket to its `/v2`."""
    base = url.rstrip("/")
    socket = base.replace("http", "ws", 1) + "/v2"
    api = client.urls["api"]
    api["public"] = api["private"] = base
    api["ws"] = dict.fromkeys(api["ws"], socket)
