"""`parley status | positions | trades | signals`: what the desk knows, in tables, JSON or CSV."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.access import DeskName, Opened, on_desk
from cli.output import AsCsv, AsJson, Form, amount, form, money, number, price, print_rows, say, signed
from shared.errors import ConfigError
from shared.heartbeat import heartbeats
from shared.ids import canonical
from shared.reports import queries
from shared.reports.rows import Status
from shared.reports.venue import venue_trouble
from shared.schemas.base import Value

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="rows at most, newest first")]
SymbolFilter = Annotated[str | None, typer.Option(help="only this pair", parser=str.upper, metavar="SYMBOL")]

POSITIONS = {
    "symbol": "symbol", "status": "state", "held": "held", "entry_price": "entry", "entry_time": "since",
    "mark": "price", "stop_price": "stop", "take_profit_price": "target", "pnl": "P&L",
}  # fmt: skip
TRADES = {
    "symbol": "symbol", "status": "state", "entry_time": "entry", "entry_price": "price", "exit_time": "exit",
    "exit_price": "price", "quantity": "quantity", "fees": "fees", "exit_reason": "reason", "pnl": "P&L",
}  # fmt: skip
SIGNALS = {"time": "bar closed", "symbol": "symbol", "timeframe": "timeframe", "score": "score", "price": "price"}
EXPENDABLE = ("status", "entry_time", "fees", "exit_time", "quantity", "held", "take_profit_price")
"""Columns that a narrow terminal does without; the first goes first."""
PRICES = frozenset({"entry_price", "exit_price", "mark", "stop_price", "take_profit_price", "price"})
AFTER_FEES = "P&L is after fees paid; that of an open trade is at the price shown, before the exit's fee."


class DeskStatus(Status):
    """`venue` is what is amiss with it, null where it answers."""

    venue: str | None


def status(desk: DeskName = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Whether the desk may trade, its money, and why it does not trade right now."""

    async def answer(opened: Opened) -> tuple[DeskStatus, bool]:
        return await _desk_status(opened), opened.stopped

    found, stopped = on_desk(desk, answer)
    shape = form(as_json, as_csv)
    if shape is not Form.TABLE:
        print_rows("Status", [found], {}, shape)
    else:
        say(_status(found, stopped=stopped))


async def _desk_status(opened: Opened) -> DeskStatus:
    async with opened.database.engine.connect() as connection:
        found = await queries.status(connection)
    return DeskStatus(**dict(found), venue=venue_trouble(await heartbeats(opened.bus), datetime.now(UTC)))


def _entries(found: Status, *, stopped: bool) -> Text:
    if stopped:
        return Text("STOPPED: these are the books as the desk left them\n", style="bold yellow")
    if found.may_enter:
        return Text("ENTRIES ALLOWED\n", style="bold green")
    return Text(f"NO NEW ENTRIES ({found.system_status}) {found.reason}\n", style="bold red")


def _status(found: DeskStatus, *, stopped: bool) -> Text:
    text = _entries(found, stopped=stopped)
    if found.venue and not stopped:
        text.append(f"{found.venue}\n", style="bold red")
    if folio := found.portfolio:
        text.append(
            f"equity     {money(folio.equity, folio.currency)} of {money(folio.initial_balance, folio.currency)}"
        )
        text.append(
            f"\ncash       {money(folio.cash, folio.currency)}, {money(folio.reserved, folio.currency)} reserved"
        )
        text.append(f"\nrealised   {money(folio.realised_pnl, folio.currency)} in {folio.trades_closed} trades\n")
    text.append(f"positions  {found.open_positions}\n")
    text.append(f"last bar   {found.last_candle_at or '—'}\n")
    why = found.why_no_trade
    text.append(f"why no trade: {why.sentence}")
    for symbol in why.symbols:
        if symbol.sentence != why.sentence:
            text.append(f"\n              {symbol.sentence}")
    return text


def positions(desk: DeskName = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Trades that are not closed, with stop, target, and the P&L after fees paid."""
    _rows("Positions", desk, queries.positions, POSITIONS, form(as_json, as_csv), AFTER_FEES)


def trades(
    desk: DeskName = None,
    symbol: SymbolFilter = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Every trade, newest first; P&L is after fees paid."""
    question = partial(queries.trades, symbol=symbol, page=queries.Page(limit=limit))
    _rows("Trades", desk, question, TRADES, form(as_json, as_csv), "P&L is after fees paid.", symbol)


def signals(
    desk: DeskName = None,
    symbol: SymbolFilter = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """What the strategies said, newest first."""
    page = queries.Page(limit=limit)
    question = partial(queries.signals, symbol=symbol, page=page)
    _rows("Signals", desk, question, SIGNALS, form(as_json, as_csv), symbol=symbol)


def _rows(
    title: str,
    desk: str | None,
    question: Callable[[AsyncConnection], Awaitable[Sequence[Value]]],
    columns: dict[str, str],
    shape: Form,
    caption: str = "",
    symbol: str | None = None,
) -> None:
    async def answer(opened: Opened) -> tuple[Sequence[Value], Mapping[str, Decimal]]:
        async with opened.database.engine.connect() as connection:
            rows, ticks = await question(connection), await queries.price_ticks(connection)
        traded = opened.settings.symbols
        if symbol and not rows and symbol not in traded:
            raise ConfigError(f"{symbol} is not traded by this desk; it trades {', '.join(traded)}.")
        return rows, ticks

    rows, ticks = on_desk(desk, answer)
    print_rows(title, rows, columns, shape, partial(shown, ticks), caption, EXPENDABLE)


def shown(ticks: Mapping[str, Decimal], row: Any, name: str) -> object:
    """Prices at their symbol's tick, results in cents, quantities and fees to the last digit."""
    value = getattr(row, name)
    if value is None:
        return None
    if name in PRICES:
        return number(price(value, ticks.get(row.symbol)))
    if name == "pnl":
        return signed(value, amount(value, row.symbol))
    return number(canonical(value)) if isinstance(value, Decimal) else value
