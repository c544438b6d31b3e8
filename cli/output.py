"""How answers look: tables for people, JSON and CSV for programs."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.ids import canonical
from shared.schemas.base import Value

WIDE = 160

console = Console()
if not console.is_terminal:
    console.width = WIDE
errors = Console(stderr=True, soft_wrap=True)


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


def print_rows(title: str, rows: Sequence[Value], columns: Mapping[str, str], shape: Form) -> None:
    """Rows in the form asked for. `columns` names the fields of the table; JSON and CSV give every field."""
    if shape is Form.JSON:
        sys.stdout.write(json.dumps([row.model_dump(mode="json") for row in rows], indent=2) + "\n")
    elif shape is Form.CSV:
        _write_csv([row.model_dump(mode="json") for row in rows])
    else:
        console.print(table(title, columns.values(), ([getattr(row, name) for name in columns] for row in rows)))


def table(title: str, headings: Iterable[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; numbers stand to the right."""
    result = Table(title=title, title_justify="left", title_style="bold", header_style="dim", expand=False)
    body = [list(row) for row in rows]
    for index, heading in enumerate(headings):
        numeric = any(isinstance(row[index], (int, float, Decimal)) for row in body)
        result.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        result.add_row(*(cell if isinstance(cell, Text) else Text(short(cell)) for cell in row))
    if not body:
        result.caption = "nothing yet"
    return result


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
    return Text(text or short(value), style="green" if value > 0 else "red" if value < 0 else "")
