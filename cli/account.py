"""The report of a run, for people."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from cli.output import amount, console, number, say, short, signed, table
from cli.report import total
from cli.venue import Json

SHOWN_TRADES = 15
TOO_FEW = "too few bars"
"""What the council's members say of a market whose indicators are not known yet."""


def print_report(report: Json, problems: Sequence[str]) -> None:
    """Counts, the last trades, money, and the verdict in one line."""
    console.print(_counts(report))
    console.print(_trades(report["trades"]))
    cash = ", ".join(f"{amount} {currency}" for currency, amount in report["ledger"]["cash"].items())
    closed = [trade for trade in report["trades"] if trade["status"] == "closed"]
    if why := no_trade(report):
        say(why)
    say(f"{len(closed)} trades closed, realised {short(total(closed))}; cash {cash}")
    if problems:
        say("\n".join(f"[bold red]{problem}[/bold red]" for problem in problems))
    else:
        say("[green]Ledger and venue agree to the last unit; nothing lost, nothing dead.[/green]")
    where = f"{report['seconds']} s, {report['restarts']} restarts"
    say(f"[dim]{where}. Simulated results are no promise; this is not financial advice.[/dim]")


def no_trade(report: Json) -> str:
    """Why a run that traded nothing did so, in its numbers; empty where it traded."""
    if report["trades"]:
        return ""
    decided, missed = sum(report["decisions"].values()), report["debates"].get("no quorum", 0)
    if not decided:
        return f"no trade: no verdict yet; one falls at the end of every bar of {report['timeframe']}"
    if bought := report["decisions"].get("BUY", 0):
        refused = ", ".join(f"{reason} {count}" for reason, count in report["refusals"].items()) or "none refused"
        return f"no trade: none came of {bought} BUY of {decided} verdicts (refusals: {refused})"
    if not missed:
        return f"no trade: none of {decided} verdicts is BUY"
    return f"no trade: {missed} of {decided} verdicts missed the quorum{_warm_up(report)}"


def _warm_up(report: Json) -> str:
    reason = report["missed_quorum"]
    if TOO_FEW not in reason:
        return f", the last one so: {reason}"
    from services.signal_generator.core import SNAPSHOT_BARS  # numpy, which no other command needs at once

    return f" while the indicators warm up ({SNAPSHOT_BARS} bars of {report['timeframe']}; see --history): {reason}"


def _counts(report: Json) -> Table:
    def line(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"

    rows = [
        ("candles", line(report["candles"])),
        ("messages", str(sum(stream["messages"] for stream in report["streams"].values()))),
        ("signals", str(report["signals"])),
        ("decisions", f"{line(report['decisions'])} ({line(report['debates'])})"),
        ("refusals", line(report["refusals"])),
        ("orders", line(report["orders"])),
        ("exits", line(report["exits"])),
    ]
    return table("What happened", ("", ""), rows)


def _trades(trades: Sequence[Json]) -> Table:
    rows = [
        (
            trade["symbol"],
            (trade["entry_time"] or "—")[:16].replace("T", " "),
            number(trade["entry_price"] or "—"),
            (trade["exit_time"] or "—")[:16].replace("T", " "),
            number(trade["exit_price"] or "—"),
            number(trade["quantity"] or "—"),
            trade["exit_reason"] or trade["status"],
            _pnl(trade["pnl"], trade["symbol"]),
        )
        for trade in trades[-SHOWN_TRADES:]
    ]
    return table(
        f"Last {len(rows)} of {len(trades)} trades",
        ("symbol", "entry", "price", "exit", "price", "quantity", "reason", "P&L"),
        rows,
    )


def _pnl(text: str | None, symbol: str) -> Text:
    pnl = None if text is None else Decimal(text)
    return signed(pnl, amount(pnl, symbol))
