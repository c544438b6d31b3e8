"""Small terminals lose whole columns and lines, never a part of a number."""

from io import StringIO

import pytest
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.text import Text

from cli.fitting import Column, Columns, Lines, OneLine, whole


def drawn(what: RenderableType, width: int, height: int | None = None) -> str:
    console = Console(file=StringIO(), width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(what if height is None else Panel(what, height=height))
    return capture.get()


def prices() -> Columns:
    table = Columns(
        [
            Column("symbol", 0),
            Column("held", 3, right=True),
            Column("stop", 1, right=True),
            Column("why", 2, words=True),
        ]
    )
    table.add("BTC/USD", "0.12345678", "66550.1", "momentum +0.50, trend +0.20")
    table.add("XRP/USD", "10500.5", "1.31824", "nothing to say")
    return table


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        (50, ["symbol", "held", "stop", "why"]),
        (40, ["symbol", "stop", "why"]),
        (20, ["symbol", "stop"]),
        (9, ["symbol"]),
    ],
)
def test_columns_go_by_rank(width: int, kept: list[str]) -> None:
    assert [column.heading for column in prices().fitting(width)] == kept


@pytest.mark.parametrize("width", range(7, 60))
def test_a_number_is_shown_whole_or_not_at_all(width: int) -> None:
    words = drawn(prices(), width).split()
    assert not any(word.endswith("…") and word[0].isdigit() for word in words)
    for number in ("0.12345678", "66550.1", "1.31824", "10500.5"):
        assert number in words or not any(number.startswith(word) for word in words)


def test_rows_without_room_are_counted() -> None:
    table = Columns([Column("symbol", 0)])
    for index in range(9):
        table.add(f"S{index}/USD")
    text = drawn(table, 40, 7)
    assert "S2/USD" in text
    assert "… and 6 more" in text
    assert "S3/USD" not in text


def test_lines_are_broken_at_words_and_those_without_room_are_counted() -> None:
    lines = [Text("the first line is long and takes two rows"), Text("second"), Text("third"), Text("fourth")]
    text = drawn(Lines(lines), 30, 6)
    assert "takes two rows" in text
    assert "second" in text
    assert "third" not in text
    assert "… and 2 more" in text
    assert "fourth" in drawn(Lines(lines), 30, 7)


def test_one_line_is_shown_whatever_the_room() -> None:
    assert whole([3, 1], 2) == 1
    assert whole([1, 1, 1], 3) == 3
    assert whole([1, 1, 1, 1], 3) == 2


def test_a_headline_drops_what_is_most_dispensable_first() -> None:
    line = OneLine([(0, Text("ACTIVE")), (2, Text("market time")), (1, Text("equity 10,000.00 USD"))])
    assert line.fitting(80).plain == "ACTIVE   market time   equity 10,000.00 USD"
    assert line.fitting(40).plain == "ACTIVE   equity 10,000.00 USD"
    assert line.fitting(10).plain == "ACTIVE"
