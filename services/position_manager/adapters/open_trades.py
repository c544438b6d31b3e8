"""Open trades: rows in the database, and what is remembered of them while a partition is ours.

The memory only tells when a message can be passed over. Whatever acts reads the row first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.position_manager.core.guard import STOP_KINDS, HeldTrade
from services.position_manager.ports import Tx
from shared.errors import InvariantBroken, Retryable
from shared.models import Asset, Stop, Trade
from shared.portfolio.grid import Grid
from shared.risk.stops import StopState
from shared.timeframes import duration

_ROW = (
    select(
        *(Trade.id, Trade.symbol, Trade.timeframe, Trade.status, Trade.entry_price, Trade.atr, Trade.take_profit_price),
        func.coalesce(Trade.entry_time, Stop.effective_from).label("entry_time"),
        *(Trade.exit_requested_at, Stop.price, Stop.kind, Stop.version, Stop.previous_price),
        *(Stop.effective_from, Stop.high_water, Stop.breached_at, Asset.price_tick),
    )
    .join(Stop, Stop.trade_id == Trade.id)
    .join(Asset, Asset.symbol == Trade.symbol)
    .where(Trade.status.in_(("opening", "open", "closing")), Trade.held > 0)
)


@dataclass(slots=True)
class _Memory:
    """`writer` is the connection of a transaction that wrote and may yet roll back: nothing read there is kept."""

    epoch: int | None
    trade: HeldTrade | None = None
    known: bool = False
    writer: AsyncConnection | None = None


class OpenTrades:
    """The open trade of each symbol, if any. `epoch_of` gives the lease epoch under which a symbol is ours."""

    def __init__(self, epoch_of: Callable[[str], int | None]) -> None:
        self._epoch_of = epoch_of
        self._memory: dict[str, _Memory] = {}
        self._expected: dict[str, datetime] = {}
        self._grids: dict[str, Grid] = {}

    async def remembered(self, symbol: str, tx: Tx) -> HeldTrade | None:
        """What is remembered, or the row where nothing is (after a start, a takeover, a write)."""
        memory = self._of(symbol)
        return memory.trade if memory.known else await self.read(symbol, tx)

    async def read(self, symbol: str, tx: Tx) -> HeldTrade | None:
        """The row as it is now."""
        memory = self._of(symbol)
        row = (await tx.execute(_ROW.where(Trade.symbol == symbol))).mappings().first()
        trade = None if row is None else self._held(dict(row))
        memory.known = memory.writer is None or await tx.connection() is not memory.writer
        memory.trade = trade
        if memory.known:
            memory.writer = None
        return trade

    def forget(self, symbol: str) -> None:
        """Something changed: read the row at the next message."""
        self._of(symbol).known = False

    def expect(self, symbol: str, until: datetime) -> None:
        """A trade may open until then, and be half filled before anybody says so: don't rely on there being none."""
        self._expected[symbol] = until

    def may_open(self, symbol: str, time: datetime) -> bool:
        """Whether a trade may be opening at a time."""
        until = self._expected.get(symbol)
        return until is not None and time <= until

    def grid(self, symbol: str) -> Grid:
        """The grid of a symbol whose trade was read before."""
        return self._grids[symbol]

    async def move_stop(self, trade: HeldTrade, new: StopState, effective_from: datetime, tx: Tx) -> None:
        """Compare-and-set on the version; Retryable where another instance was faster: it holds the partition now."""
        grid = self._grids[trade.symbol]
        moved = await tx.execute(
            update(Stop)
            .where(Stop.trade_id == trade.trade_id, Stop.version == trade.version)
            .values(
                price=grid.from_ticks(new.stop),
                kind=STOP_KINDS[new.kind],
                version=Stop.version + 1,
                previous_price=Stop.price,
                effective_from=effective_from,
                high_water=grid.from_ticks(new.high_water),
            )
            .returning(Stop.version)
        )
        if moved.first() is None:
            raise Retryable(f"the stop of trade {trade.trade_id} was moved by another instance")
        await self._wrote(trade.symbol, tx)

    async def run_grace_from(self, trade: HeldTrade, time: datetime, tx: Tx) -> None:
        """Note from when the resting stop has its grace."""
        await tx.execute(update(Stop).where(Stop.trade_id == trade.trade_id).values(breached_at=time))
        await self._wrote(trade.symbol, tx)

    async def _wrote(self, symbol: str, tx: Tx) -> None:
        memory = self._of(symbol)
        memory.known, memory.writer = False, await tx.connection()

    def _of(self, symbol: str) -> _Memory:
        epoch = self._epoch_of(symbol)
        memory = self._memory.get(symbol)
        if memory is None or memory.epoch != epoch:
            memory = self._memory[symbol] = _Memory(epoch)
        return memory

    def _held(self, row: Mapping[str, Any]) -> HeldTrade:
        grid = self._grids[row["symbol"]] = _grid(row)
        return held_trade(row, grid)


def held_trade(row: Mapping[str, Any], grid: Grid) -> HeldTrade:
    """A trade and its stop, the columns of both by name, on their grid."""
    return HeldTrade(
        trade_id=row["id"],
        symbol=row["symbol"],
        bar_length=duration(row["timeframe"]),
        in_hand=row["status"] != "closing" and row["exit_requested_at"] is None,
        entry=grid.to_ticks(row["entry_price"], "floor"),
        entry_time=row["entry_time"],
        target=0 if row["take_profit_price"] is None else grid.to_ticks(row["take_profit_price"], "ceil"),
        atr=None if row["atr"] is None else grid.atr_ticks(row["atr"]),
        stop=grid.to_ticks(row["price"], "floor"),
        kind=STOP_KINDS.index(row["kind"]),
        version=row["version"],
        previous=None if row["previous_price"] is None else grid.to_ticks(row["previous_price"], "floor"),
        effective_from=row["effective_from"],
        high_water=grid.to_ticks(row["high_water"], "floor"),
        breached_at=row["breached_at"],
    )


def _grid(row: Mapping[str, Any]) -> Grid:
    if row["price_tick"] is None:
        raise InvariantBroken(f"{row['symbol']} is held, but its price tick is not known: run market_data first")
    return Grid.of(row["price_tick"], Decimal(1))
