"""Answers that are put together here; those that are rows stand in shared/reports/rows.py."""

from typing import Any, Generic, TypeVar

from shared.reports.rows import CandleRow, Status, StrategyRow, WeightRow
from shared.schemas.base import Time, Timeframe, Value

Item = TypeVar("Item")


class Page(Value, Generic[Item]):
    """A part of a long answer, newest first. `next_offset` is where the next part begins, null at the end."""

    items: tuple[Item, ...]
    limit: int
    offset: int
    next_offset: int | None


class DeskStatus(Status):
    """The desk at a glance, and how it is set up."""

    mode: str
    desk: str
    symbols: tuple[str, ...]
    timeframe: str
    base_timeframe: str
    council: str
    learning: str


class Candles(Value):
    """Closed bars, oldest first; up to 60 seconds old."""

    symbol: str
    timeframe: Timeframe
    candles: tuple[CandleRow, ...]


class Strategies(Value):
    """Every strategy with its weight now, and the weights of the council's members now."""

    strategies: tuple[StrategyRow, ...]
    members: tuple[WeightRow, ...]


class Part(Value):
    """Something the desk rests on: whether it answers, and what it says if not."""

    ok: bool
    detail: str


class InstanceHealth(Value):
    """One process: its own word, and how old that is."""

    instance: str
    status: str
    seconds_ago: float
    port: int
    detail: Any


class ServiceHealth(Value):
    """ok, starting, degraded, or down where no instance is alive."""

    status: str
    instances: tuple[InstanceHealth, ...]


class Lag(Value):
    """Entries that a group has not acknowledged, and that it was not given yet."""

    pending: int
    lag: int


class Health(Value):
    """`status`: ok; degraded, where something needs care; down, without database or Redis."""

    status: str
    time: Time
    database: Part
    redis: Part
    venue: Part
    services: dict[str, ServiceHealth]
    groups: dict[str, Lag]
    dead_letters: int


class StreamRow(Value):
    """One stream over all its partitions; `messages` were ever added, `length` are kept, `dead` failed for good."""

    messages: int
    length: int
    dead: int
    groups: dict[str, Lag]


class LeaseRow(Value):
    """Who handles a partition; an empty owner is nobody."""

    owner: str
    epoch: int


class Streams(Value):
    """The bus: streams by name, leases by group and partition."""

    streams: dict[str, StreamRow]
    leases: dict[str, dict[int, LeaseRow]]
