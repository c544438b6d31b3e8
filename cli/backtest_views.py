"""Backtests in the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from backtester.metrics.performance import METRICS
from backtester.report import headline, results, tables
from backtester.report.assumptions import period
from backtester.report.comparison import Paired
from backtester.report.results import SIGNED
from backtester.report.words import NOT_DEFINED, change, counted, duration, figure, moment, money, price
from backtester.runs.outcome import Outcome
from backtester.runs.trade import Trade
from cli.output import STYLES, console, fitting, number, signed, table
from shared.schemas.base import Value

LATEST_TRADES = 50
"""Trades that a terminal shows."""
LONGEST = 40
"""Characters of a field that a comparison shows; --json has them all."""


class TradeLine(Value):
    """A trade in words."""

    entry: str
    exit: str
    symbol: str
    side: str
    quantity: str
    entry_price: str
    exit_price: str
    pnl: str
    gained: str
    held: str
    exit_reason: str


class OpenLine(Value):
    """A trade that is still open, in words."""

    entry: str
    symbol: str
    side: str
    quantity: str
    entry_price: str
    price: str
    pnl: str
    gained: str


TRADE = {
    "entry": "entry",
    "exit": "exit",
    "symbol": "symbol",
    "side": "side",
    "quantity": "quantity",
    "entry_price": "entry price",
    "exit_price": "exit price",
    "pnl": "P&L",
    "gained": "P&L %",
    "held": "held",
    "exit_reason": "exit by",
}
OPEN = {
    "entry": "entry",
    "symbol": "symbol",
    "side": "side",
    "quantity": "quantity",
    "entry_price": "entry price",
    "price": "last price",
    "pnl": "P&L so far",
    "gained": "P&L %",
}
EXPENDABLE = ("side", "exit", "quantity", "gained", "held", "exit_price", "entry_price")


def summary_view(outcome: Outcome) -> RenderableType:
    """What was run, every figure beside buying and holding, how trades were left, and whether it could be luck."""
    shown: list[RenderableType] = [
        Text(headline.title(outcome), style="bold"),
        Text(f"{period(outcome)} · {outcome.plan.engine} engine · {outcome.id}", style="dim"),
        Text(""),
        _worth(outcome),
        *([Text(said, style="yellow")] if (said := headline.halt(outcome)) else []),
        Text(""),
        figures_view({"strategy": outcome, "buy and hold": None}, outcome),
    ]
    if outcome.trades:
        ways = results.by_exit(outcome)
        shown += [_drawn(ways), *([Text(ways.note, style="dim")] if ways.note else [])]
    if outcome.open_trades:
        shown.append(open_view(outcome))
    shown += [Text(line, style="dim") for line in _notes(outcome)]
    return Group(*shown, Text(""), verdict_view(outcome))


def verdict_view(outcome: Outcome) -> RenderableType:
    """The verdict, impossible to overlook."""
    title = Text(headline.verdict(outcome), style=f"bold {STYLES[headline.tone(outcome.verdict.answer)]}")
    return Group(title, Padding(Text(headline.why(outcome)), (0, 0, 0, 2)))


def figures_view(sides: Mapping[str, Outcome | None], base: Outcome) -> Table:
    """METRICS of these outcomes side by side; None is buying and holding what `base` traded."""
    drawn = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    drawn.add_column("")
    for title in sides:
        drawn.add_column(title, justify="right", overflow="fold")
    for metric in METRICS:
        cells = []
        for outcome in sides.values():
            value = getattr(base.benchmark if outcome is None else outcome.performance, metric.name)
            quote = (outcome or base).plan.quote
            cells.append(_figure(metric.name, value, figure(metric, value, quote)))
        drawn.add_row(metric.title, *cells)
    return drawn


def trades_view(outcome: Outcome) -> Table:
    """The latest trades, oldest first."""
    latest = outcome.trades[-LATEST_TRADES:]
    lines = [_line(trade, outcome) for trade in latest]
    cut = len(latest) < len(outcome.trades)
    caption = f"The latest {len(latest)} of {len(outcome.trades):,}; --json gives all of them." if cut else ""
    return fitting("Trades", lines, TRADE, _shown, caption, console.width, EXPENDABLE)


def open_view(outcome: Outcome) -> Table:
    """What is held at the end, at the last close."""
    lines = [
        OpenLine(
            entry=moment(left.entry_time),
            symbol=left.symbol,
            side="long" if left.side > 0 else "short",
            quantity=price(left.quantity),
            entry_price=price(left.entry_price),
            price=price(left.price),
            pnl=money(left.pnl, outcome.plan.quote),
            gained=change(results.fraction(left)),
        )
        for left in outcome.open_trades
    ]
    return fitting("Still open at the end", lines, OPEN, _shown, "", console.width, EXPENDABLE)


def paired_view(name: str, first: str, paired: Paired) -> Text:
    """The difference in a sentence."""
    said = Text(f"{name} less {first}: ")
    if paired.mean is None or paired.interval is None:
        return said.append(f"{NOT_DEFINED}, {counted(paired.days, 'shared day')} of returns", style="dim")
    low, high, confidence = paired.interval
    said.append(f"{paired.mean:+.4%} a day over {counted(paired.days, 'day')}, ")
    said.append(f"{confidence:.0%} between {low:+.4%} and {high:+.4%}: ")
    verdict = "could be luck" if paired.could_be_luck else "hard to explain by luck"
    return said.append(verdict, style="bold yellow" if paired.could_be_luck else "bold cyan")


def differences_view(names: Sequence[str], differing: Mapping[str, Sequence[object]]) -> RenderableType:
    """Fields of the plans that differ."""
    if not differing:
        return Text("The plans are the same.", style="dim")
    rows = ((field, *(_cut(_worded(field, value)) for value in values)) for field, values in differing.items())
    return table("What differs", ("", *names), rows)


def _worded(field: str, value: object) -> str:
    """A plan's times are microseconds."""
    if field in ("start", "end"):
        return moment(value) if isinstance(value, int) else "all that is stored"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _worth(outcome: Outcome) -> Text:
    quote = outcome.plan.quote
    first, last = (money(float(outcome.equity[place]), quote) for place in (0, -1))
    gained = outcome.performance.total_return
    said = Text(f"{first} → ").append(f"{last} {quote}", style="bold").append("  ")
    said.append(change(gained), style="" if not gained else "green" if gained > 0 else "red")
    said.append(f"  buy and hold {change(outcome.benchmark.total_return)}", style="dim")
    return said.append(f"  {counted(len(outcome.trades), 'trade')}")


