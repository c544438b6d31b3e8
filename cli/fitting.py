"""Drawing into the room there is: whole columns and whole lines go, never a part of a number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

GAP = 2
LEAST_WORDS = 12
"""Cells below which a column of words says nothing any more."""
Part = tuple[int, Text]
"""How dispensable it is, and what it says."""


@dataclass
class Column:
    """A heading and its cells. The column of the highest `rank` goes first; only `words` may be cut at their end."""

    heading: str
    rank: int
    right: bool = False
    words: bool = False
    cells: list[Text] = field(default_factory=list)

    @property
    def width(self) -> int:
        """What it needs; of words, the least that says something."""
        widest = max((cell_len(text.plain) for text in (Text(self.heading), *self.cells)), default=0)
        return min(widest, LEAST_WORDS) if self.words else widest


@dataclass
class Columns:
    """A table that drops columns where it is too wide, and says how many rows it has no room for."""

    columns: Sequence[Column]
    headings: bool = True

    def add(self, *cells: str | Text) -> None:
        """One row, a cell for each column."""
        for column, cell in zip(self.columns, cells, strict=True):
            column.cells.append(cell if isinstance(cell, Text) else Text(cell))

    def fitting(self, width: int) -> list[Column]:
        """The columns that are shown in so many cells: the first in rank stays in any case."""
        kept = list(self.columns)
        while len(kept) > 1 and sum(column.width + GAP for column in kept) - GAP > width:
            kept.remove(max(kept, key=lambda column: column.rank))
        return kept

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        kept = self.fitting(options.max_width)
        table = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        for column in kept:
            least = None if column.words else column.width
            side = "right" if column.right else "left"
            table.add_column(justify=side, no_wrap=True, overflow="ellipsis", min_width=least)  # type: ignore[arg-type]
        if self.headings:
            table.add_row(*(Text(column.heading, "dim") for column in kept))
        rows = list(zip(*(column.cells for column in kept), strict=True))
        room = len(rows) if options.height is None else max(options.height - self.headings, 1)
        shown = rows if len(rows) <= room else rows[: max(room - 1, 1)]
        for row in shown:
            table.add_row(*row)
        yield table
        if len(shown) < len(rows) and room > 1:
            yield Text(f"… and {len(rows) - len(shown)} more", "dim")


@dataclass
class Lines:
    """Lines, the most important first. Each is broken at its words; those without room are counted."""

    lines: Iterable[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = list(self.lines)
        drawn = [console.render_lines(line, options.update(height=None), pad=False) for line in lines]
        room = options.height or sum(map(len, drawn))
        shown = whole(list(map(len, drawn)), room)
        for rows in drawn[:shown]:
            for row in rows:
                yield from row
                yield Segment.line()
        if shown < len(lines):
            yield Text(f"… and {len(lines) - shown} more: parley status", "dim")


def whole(heights: Sequence[int], room: int) -> int:
    """How many of the first lines are shown whole, with a last line for the count of the others; one at least."""
    if sum(heights) <= room:
        return len(heights)
    count = 0
    while count < len(heights) and sum(heights[: count + 1]) <= room - 1:
        count += 1
    return max(count, 1)


@dataclass
class OneLine:
    """Parts of one line: those that are most dispensable go until it fits."""

    parts: Sequence[Part]

    def fitting(self, width: int) -> Text:
        """The line in so many cells."""
        kept = list(self.parts)
        while len(kept) > 1 and len(_joined(kept)) > width:
            kept.remove(max(kept, key=lambda part: part[0]))
        return _joined(kept)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.fitting(options.max_width)


def _joined(parts: Sequence[Part]) -> Text:
    return Text("   ").join(text for _, text in parts)
