"""What was earned, as tables: the figures, months, strategies, ways out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import fsum
from statistics import median
from typing import NamedTuple

from backtester.metrics.performance import METRICS
from backtester.report.tables import Cell, Table, table, toned
from backtester.report.words import NOT_DEFINED, change, duration, figure, moment, money, price
from backtester.runs.outcome import Outcome
from backtester.runs.trade import OpenTrade, Trade

MOST_TRADES = 2000
"""Trades that the report lists."""
UNCREDITED = "not recorded"
BREAKEVEN = "Breakeven is a stop at the entry price, fees not covered: such a trade loses the fees of both sides."
SIGNED = ("total_return", "cagr", "expectancy", "expectancy_share")


class Credit(NamedTuple):
    """Trades that a strategy argued for, and what of their results is its own, in quote currency."""

    trades: int
    won: int
    pnl: float


def figures(outcome: Outcome) -> Table:
    """Every figure of the run beside buying and holding; the meanings are the rows' hints."""
    quote = outcome.plan.quote

    def cell(name: str, value: float | None, text: str) -> Cell:
        tone = "undefined" if value is None else ""
        return toned(text, value) if name in SIGNED and value is not None else Cell(text, tone)

    rows = [
        (
            Cell(metric.title),
            *(
                cell(metric.name, getattr(side, metric.name), figure(metric, getattr(side, metric.name), quote))
                for side in (outcome.performance, outcome.benchmark)
            ),
        )
        for metric in METRICS
    ]
    drawn = table("Figure|#Strategy|#Buy and hold", rows)
    return Table(drawn.headings, drawn.rows, hints=[metric.meaning for metric in METRICS])