def _drawn(found: tables.Table) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    for heading in found.headings:
        drawn.add_column(heading.text, justify="right" if heading.number else "left")
    for row in found.rows:
        drawn.add_row(*(Text(cell.text, style=_STYLES.get(cell.tone, "")) for cell in row))
    return drawn


_STYLES = {"gain": "green", "loss": "red"}


def _notes(outcome: Outcome) -> Iterable[str]:
    if not outcome.trades:
        yield "No trade was closed."
    if learnt := outcome.plan.learnt:
        ticks = ", ".join(f"{symbol} {outcome.plan.steps[symbol].tick}" for symbol in learnt)
        yield f"Tick learnt from the prices, as nobody said it: {ticks}. `parley data import … --tick` sets it."
    if said := headline.warmed(outcome):
        yield said
    if outcome.held:
        yield headline.left(outcome)
    if outcome.refusals:
        refused = sorted(outcome.refusals.items(), key=lambda item: -item[1])
        yield "Entries refused: " + ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in refused)


def _figure(name: str, value: float | None, text: str) -> Text:
    if value is None:
        return Text(text, style="dim")
    return signed(value, text) if name in SIGNED else Text(text)


def _line(trade: Trade, outcome: Outcome) -> TradeLine:
    gained, quote = results.fraction(trade), outcome.plan.quote
    return TradeLine(
        entry=moment(trade.entry_time),
        exit=moment(trade.exit_time),
        symbol=trade.symbol,
        side="long" if trade.side > 0 else "short",
        quantity=price(trade.quantity),
        entry_price=price(trade.entry_price),
        exit_price=price(trade.exit_price),
        pnl=money(trade.pnl, quote),
        gained=change(gained),
        held=duration(trade.exit_time - trade.entry_time),
        exit_reason=results.way_out(trade, outcome),
    )


def _shown(line: Value, field: str) -> Text | str:
    text: str = getattr(line, field)
    if field in ("pnl", "gained"):
        return signed(-1.0 if text.startswith("-") else 1.0, text)
    return number(text) if field in ("quantity", "entry_price", "exit_price", "price", "held") else text
