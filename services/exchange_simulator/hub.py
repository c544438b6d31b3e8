"""WebSocket connections, who subscribed to what, and the frames that go out to them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from struct import pack
from typing import Any

from services.exchange_simulator.faults import Faults
from services.exchange_simulator.wire import encode

Key = tuple[str | int, ...]
EXECUTIONS: Key = ("executions",)
BALANCES: Key = ("balances",)
UNREAD_LIMIT = 32 * 1024 * 1024
LATE_SECONDS = 0.2


def text_frame(text: str) -> bytes:
    """An unmasked, final text frame (RFC 6455, 5.2). The same bytes serve every subscriber."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return pack("!BB", 0x81, size) + payload
    if size < 65536:
        return pack("!BBH", 0x81, 126, size) + payload
    return pack("!BBQ", 0x81, 127, size) + payload


class Connection:
    """One client's socket. Frames wait until ``flush``, so that a step of the market is one write."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.keys: set[Key] = set()
        self._transport = transport
        self._waiting: list[bytes] = []
        self._sequence: Counter[str] = Counter()

    def queue(self, frame: bytes) -> None:
        self._waiting.append(frame)

    def send_text(self, text: str) -> None:
        self.queue(text_frame(text))

    def send(self, message: dict[str, Any]) -> None:
        self.send_text(encode(message))

    def send_numbered(self, channel: str, kind: str, data: Sequence[dict[str, Any]]) -> None:
        """A message of a private channel; ``sequence`` counts them per connection."""
        self._sequence[channel] += 1
        self.send({"channel": channel, "type": kind, "data": data, "sequence": self._sequence[channel]})

    def flush(self) -> None:
        frames, self._waiting = self._waiting, []
        if not frames or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            self.drop()  # a client that stopped reading must not fill the venue's memory
        else:
            self._transport.write(b"".join(frames))

    def drop(self) -> None:
        self._transport.abort()


class Hub:
    """All connections; the audience of the account's events."""

    def __init__(self, faults: Faults) -> None:
        self.connections: set[Connection] = set()
        self._by_key: dict[Key, dict[Connection, None]] = {}
        self._variants: dict[tuple[str | int, ...], list[Key]] = {}
        self._faults = faults
        self._late: list[dict[str, Any]] = []

    def counts(self) -> dict[str, int]:
        """Subscriptions per channel, one for each connection and symbol."""
        totals: Counter[str] = Counter()
        for key, members in self._by_key.items():
            totals[str(key[0])] += len(members)
        return dict(totals)

    def keys(self, channel: str, symbol: str) -> list[Key]:
        """What somebody is subscribed to: one key for each interval or depth."""
        return self._variants.get((channel, symbol), [])

    def join(self, connection: Connection, key: Key) -> bool:
        """Whether the subscription is new."""
        if key in connection.keys:
            return False
        connection.keys.add(key)
        if key not in self._by_key:
            self._by_key[key] = {}
            self._variants.setdefault(key[:2], []).append(key)
        self._by_key[key][connection] = None
        return True

    def leave(self, connection: Connection, key: Key) -> bool:
        if key not in connection.keys:
            return False
        connection.keys.discard(key)
        members = self._by_key[key]
        members.pop(connection, None)
        if not members:
            del self._by_key[key]
            self._variants[key[:2]].remove(key)
        return True

    def forget(self, connection: Connection) -> None:
        for key in list(connection.keys):
            self.leave(connection, key)
        self.connections.discard(connection)

    def publish(self, key: Key, text: Callable[[], str]) -> None:
        """Queues a message for the key's subscribers; builds it only if there are any."""
        if members := self._by_key.get(key):
            frame = text_frame(text())
            for connection in members:
                connection.queue(frame)

    def flush(self) -> None:
        for connection in list(self.connections):
            connection.flush()

    def heartbeat(self) -> None:
        frame = text_frame('{"channel":"heartbeat"}')
        for connection in self.connections:
            if connection.keys:
                connection.queue(frame)
        self.flush()

    def drop_all(self) -> int:
        for connection in list(self.connections):
            connection.drop()
        return len(self.connections)

    def executions(self, reports: Sequence[dict[str, Any]]) -> None:
        for report in reports:
            trade = report["exec_type"] == "trade"
            if trade and self._faults.take("late_event", symbol=report["symbol"]):
                self._hold_back(report)
                continue
            self._execution(report)
            if trade and self._faults.take("duplicate_event", symbol=report["symbol"]):
                self._execution(report)
            self._release_late()
        self.flush()

    def balances(self, changes: Sequence[dict[str, Any]]) -> None:
        for connection in self._by_key.get(BALANCES, ()):
            for change in changes:
                connection.send_numbered("balances", "update", [change])
        self.flush()

    def _execution(self, report: dict[str, Any]) -> None:
        for connection in self._by_key.get(EXECUTIONS, ()):
            connection.send_numbered("executions", "update", [report])

    def _hold_back(self, report: dict[str, Any]) -> None:
        self._late.append(report)
        # In lock-step there may be no next event before this one has arrived.
        asyncio.get_running_loop().call_later(LATE_SECONDS, self._release_late_and_flush)

    def _release_late(self) -> None:
        late, self._late = self._late, []
        for report in late:
            self._execution(report)

    def _release_late_and_flush(self) -> None:
        self._release_late()
        self.flush()
