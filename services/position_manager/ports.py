"""What the position manager needs of whoever keeps the books: PostgreSQL live, memory in a backtest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Executable, Result
from sqlalchemy.ext.asyncio import AsyncConnection

from services.position_manager.core.drawdown import Equity, Standing
from services.position_manager.core.guard import HeldTrade
from shared.portfolio.grid import Grid
from shared.risk.stops import StopState


class Tx(Protocol):
    """The consumer's transaction: begins at first use."""

    async def connection(self) -> AsyncConnection: ...

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Result[Any]: ...


@dataclass(frozen=True, slots=True)
class Books:
    """Every account, and whether this guard has halted the desk."""

    standings: tuple[Standing, ...]
    halted: bool


class Trades(Protocol):
    """The open trade of each symbol, if any."""

    async def remembered(self, symbol: str, tx: Tx) -> HeldTrade | None:
        """What is remembered, which may be old; enough to tell that there is nothing to do."""
        ...

    async def read(self, symbol: str, tx: Tx) -> HeldTrade | None:
        """The trade as it is now."""
        ...

    def forget(self, symbol: str) -> None:
        """Something changed."""
        ...

    def expect(self, symbol: str, until: datetime) -> None:
        """A trade may open until then, and be half filled before anybody says so."""
        ...

    def may_open(self, symbol: str, time: datetime) -> bool:
        """Whether a trade may be opening at a time."""
        ...

    def grid(self, symbol: str) -> Grid:
        """The grid of a symbol whose trade was read before."""
        ...

    async def move_stop(self, trade: HeldTrade, new: StopState, effective_from: datetime, tx: Tx) -> None:
        """Compare-and-set on the version; Retryable where another instance was faster."""
        ...

    async def run_grace_from(self, trade: HeldTrade, time: datetime, tx: Tx) -> None:
        """Note from when the resting stop has its grace."""
        ...


class Accounts(Protocol):
    """Accounts with what they hold, equity points, and the halt."""

    async def glance(self) -> Books:
        """The accounts as they are, cheaply."""
        ...

    async def read(self, tx: Tx) -> Books:
        """The accounts as the transaction sees them."""
        ...

    async def keep(self, equities: Sequence[Equity], time: datetime, tx: Tx) -> None:
        """One equity point an account and instant; the first one stands."""
        ...

    async def halt(self, account: str, reason: str, time: datetime, tx: Tx) -> bool:
        """Disable buying and leave a trace. False where this guard had halted the desk before."""
        ...
