"""The report of a run, for people."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from cli.output import console, say, short, table
from cli.report import total
from cli.venue import Json

SHOWN_TRADES = 15


def print_report(report: Json, problems: Sequence[str]) -> None:
    """Counts, the last trades, money, and the verdict in one line."""
    console.print(_counts(report))
    console.print(_trades(report["trades"]))
    cash = ", ".join(f"{amount} {currency}" for currency, amount in report["ledger"]["cash"].items())
    closed = [trade for trade in report["trades"] if trade["status"] == "closed"]
    say(f"{len(closed)} trades closed, realised {short(total(closed))}; cash {cash}")
    if problems:
        say("\n".join(f"[bold red]{problem}[/bold red]" for problem in problems))
    else:
        say("[green]Ledger and venue agree to the last unit; nothing lost, nothing dead.[/green]")
    where = f"{report['seconds']} s, {report['restarts']} restarts"
    say(f"[dim]{where}. Simulated results are no promise; this is not financial advice.[/dim]")


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
            trade["entry_price"],
            (trade["exit_time"] or "—")[:16].replace("T", " "),
            trade["exit_price"] and short(Decimal(trade["exit_price"])),
            trade["quantity"] and short(Decimal(trade["quantity"])),
            trade["exit_reason"] or trade["status"],
            _pnl(trade["pnl"]),
        )
        for trade in trades[-SHOWN_TRADES:]
    ]
    return table(
        f"Last {len(rows)} of {len(trades)} trades",
        ("symbol", "entry", "price", "exit", "price", "quantity", "reason", "P&L"),
        rows,
    )


def _pnl(text: str | None) -> Text:
    if text is None:
        return Text("—")
    return Text(short(Decimal(text)), style="red" if text.startswith("-") else "green")
