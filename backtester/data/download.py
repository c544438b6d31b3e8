"""History from a venue into the store: page by page, on from what is stored, closed bars only."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from time import monotonic

from backtester.data.checks import Findings, Gap, gaps, listed, sifted
from backtester.data.merge import Series
from backtester.data.rows import Rows, joined, when
from backtester.data.venue import CandleVenue
from shared.schemas.base import Timeframe
from shared.strategies.market import Market
from shared.timeframes import bar_open, length

KRAKEN_KEEPS = 720
"""Bars of each timeframe that Kraken's API still gives, however early it is asked from."""
PATIENCE = 20.0
"""Waiting pages are written once this many times as long has passed as the last writing took."""
Progress = Callable[[int], object]
"""Told the time (microseconds) up to which the venue has answered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Bars that open from `since` (included) to `until` (excluded; None: now), microseconds since the epoch."""

    symbol: str
    timeframe: Timeframe
    since: int
    until: int | None = None
    replace: bool = False


@dataclass(slots=True)
class Downloaded:
    """What came of one market. `late`: the time the venue was asked from, and its first bar where that is later.

    `new_steps`: what the venue says of the pair now, and said otherwise before.
    """

    wanted: Wanted
    venue: str
    now: int
    bars: int = 0
    added: int = 0
    replaced: int = 0
    late: tuple[int, int] | None = None
    refused: Findings = field(default_factory=Findings)
    new_steps: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __str__(self) -> str:
        counts = f"{self.bars} bars came, {self.added} new, {self.replaced} replaced, {len(self.gaps)} gaps"
        refused = f"\n  not stored, {self.refused.count} findings:{self.refused}" if self.refused.count else ""
        said = f"{listed(self.gaps)}{refused}{self._late()}{self._steps()}"
        return f"{self.wanted.symbol} {self.wanted.timeframe}: {counts}{said}"

    def _steps(self) -> str:
        return f"\n  {self.venue} has changed {', '.join(self.new_steps)}" if self.new_steps else ""

    def _late(self) -> str:
        if self.late is None:
            return ""
        asked, first = self.late
        said = f"\n  {self.venue} gave nothing before {when(first)}, though asked from {when(asked)} on"
        if self.venue == "kraken" and asked < self.now - KRAKEN_KEEPS * length(self.wanted.timeframe):
            said += (
                f": its API keeps only the last {KRAKEN_KEEPS} bars of a timeframe. Older ones are in the files that "
                "Kraken offers for download; store them with `parley data import`"
            )
        return said


async def download(venue: CandleVenue, series: Series, wanted: Wanted, progress: Progress) -> Downloaded:
    """Fetch what lies before and after the stored bars, or everything with `replace`; gaps in between are reported.

    Whatever ends this early (Ctrl-C, the network), the pages that came are stored. Raises Retryable, and
    ConfigError for the disk.
    """
    now = await venue.time()
    steps = venue.steps(wanted.symbol)
    pages = _Pages(series, Downloaded(wanted, venue.name, now, new_steps=tuple(steps.against(series.steps))))
    series.describe(steps)
    try:
        for start, end in _stretches(series.stored, wanted, now):
            async for asked, rows in _walk(venue, wanted, start, end):
                pages.add(rows, end)
                if asked == start:
                    pages.done.late = pages.done.late or _late(rows, asked)
                progress(min(end, _newest(rows, asked)))
    finally:
        pages.store()
    pages.done.gaps = gaps(series.stored.open_time, wanted.timeframe)
    return pages.done


def _stretches(stored: Market, wanted: Wanted, now: int) -> list[tuple[int, int]]:
    step = length(wanted.timeframe)
    since = bar_open(wanted.timeframe, wanted.since + step - 1)
    until = bar_open(wanted.timeframe, now if wanted.until is None else min(now, wanted.until + step - 1))
    stretches = [(since, until)]
    if len(stored) and not wanted.replace:
        oldest, newest = int(stored.open_time[0]), int(stored.open_time[-1])
        stretches = [(since, min(until, oldest)), (max(since, newest + step), until)]
    return [(start, end) for start, end in stretches if start < end]


async def _walk(venue: CandleVenue, wanted: Wanted, start: int, end: int) -> AsyncIterator[tuple[int, Rows]]:
    step = length(wanted.timeframe)
    while start < end:
        page = await venue.page(wanted.symbol, wanted.timeframe, start)
        rows = page.only(page.open_time >= start)
        yield start, rows
        # some venues answer with a window of time, which is empty before a market was listed
        start = _newest(rows, start) + step if len(rows) else start + venue.limit(wanted.symbol) * step


def _newest(rows: Rows, otherwise: int) -> int:
    return int(rows.open_time.max(initial=otherwise))


def _late(rows: Rows, asked: int) -> tuple[int, int] | None:
    first = int(rows.open_time.min()) if len(rows) else asked
    return (asked, first) if first > asked else None


@dataclass(slots=True)
class _Pages:
    """Pages that wait to be written together, so that a long file is not written whole for each of them."""

    series: Series
    done: Downloaded
    waiting: list[Rows] = field(default_factory=list)
    next_writing: float = 0.0

    def add(self, rows: Rows, end: int) -> None:
        self.waiting.append(rows.only(rows.open_time < end))
        if monotonic() >= self.next_writing:
            self.store()

    def store(self) -> None:
        if not self.waiting:
            return
        begun = monotonic()
        wanted, done = self.done.wanted, self.done
        good, refused = sifted(joined(self.waiting), wanted.timeframe, done.now)
        merged = self.series.merge(good, replace=wanted.replace)
        self.waiting.clear()
        done.bars += merged.given
        done.added += merged.added
        done.replaced += merged.replaced
        done.refused += refused
        self.next_writing = monotonic() + PATIENCE * (monotonic() - begun)
