"""The bus in numbers: throughput of the real consumer, FastStream beside it, latency of one hop.

`python -m benchmarks.bus --json` prints bus_messages_per_s, faststream_messages_per_s, hop_p50_ms, hop_p99_ms.
Everything runs on one embedded Redis with the append-only file that users have. This process keeps to one core and
Redis to another, so that a figure is of one core. The bus is measured and not a handler: each answers a signal
(1 kB, checked in full) with a decision (0.9 kB) that was made before.
"""

import argparse
import asyncio
import json
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

import structlog
import uvloop
from faststream.redis import RedisBroker, StreamSub

from shared.embedded.redis import EmbeddedRedis
from shared.ids import derived_id
from shared.redis_streams.bus import Bus
from shared.redis_streams.codec import encode
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.lane import ConsumerOptions
from shared.redis_streams.source import Source
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.signals import Contribution, SignalGenerated, Technicals
from shared.service import calm_collector

PARTITIONS = 8
SYMBOLS = [f"{asset}/USD" for asset in ("BTC", "ETH", "SOL", "ADA", "XMR", "LTC", "XLM", "DOT", "LINK", "AVAX", "UNI")]
START = datetime(2022, 1, 1, tzinfo=UTC)
SILENT = logging.Logger("faststream", logging.CRITICAL)
STRATEGIES = ("momentum", "mean_reversion", "breakout", "swing")


def signal_of(number: int) -> SignalGenerated:
    """A signal as the ensemble gives it: every strategy's share, the whole technical snapshot."""
    symbol, at = SYMBOLS[number % len(SYMBOLS)], START + timedelta(minutes=number)
    return SignalGenerated(
        message_id=derived_id("SignalGenerated", symbol, number),
        occurred_at=at,
        symbol=symbol,
        timeframe="5m",
        score=0.25,
        contributions=tuple(
            Contribution(strategy=name, weight=0.25, score=0.25, share=0.0625, reason="EMA20 above EMA50")
            for name in STRATEGIES
        ),
        technicals=Technicals(close=47_000.5, atr14=120.25, ema20=46_900.0, ema50=46_700.0, rsi14=58.5, adx14=24.0),
        price=Decimal("47000.5"),
        expires_at=at + timedelta(minutes=2),
    )


def decision_of(signal: SignalGenerated) -> CouncilDecided:
    """HOLD, with what the signal carried."""
    return CouncilDecided(
        message_id=derived_id("CouncilDecided", signal.message_id),
        causation_id=signal.message_id,
        occurred_at=signal.occurred_at,
        symbol=signal.symbol,
        timeframe=signal.timeframe,
        signal_id=signal.message_id,
        verdict="HOLD",
        probability=0.5,
        quorum=True,
        reason="passed through",
        votes=(),
        score=signal.score,
        contributions=signal.contributions,
        price=signal.price,
        atr=None,
        cost=Decimal(0),
        expires_at=signal.expires_at,
    )


DECISIONS = {signal.symbol: decision_of(signal) for signal in map(signal_of, range(len(SYMBOLS)))}


class PassThrough:
    """Decides on every signal, and counts."""

    def __init__(self) -> None:
        self.handled = 0

    async def on_signal_generated(self, signal: SignalGenerated, _tx: Transaction) -> Sequence[Message]:
        self.handled += 1
        return [DECISIONS[signal.symbol]]


class Stopwatch:
    """Notes when each signal was handed over and when its decision stood in the stream."""

    def __init__(self, count: int) -> None:
        self.sent: dict[UUID, float] = {}
        self.open: list[UUID] = []
        self.seconds: list[float] = []
        self.complete = asyncio.Event()
        self._count = count

    async def on_signal_generated(self, signal: SignalGenerated, _tx: Transaction) -> Sequence[Message]:
        self.open.append(signal.message_id)
        return [DECISIONS[signal.symbol]]

    def committed(self) -> None:
        now = time.perf_counter()
        done, self.open = self.open, []
        self.seconds += [now - self.sent[message_id] for message_id in done]
        if len(self.seconds) == self._count:
            self.complete.set()


async def fill(bus: Bus, count: int) -> None:
    """Put signals into the streams, past the source's memory of ids."""
    for start in range(0, count, 1000):
        async with bus.redis.pipeline(transaction=False) as pipeline:
            for number in range(start, min(start + 1000, count)):
                outgoing = encode(signal_of(number), "signal_generator", bus.partitions)
                pipeline.execute_command("XADD", outgoing.stream_key, "*", *outgoing.fields())
            await pipeline.execute()


async def while_consuming(
    bus: Bus, handlers: object, committed: Callable[[], None] | None, work: Callable[[], Awaitable[None]]
) -> float:
    """Seconds that `work` took while a consumer ran."""
    options = ConsumerOptions(batch_size=200)
    consumer = Consumer(bus, "council", "bench", handlers, None, options=options, on_commit=committed)
    stop = asyncio.Event()
    began = time.perf_counter()
    task = asyncio.create_task(consumer.run(stop))
    await work()
    seconds = time.perf_counter() - began
    stop.set()
    await task
    return seconds


