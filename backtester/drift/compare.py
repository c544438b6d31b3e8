"""Which trades belong together, and what the others are: missing here, or extra."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from backtester.drift.split import CAUSES, EXACTLY, LiveTrade, Parts, PriceAt, TickOf, parts
from backtester.runs.trade import Trade

NEAR_BARS = 3
"""Decision bars that two entries may lie apart and still be the same signal."""
Why = Callable[[Trade], str]
"""Why a trade has no counterpart; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A trade that both made; `bars_late` is by how many decision bars the desk's entry was decided later."""

    live: LiveTrade
    backtest: Trade
    parts: Parts
    bars_late: int

    @property
    def difference(self) -> Decimal:
        """The desk's result less the backtest's."""
        with localcontext(EXACTLY):
            return self.live.pnl - self.backtest.pnl

    @property
    def worst_cause(self) -> str:
        """The part that cost the most; the one that gained the least, where none cost anything."""
        return min(CAUSES, key=lambda cause: Decimal(getattr(self.parts, cause)))


@dataclass(frozen=True, slots=True)
class Alone:
    """A trade that only one of the two made: `difference` is what that makes of the desk's result."""

    trade: Trade
    difference: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Everything, worst first: trades of both, of the backtest alone (missing), and of the desk alone (extra)."""

    pairs: tuple[Pair, ...]
    missing: tuple[Alone, ...]
    extra: tuple[Alone, ...]

    @property
    def sums(self) -> dict[str, Decimal]:
        """The difference by cause, missing and extra trades too."""
        with localcontext(EXACTLY):
            split = {cause: _sum([getattr(pair.parts, cause) for pair in self.pairs]) for cause in CAUSES}
            alone = {
                "missing": _sum([one.difference for one in self.missing]),
                "extra": _sum([one.difference for one in self.extra]),
            }
        return split | alone

    @property
    def difference(self) -> Decimal:
        """All results of the desk less all of the backtest: exactly the total of `sums`."""
        with localcontext(EXACTLY):
            return _sum([one.difference for one in self._all])

    @property
    def worst(self) -> Pair | Alone | None:
        """What cost the desk most against the backtest; None where nothing did."""
        worst = min(self._all, key=lambda one: one.difference, default=None)
        return worst if worst is not None and worst.difference < 0 else None

    @property
    def _all(self) -> list[Pair | Alone]:
        return [*self.pairs, *self.missing, *self.extra]


def compared(
    live: Sequence[LiveTrade],
    backtest: Sequence[Trade],
    step: int,
    price_at: PriceAt = lambda symbol, time: None,
    why_missing: Why = lambda trade: "",
    why_extra: Why = lambda trade: "",
    tick_of: TickOf = lambda symbol: None,
) -> Drift:
    """Trades matched by symbol, side and nearest entry; `step` is the length of a decision bar (microseconds).

    A backtest's entry is decided at the close just before its entry time. Entries more than NEAR_BARS bars apart are no
    pair; of two that could be, the nearer is, and of equally near ones the earlier.
    """
    matched = _matched(live, backtest, step)
    pairs = [
        Pair(live[one], backtest[other], parts(live[one], backtest[other], price_at, tick_of), late)
        for one, other, late in matched
    ]
    theirs, ours = {one for one, _, _ in matched}, {other for _, other, _ in matched}
    with localcontext(EXACTLY):
        missing = [Alone(trade, -trade.pnl, why_missing(trade)) for at, trade in enumerate(backtest) if at not in ours]
    extra = [Alone(trade, trade.pnl, why_extra(trade)) for at, trade in enumerate(live) if at not in theirs]
    return Drift(
        tuple(sorted(pairs, key=lambda pair: (pair.difference, pair.live.entry_time, pair.live.symbol))),
        tuple(sorted(missing, key=_order)),
        tuple(sorted(extra, key=_order)),
    )


def _matched(live: Sequence[LiveTrade], backtest: Sequence[Trade], step: int) -> list[tuple[int, int, int]]:
    """Positions of the two, and the bars that the desk's lies later."""
    near = []
    for at, one in enumerate(live):
        for place, other in enumerate(backtest):
            late = one.decided_at // step - other.entry_time // step
            if (one.symbol, one.side) == (other.symbol, other.side) and abs(late) <= NEAR_BARS:
                apart = abs(one.decided_at - other.entry_time)
                near.append((apart, other.entry_time, one.decided_at, at, place, late))
    pairs: list[tuple[int, int, int]] = []
    theirs, ours = set[int](), set[int]()
    for *_, at, place, late in sorted(near):
        if at not in theirs and place not in ours:
            theirs.add(at)
            ours.add(place)
            pairs.append((at, place, late))
    return pairs


def _order(one: Alone) -> tuple[Decimal, int, str]:
    return one.difference, one.trade.entry_time, one.trade.symbol


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
