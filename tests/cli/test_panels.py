"""The live view, drawn at the sizes of people's terminals."""

import re
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from cli.panels import Picture, draw
from shared.db import Database
from shared.redis_streams.overview import StreamView
from shared.reports import queries
from tests.shared.reports.books import write

AWAY = "kraken can't be reached since 14:02 UTC: ExchangeNotAvailable: kraken GET https://api.kraken.com/0/public/Time"
SIZES = [(80, 24), (120, 40), (180, 50)]


async def picture(database: Database, venue: str | None = None) -> Picture:
    async with database.transaction() as connection:
        await write(connection)
        return Picture(
            await queries.status(connection),
            [("BTC/USD", 66550.1), ("XRP/USD", 1.31824)],
            {"BTC/USD": Decimal("0.1"), "XRP/USD": Decimal("0.00001")},
            await queries.signals(connection),
            await queries.sessions(connection),
            {"market:candles": StreamView(12345, 100, 2, {})},
            3,
            [],
            venue,
        )


def screen(seen: Picture, width: int, height: int) -> str:
    console = Console(file=StringIO(), width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(draw(seen, "Parley", width, height), height=height)
    return capture.get()


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_no_number_is_cut_at_any_size(database: Database, width: int, height: int) -> None:
    shown = screen(await picture(database), width, height)
    assert not re.search(r"\d…", shown)
    for number in ("66550.1", "1.31824", "equity 898.75 USD", "trailing 95.0", "+0.10"):
        assert number in shown
    assert "after fees paid" in shown


@pytest.mark.parametrize(("size", "titles"), list(zip(SIZES, [(), ("Council",), ("Council", "Streams")], strict=True)))
async def test_panels_go_by_priority(database: Database, size: tuple[int, int], titles: tuple[str, ...]) -> None:
    shown = screen(await picture(database), *size)
    assert tuple(title for title in ("Council", "Streams") if f"{title} ─" in shown) == titles
    assert "2 dead" in shown


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_a_venue_that_cannot_be_reached_is_said_with_its_cause(
    database: Database, width: int, height: int
) -> None:
    shown = screen(await picture(database, AWAY), width, height)
    assert "kraken can't be reached since 14:02 UTC: ExchangeNotAvailable" in shown
    assert "VENUE IN TROUBLE" in shown


async def test_every_symbol_has_its_line(database: Database) -> None:
    shown = screen(await picture(database), 120, 40)
    assert "ETH/USD 09:05 BUY refused by risk (cash)" in shown
    assert "BTC/USD: the trade is open, since 09:05" in shown