def credits(trades: Iterable[Trade]) -> dict[str, Credit]:
    """By strategy, the highest result first: those that argued for a trade share its whole result by their shares.

    As the learning engine shares out. A trade without shares is credited to `UNCREDITED`.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for trade in trades:
        for name, part in _parts(trade).items():
            found[name].append(part * float(trade.pnl))
    credited = {name: Credit(len(parts), sum(part > 0 for part in parts), fsum(parts)) for name, parts in found.items()}
    return dict(sorted(credited.items(), key=lambda item: -item[1].pnl))


def by_strategy(outcome: Outcome) -> Table:
    """P&L by shares, and the trades each had a part in."""
    credited = credits(outcome.trades)
    silent = {choice.name: Credit(0, 0, 0.0) for choice in outcome.plan.strategies if choice.name not in credited}
    whole = fsum(abs(credit.pnl) for credit in credited.values())
    rows = [
        (
            Cell(name),
            Cell(f"{credit.trades:,}"),
            Cell(f"{credit.won / credit.trades:.0%}" if credit.trades else NOT_DEFINED),
            toned(money(credit.pnl, outcome.plan.quote), credit.pnl),
            toned(change(credit.pnl / whole), credit.pnl) if whole else Cell(NOT_DEFINED),
        )
        for name, credit in (credited | ({} if UNCREDITED in credited else silent)).items()
    ]
    note = (
        "A trade's result is shared out by each strategy's part in the signal that opened it. The last column is a "
        "strategy's result over all results taken without their signs, so that losers are below 0."
    )
    if UNCREDITED in credited:
        note = "This engine's trades do not say which strategy argued for them, so their results can't be shared out."
    return table(f"Strategy|#Trades|#Won|#P&L ({outcome.plan.quote})|#Share of gross P&L", rows, note)


def by_exit(outcome: Outcome) -> Table:
    """Every reason to leave, the most frequent first."""
    drawn = _grouped(outcome, "Exit", lambda trade: way_out(trade, outcome))
    breakeven = any(trade.exit_reason == "breakeven" for trade in outcome.trades)
    return replace(drawn, note=BREAKEVEN if breakeven else "")


def way_out(trade: Trade, outcome: Outcome) -> str:
    """Why it was left; without a council it is the signal that turned."""
    return "signal" if trade.exit_reason == "council" and outcome.plan.council == "none" else trade.exit_reason


def by_symbol(outcome: Outcome) -> Table:
    """Every symbol that was traded, the most frequent first."""
    return _grouped(outcome, "Symbol", lambda trade: trade.symbol)


def holding(trades: Sequence[Trade]) -> str:
    """How long trades were held, in words; empty without any."""
    if not trades:
        return ""
    held = sorted(trade.exit_time - trade.entry_time for trade in trades)
    return (
        f"Held from {duration(held[0])} to {duration(held[-1])}, half of them no longer than {duration(median(held))}."
    )


def fraction(trade: Trade | OpenTrade) -> float:
    """P&L over entry notional."""
    return float(trade.pnl / (trade.quantity * trade.entry_price))


def shown(trades: Sequence[Trade]) -> Sequence[Trade]:
    """Those that the report lists: the latest."""
    return trades[-MOST_TRADES:]


def trades_table(outcome: Outcome) -> Table:
    """The latest trades, oldest first."""
    quote, listed = outcome.plan.quote, shown(outcome.trades)
    rows = [_row(trade, outcome) for trade in listed]
    cut = len(outcome.trades) - len(listed)
    note = f"Only the latest {len(listed):,} of {len(outcome.trades):,} trades are listed." if cut else ""
    headings = (
        f"Entry|Exit|Symbol|Side|#Quantity|#Entry price|#Exit price|#Fees ({quote})|#P&L ({quote})|#P&L|#Held|Exit by"
    )
    return table(headings, rows, note, sortable=True)


def open_table(outcome: Outcome) -> Table:
    """What is held at the end, by symbol; its P&L is not realised."""
    quote, ending = outcome.plan.quote, int(outcome.time[-1])
    rows = [
        [
            *map(Cell, (moment(left.entry_time), "still open", left.symbol, "long" if left.side > 0 else "short")),
            *map(Cell, (price(left.quantity), price(left.entry_price), price(left.price), money(left.fees, quote))),
            toned(money(left.pnl, quote), float(left.pnl)),
            toned(change(fraction(left)), fraction(left)),
            Cell(duration(ending - left.entry_time), order=ending - left.entry_time),
        ]
        for left in outcome.open_trades
    ]
    headings = f"Entry|Exit|Symbol|Side|#Quantity|#Entry price|#Last price|#Fees ({quote})|#P&L ({quote})|#P&L|#Held"
    note = "Marked at the last close's bid, a short at the ask, after the entry's fee. No figure about trades has them."
    return table(headings, rows, note, sortable=True)


def refused(outcome: Outcome) -> Table:
    """Entries that were not allowed, the most frequent reason first."""
    ordered = sorted(outcome.refusals.items(), key=lambda item: (-item[1], item[0]))
    return table("Reason|#Entries", [(reason.replace("_", " "), f"{count:,}") for reason, count in ordered])


def _parts(trade: Trade) -> Mapping[str, float]:
    argued = {name: part for name, part in trade.shares.items() if part > 0}
    whole = fsum(argued.values())
    return {name: part / whole for name, part in argued.items()} if argued else {UNCREDITED: 1.0}


@dataclass(frozen=True, slots=True)
class _Group:
    trades: Sequence[Trade]

    @property
    def pnl(self) -> Decimal:
        return sum((trade.pnl for trade in self.trades), Decimal())

    @property
    def won(self) -> float:
        return sum(trade.pnl > 0 for trade in self.trades) / len(self.trades)

    @property
    def mean(self) -> float:
        return fsum(map(fraction, self.trades)) / len(self.trades)

    @property
    def held(self) -> float:
        return sum(trade.exit_time - trade.entry_time for trade in self.trades) / len(self.trades)


def _grouped(outcome: Outcome, title: str, key: Callable[[Trade], str]) -> Table:
    found: dict[str, list[Trade]] = defaultdict(list)
    for trade in outcome.trades:
        found[key(trade)].append(trade)
    groups = {name: _Group(found[name]) for name in sorted(found, key=lambda name: (-len(found[name]), name))}
    rows = [
        (
            Cell(name),
            Cell(f"{len(group.trades):,}"),
            Cell(f"{group.won:.0%}"),
            toned(money(group.pnl, outcome.plan.quote), float(group.pnl)),
            toned(change(group.mean), group.mean),
            Cell(duration(group.held), order=group.held),
        )
        for name, group in groups.items()
    ]
    return table(f"{title}|#Trades|#Won|#P&L ({outcome.plan.quote})|#Mean P&L|#Mean hold", rows, sortable=True)


def _row(trade: Trade, outcome: Outcome) -> list[Cell]:
    gained, held, quote = fraction(trade), trade.exit_time - trade.entry_time, outcome.plan.quote
    return [
        *map(Cell, (moment(trade.entry_time), moment(trade.exit_time), trade.symbol)),
        *map(Cell, ("long" if trade.side > 0 else "short", price(trade.quantity))),
        *map(Cell, (price(trade.entry_price), price(trade.exit_price), money(trade.fees, quote))),
        toned(money(trade.pnl, quote), float(trade.pnl)),
        toned(change(gained), gained),
        Cell(duration(held), order=held),
        Cell(way_out(trade, outcome)),
    ]
