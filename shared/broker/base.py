"""What a broker can do for us, and what it answers.

Quantities are base units, prices quote units, both Decimal and already on the instrument's grid.
Times are UTC by the venue's clock.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from shared.errors import ParleyError
from shared.schemas.orders import OrderType, Side


class BrokerError(ParleyError):
    """A broker said no, or nothing."""


class OrderRefused(BrokerError):
    """A definite no: nothing was booked. The text is the venue's own code and message."""


class InsufficientFunds(OrderRefused):
    """The venue's books hold too little cash or base."""


class RateLimited(BrokerError):
    """Too many requests; nothing was booked. Wait, then ask again."""


class DeadlineElapsed(BrokerError):
    """The request came after its deadline; nothing was booked, nor will be. Send it again with a later one."""


class OutcomeUnknown(BrokerError):
    """No answer: the request may or may not have been booked. Look it up, never resend blind."""


class BrokerUnavailable(BrokerError):
    """The venue could not be reached, and nothing was sent (connection refused, maintenance)."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A pair's grid at the venue. Prices are multiples of `tick`, quantities of `lot`."""

    symbol: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    min_cost: Decimal


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order to place; `trigger_price` only for stop-loss, `limit_price` only for limit."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue shows it now; a person may have placed it, of a type "other" than ours."""

    client_order_id: str | None
    venue_order_id: str
    symbol: str
    side: Side
    order_type: OrderType | Literal["other"]
    status: Literal["open", "closed", "canceled", "rejected"]
    quantity: Decimal
    filled: Decimal
    trigger_price: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill as the venue booked it; `cost` and `fee` in quote currency."""

    execution_id: str
    client_order_id: str | None
    venue_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    liquidity: Literal["maker", "taker"]
    time: datetime


class Broker(Protocol):
    """One account at one venue. One process per API key.

    Every call raises only BrokerError's children. Client order ids are ours; the venue may enforce
    their uniqueness among open orders only.
    """

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]:
        """The grid of each symbol."""
        ...

    async def now(self) -> datetime:
        """The venue's clock."""
        ...

    async def place(self, order: OrderRequest, deadline: datetime) -> str:
        """Send the order; DeadlineElapsed where it comes too late. Returns the venue's order id."""
        ...

    async def amend(self, venue_order_id: str, symbol: str, quantity: Decimal, trigger_price: Decimal) -> None:
        """Change a resting stop's quantity and trigger; it keeps its id."""
        ...

    async def cancel(self, venue_order_id: str, symbol: str) -> None:
        """Cancel; OrderRefused where it is not open any more."""
        ...

    async def find(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        """The latest order with this client id, among open and then closed ones; None where there is none."""
        ...

    async def open_orders(self) -> list[VenueOrder]:
        """Every open order of the account."""
        ...

    async def executions_of(self, venue_order_id: str, symbol: str) -> list[Execution]:
        """All fills of one order, oldest first."""
        ...

    async def balances(self) -> dict[str, Decimal]:
        """Total of each asset, by its common code (BTC, USD)."""
        ...

    def executions(self) -> AsyncIterator[Execution]:
        """The account's fills as they happen; may repeat and may miss some across a reconnect."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