async def throughput(url: str, count: int) -> float:
    """Messages a second from the backlog to the committed decision, one process, batches of 200."""
    bus = await Bus.connect(url, PARTITIONS)
    await bus.execute("FLUSHALL")
    await bus.ensure_groups()
    await fill(bus, count)
    handlers, all_committed = PassThrough(), asyncio.Event()

    def committed() -> None:
        if handlers.handled == count:
            all_committed.set()

    async def until_all_committed() -> None:
        await all_committed.wait()

    seconds = await while_consuming(bus, handlers, committed, until_all_committed)
    standing = sum([await bus.execute("XLEN", f"council:decided:{{{p}}}") for p in range(bus.partitions)])
    assert standing == count, f"{standing} decisions of {count} signals"
    await bus.close()
    return count / seconds


async def latency(url: str, count: int, per_second: int) -> tuple[float, float]:
    """p50 and p99 in ms from handing a signal over to its committed decision, open loop."""
    bus = await Bus.connect(url, PARTITIONS)
    await bus.execute("FLUSHALL")
    await bus.ensure_groups()
    source, watch = Source(bus, "signal_generator"), Stopwatch(count)
    signals = [signal_of(number) for number in range(count)]

    async def offer() -> None:
        await asyncio.sleep(0.3)
        began, pending = time.perf_counter(), set()
        for number, signal in enumerate(signals):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            watch.sent[signal.message_id] = due
            task = asyncio.create_task(source.publish_unseen(signal))
            pending.add(task)
            task.add_done_callback(pending.discard)
        await watch.complete.wait()

    await while_consuming(bus, watch, watch.committed, offer)
    await bus.close()
    cuts = quantiles(watch.seconds[count // 10 :], n=100)
    return cuts[49] * 1000, cuts[98] * 1000


async def faststream(url: str, count: int) -> float:
    """The same work by FastStream's group subscriber, one message a time, as its documentation shows it."""
    bus = await Bus.connect(url, PARTITIONS)
    await bus.execute("FLUSHALL")
    await fill_plain(url, count)
    await bus.execute("XGROUP", "CREATE", "bench:signals", "council", "0")
    broker = RedisBroker(url, logger=SILENT)
    done = asyncio.Event()
    handled = 0

    @broker.subscriber(stream=StreamSub("bench:signals", group="council", consumer="bench"))
    @broker.publisher(stream="bench:decided")
    async def decide(signal: SignalGenerated) -> CouncilDecided:
        nonlocal handled
        handled += 1
        if handled == count:
            done.set()
        return DECISIONS[signal.symbol]

    began = time.perf_counter()
    await broker.start()
    await done.wait()
    seconds = time.perf_counter() - began
    await broker.stop()
    await bus.close()
    return count / seconds


async def fill_plain(url: str, count: int) -> None:
    """The signals in one stream, in FastStream's own envelope."""
    async with RedisBroker(url, logger=SILENT) as broker:
        for number in range(count):
            await broker.publish(signal_of(number), stream="bench:signals")


def pinned(server: EmbeddedRedis) -> str:
    """Keep this process to one core and Redis to another, where there are two. What was done, in words."""
    if not hasattr(os, "sched_setaffinity"):
        return "cores not pinned: this system has no such call"
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or server.pid is None:
        return f"cores not pinned: there is only core {cores[0]}"
    os.sched_setaffinity(0, {cores[0]})
    for thread in Path(f"/proc/{server.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cores[1]})
    return f"consumer on core {cores[0]}, Redis on core {cores[1]}"


async def measure(scale: float, rounds: int) -> dict[str, float | str]:
    """Every number, the median of some rounds."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as server:
        cores = pinned(server)
        ours = [await throughput(server.url, int(40_000 * scale)) for _ in range(rounds)]
        theirs = [await faststream(server.url, int(5_000 * scale)) for _ in range(rounds)]
        hops = [await latency(server.url, int(5_000 * scale), 1000) for _ in range(rounds)]
    return {
        "bus_messages_per_s": round(median(ours)),
        "faststream_messages_per_s": round(median(theirs)),
        "hop_p50_ms": round(median(p50 for p50, _ in hops), 3),
        "hop_p99_ms": round(median(p99 for _, p99 in hops), 3),
        "cores": cores,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--scale", type=float, default=1.0, help="how many messages, as a multiple")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the throughput")
    arguments = parser.parse_args()
    calm_collector()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    numbers = uvloop.run(measure(arguments.scale, arguments.rounds))
    if arguments.json:
        print(json.dumps(numbers))
    else:
        for name, value in numbers.items():
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
