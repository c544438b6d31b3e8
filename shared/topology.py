"""Every stream, its messages, who publishes it and who reads it: the map of the system.

If an arrow is not in here, it does not exist: publishing or reading anything else fails.
Groups are service names. `rank` orders the streams of one reader: lower is handled first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from zlib import crc32

from shared.schemas import council, market, orders, signals, system, trades
from shared.schemas.base import Message

SINGLETONS = frozenset({"trade_executor", "learning_engine", "alerts"})
"""Groups of which one instance holds every partition; further instances stand by."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream's whole contract."""

    name: str
    messages: tuple[type[Message], ...]
    publishers: frozenset[str]
    groups: tuple[str, ...]
    rank: int = 50


def _stream(name: str, messages: Iterable[type[Message]], publishers: str, groups: str, rank: int = 50) -> Stream:
    return Stream(name, tuple(messages), frozenset(publishers.split()), tuple(groups.split()), rank)


STREAMS: tuple[Stream, ...] = (
    _stream(
        "market:candles",
        (market.CandleClosed, market.CandleRevised, market.BarsClosed),
        "market_data",
        "signal_generator position_manager trade_executor archiver",
    ),
    _stream("market:tickers", (market.TickerUpdated,), "market_data", "position_manager trade_executor", 60),
    _stream("market:books", (market.BookUpdated,), "market_data", "trade_executor", 60),
    _stream("signals:generated", (signals.SignalGenerated,), "signal_generator", "council archiver"),
    _stream("council:decided", (council.CouncilDecided,), "council", "trade_executor position_manager archiver", 40),
    _stream("exits:requested", (orders.ExitRequested,), "position_manager cli", "trade_executor archiver", 20),
    _stream(
        "venue:reported",
        (orders.OrderReported, orders.ExecutionReported),
        "trade_executor",
        "trade_executor archiver",
        10,
    ),
    _stream(
        "orders:lifecycle",
        (orders.OrderDenied, orders.OrderSubmitted, orders.OrderFilled, orders.OrderCanceled, orders.OrderRejected),
        "trade_executor",
        "archiver",
    ),
    _stream(
        "trades:lifecycle",
        (trades.TradeOpened, trades.TradeClosed),
        "trade_executor",
        "position_manager learning_engine archiver",
        10,
    ),
    _stream("stops:moved", (trades.StopMoved,), "position_manager", "trade_executor archiver", 15),
    _stream("weights:adjusted", (trades.WeightsAdjusted,), "learning_engine", "archiver"),
    _stream(
        "system:control",
        (system.TradingPaused, system.TradingResumed, system.TradingHalted),
        "position_manager cli",
        "trade_executor archiver",
        5,
    ),
    _stream("system:alerts", (system.AlertRaised,), "market_data position_manager trade_executor", "alerts archiver"),
)

BY_NAME = {stream.name: stream for stream in STREAMS}
BY_MESSAGE = {message: stream for stream in STREAMS for message in stream.messages}
MESSAGES: dict[str, type[Message]] = {message.__name__: message for message in BY_MESSAGE}
"""Every message type by its `kind`."""


@cache
def read_by(group: str) -> tuple[Stream, ...]:
    """The streams a group reads, in the order it handles them."""
    return tuple(sorted((s for s in STREAMS if group in s.groups), key=lambda s: s.rank))


def partition_of(key: str, partitions: int) -> int:
    """The partition of an ordering key; the same in every process (unlike `hash`)."""
    return crc32(key.encode()) % partitions


def stream_key(stream: str, partition: int) -> str:
    """The Redis key; the braces put equal partitions of all streams into one cluster slot."""
    return f"{stream}:{{{partition}}}"
