"""What the executor's handlers and its sender need of whoever keeps the books.

Live that is PostgreSQL (services/trade_executor/adapters), in a backtest the memory of one process.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import Executable, Result

from services.trade_executor.core.entries import Desk, Entry, Venue
from services.trade_executor.core.records import Order
from services.trade_executor.core.trade_book import TradeBook
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, Mark
from shared.schemas.orders import ExecutionReported, OrderDenied


class Connection(Protocol):
    """A transaction's statements: what a handler gets, or a connection."""

    async def execute(self, statement: Executable, parameters: Any = None, /) -> Result[Any]:
        """Run one."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """What the clock found: instants past their deadline, trades with an order that should have filled by now,
    trades to be sold without an order that does; whether anything at all is worth another look.
    """

    overdue: list[datetime]
    slow: list[UUID]
    stuck: list[UUID]
    more: bool


@dataclass(frozen=True, slots=True)
class Instant:
    """What there is to decide, and at which prices."""

    time: datetime
    verdicts: list[CouncilDecided]
    marks: dict[str, Mark]


class Kept(NamedTuple):
    """Whether a verdict came in time, and the instant that it completes."""

    in_time: bool
    complete: Instant | None


class Books(Protocol):
    """The trades of one account. Every method works on the caller's transaction."""

    def changing(self, tx: Connection, trade_id: UUID) -> AbstractAsyncContextManager[TradeBook | None]:
        """One trade's book, None where there is no such trade. What the block changed in it is kept at its end."""
        ...

    async def of_order(
        self, tx: Connection, client_order_id: str | None, venue_order_id: str | None = None
    ) -> tuple[UUID, str] | None:
        """Trade and client order id of an order of ours by either id; None where we have no such order."""
        ...

    async def unsent_entries(self, tx: Connection) -> list[UUID]:
        """Trades whose entry the sender has not claimed."""
        ...

    async def keep_orphan(self, tx: Connection, execution: ExecutionReported) -> None:
        """Write down a fill that belongs to no order of ours."""
        ...

    async def has_orphans(self, tx: Connection, venue_order_id: str) -> bool:
        """Whether fills of this order came before we knew that it is ours."""
        ...

    async def venues(self, tx: Connection, symbols: set[str]) -> dict[str, Venue]:
        """Grid and minimums of those of the symbols that are known."""
        ...


class Instants(Protocol):
    """Decision instants of one account and timeframe. Every method works on the caller's transaction."""

    async def end(self, tx: Connection, bars: BarsClosed) -> bool:
        """Keep an ended instant. Whether every verdict that it waits for is there."""
        ...

    async def keep(self, tx: Connection, verdict: CouncilDecided) -> Kept:
        """Keep a verdict: whether it was in time, and with it the whole instant where that can be decided now."""
        ...

    async def instant(self, tx: Connection, time: datetime) -> Instant:
        """The instant's verdicts and marks; no marks where its end was never said."""
        ...

    async def desk(self, tx: Connection, now: datetime) -> Desk:
        """The books, under the account's lock from here to the end of the transaction."""
        ...

    async def decided(
        self, tx: Connection, time: datetime, at: datetime, outcomes: Sequence[Entry | OrderDenied]
    ) -> None:
        """Keep what an instant came to: entries with what they reserve, refusals with their numbers."""
        ...

    async def refuse(self, tx: Connection, denials: Sequence[OrderDenied]) -> None:
        """Keep why there was no trade."""
        ...

    async def watch(self, tx: Connection, now: datetime, due: datetime, stale: datetime, since: datetime) -> Watched:
        """What the clock must see to at `now`: instants up to `due` are past their deadline, before `since` none is;
        verdicts from before `stale` have expired, whether or not the end of their instant was said.
        """
        ...


class Requests(Protocol):
    """The orders of one account that need the venue."""

    async def waiting(self) -> bool:
        """Whether anything is to be sent."""
        ...

    async def claim(self, deadline: datetime) -> list[Order]:
        """The most urgent requests, now in flight and ours, whatever happens to this process."""
        ...

    async def entries_allowed(self) -> bool:
        """Whether the flags let anything be bought."""
        ...

    async def in_flight(self) -> list[Order]:
        """Orders whose request has no answer in the books yet, or which are to be looked up."""
        ...
