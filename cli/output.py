"""How answers look: tables for people, JSON and CSV for programs."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.ids import canonical
from shared.schemas.base import Value

WIDE = 160
WITH_CENTS = frozenset({"USD", "EUR", "GBP", "CHF", "CAD", "AUD"})
STYLES = {"sound": "cyan", "lost": "red", "doubtful": "yellow"}
"""Of verdicts, by their tone."""
Show = Callable[[Any, str], object]
"""What a table shows of a row's field."""

console = Console(emoji=False)
if not console.is_terminal:
    console.width = WIDE
errors = Console(stderr=True, soft_wrap=True, emoji=False)


class Form(StrEnum):
    """Who reads the answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
AsCsv = Annotated[bool, typer.Option("--csv", help="for spreadsheets")]


def form(as_json: bool, as_csv: bool) -> Form:
    """The form that was asked for; JSON wins."""
    return Form.JSON if as_json else Form.CSV if as_csv else Form.TABLE


def say(text: str | Text) -> None:
    """Plain text on standard output, never broken into lines: it may be piped."""
    console.print(text, soft_wrap=True, highlight=False)


def note(quiet: bool, text: str) -> None:
    """A line about what is going on, kept off standard output."""
    if not quiet:
        errors.print(f"[dim]{text}[/dim]", highlight=False)


def short(value: object) -> str:
    """A value for a person's eyes."""
    match value:
        case None:
            return "—"
        case Decimal():
            return canonical(value if abs(value) < 1 or value == value.to_integral() else round(value, 4))
        case datetime():
            return value.strftime("%m-%d %H:%M:%S")
        case float():
            return f"{value:+.4f}"
        case _:
            return str(value)


def price(value: Decimal | float | None, tick: Decimal | None) -> str:
    """A price at its symbol's own tick; in full where it lies between ticks, or where no tick is known."""
    if value is None:
        return "—"
    exact = Decimal(str(value))
    if not tick:
        return canonical(exact)
    at_tick = exact.quantize(Decimal(1).scaleb(min(0, _exponent(tick))), ROUND_HALF_EVEN)
    return f"{at_tick:f}" if at_tick == exact else canonical(exact)


def _exponent(tick: Decimal) -> int:
    exponent = Decimal(canonical(tick)).as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def amount(value: Decimal | None, symbol: str) -> str:
    """A gain in the symbol's quote currency, without its name: cents where the currency has them."""
    currency = symbol.partition("/")[2]
    return "—" if value is None else f"{value:,.2f}" if currency in WITH_CENTS else canonical(value)


def print_rows(
    title: str,
    rows: Sequence[Value],
    columns: Mapping[str, str],
    shape: Form,
    show: Show = getattr,
    caption: str = "",
    expendable: Sequence[str] = (),
) -> None:
    """Rows in the form asked for. `columns` names the fields of the table; JSON and CSV give every field.

    `show` turns a row's field into what the table shows; it gets the row and the field's name.
    """
    if shape is Form.JSON:
        sys.stdout.write(json.dumps([row.model_dump(mode="json") for row in rows], indent=2) + "\n")
    elif shape is Form.CSV:
        _write_csv([row.model_dump(mode="json") for row in rows])
    else:
        console.print(fitting(title, rows, columns, show, caption, console.width, expendable))


def fitting(
    title: str,
    rows: Sequence[Value],
    columns: Mapping[str, str],
    show: Show,
    caption: str,
    width: int,
    expendable: Sequence[str],
) -> Table:
    """The table without as many of the expendable columns (the first goes first) as it has to lose to fit."""
    for dropped in range(len(expendable) + 1):
        gone = [name for name in columns if name in expendable[:dropped]]
        kept = [name for name in columns if name not in gone]
        drawn = table(title, [columns[name] for name in kept], ([show(row, name) for name in kept] for row in rows))
        if console.measure(drawn, options=console.options.update(max_width=10 * WIDE)).maximum <= width:
            break
    hidden = f"Not shown for want of room: {', '.join(columns[name] for name in gone)}." if gone else ""
    if rows and (said := " ".join(filter(None, (caption, hidden)))):
        drawn.caption = said
    return drawn


def table(title: str, headings: Iterable[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; numbers stand to the right."""
    result = Table(title=title, title_justify="left", title_style="bold", header_style="dim", expand=False)
    body = [list(row) for row in rows]
    for index, heading in enumerate(headings):
        numeric = any(_is_number(row[index]) for row in body)
        result.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        result.add_row(*(cell if isinstance(cell, Text) else Text(short(cell)) for cell in row))
    if not body:
        result.caption = "nothing yet"
    return result


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float, Decimal)) or (isinstance(cell, Text) and cell.justify == "right")


def number(text: str) -> Text:
    """A cell that has been put into words already, and stands to the right as numbers do."""
    return Text(text, justify="right")


def _write_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]))
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in row.items()})


def money(value: Decimal | None, currency: str) -> str:
    """An amount with its currency; the dash means not known."""
    return "—" if value is None else f"{value:,.2f} {currency}" if currency == "USD" else f"{short(value)} {currency}"


def signed(value: Decimal | float | None, text: str | None = None) -> Text:
    """A gain in green, a loss in red."""
    if value is None:
        return Text("—", style="dim")
    return Text(text or short(value), justify="right", style="green" if value > 0 else "red" if value < 0 else "")
