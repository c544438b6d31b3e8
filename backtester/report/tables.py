"""Tables as the template draws them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Cell(NamedTuple):
    """`tone` is a class of the style sheet, `order` what the cell is sorted by where its text is not."""

    text: str
    tone: str = ""
    order: float | None = None


class Heading(NamedTuple):
    """Of a column; `number`: it stands to the right, `hint` is shown over it."""

    text: str
    number: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`note` stands below; a row's first cell is its name. `hints` explains the rows, by position."""

    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    sortable: bool = False
    hints: Sequence[str] = ()


def table(headings: str, rows: Iterable[Sequence[Cell | str]], note: str = "", sortable: bool = False) -> Table:
    """`headings` parted by |; one that begins with # is of numbers."""
    titles = [Heading(part.removeprefix("#"), part.startswith("#")) for part in headings.split("|")]
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    return Table(titles, cells, note, sortable)


def toned(text: str, value: float | None) -> Cell:
    """A gain or a loss."""
    return Cell(text, "" if not value else "gain" if value > 0 else "loss")
