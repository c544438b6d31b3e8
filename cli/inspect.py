"""`parley status | positions | trades | signals`: what the desk knows, in tables, JSON or CSV."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.access import Answer, DeskName, Opened, on_desk
from cli.desk import running_desks
from cli.output import AsCsv, AsJson, Form, form, money, print_rows, say
from shared.config import load_settings
from shared.reports import queries
from shared.reports.rows import Status
from shared.schemas.base import Value

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="rows at most, newest first")]
SymbolFilter = Annotated[str | None, typer.Option(help="only this pair")]

POSITIONS = {
    "symbol": "symbol", "status": "state", "held": "held", "entry_price": "entry", "entry_time": "since",
    "mark": "price", "stop_price": "stop", "take_profit_price": "target", "pnl": "P&L",
}  # fmt: skip
TRADES = {
    "symbol": "symbol", "status": "state", "entry_time": "entry", "entry_price": "price", "exit_time": "exit",
    "exit_price": "price", "quantity": "quantity", "fees": "fees", "exit_reason": "reason", "pnl": "P&L",
}  # fmt: skip
SIGNALS = {"time": "bar closed", "symbol": "symbol", "timeframe": "timeframe", "score": "score", "price": "price"}


def ask(desk: str | None, question: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """One question to a desk's books."""

    async def answer(opened: Opened) -> Answer:
        async with opened.database.engine.connect() as connection:
            return await question(connection)

    return on_desk(desk, answer)


def status(desk: DeskName = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Whether the desk may trade, its money, and why it does not trade right now."""
    found = ask(desk, queries.status)
    shape = form(as_json, as_csv)
    if shape is not Form.TABLE:
        print_rows("Status", [found], {}, shape)
    else:
        stopped = not running_desks() and not load_settings().database_url.get_secret_value()
        say(_status(found, stopped=stopped))


def _entries(found: Status, *, stopped: bool) -> Text:
    if stopped:
        return Text("STOPPED: these are the books as the desk left them\n", style="bold yellow")
    if found.may_enter:
        return Text("ENTRIES ALLOWED\n", style="bold green")
    return Text(f"NO NEW ENTRIES ({found.system_status}) {found.reason}\n", style="bold red")


def _status(found: Status, *, stopped: bool) -> Text:
    text = _entries(found, stopped=stopped)
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
    text.append(f"why no trade: {found.why_no_trade.sentence}")
    if refusal := found.why_no_trade.last_refusal:
        figures = ", ".join(f"{figure['name']} {figure['value']}" for figure in refusal.figures)
        text.append(f"\nlast refusal: {refusal.symbol} at {refusal.time:%m-%d %H:%M}, {refusal.reason}: {figures}")
    return text


def positions(desk: DeskName = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Trades that are not closed, with stop, target and profit."""
    _rows("Positions", desk, queries.positions, POSITIONS, form(as_json, as_csv))


def trades(
    desk: DeskName = None,
    symbol: SymbolFilter = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Every trade, newest first."""
    page = queries.Page(limit=limit)
    _rows("Trades", desk, lambda c: queries.trades(c, symbol=symbol, page=page), TRADES, form(as_json, as_csv))


def signals(
    desk: DeskName = None,
    symbol: SymbolFilter = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """What the strategies said, newest first."""
    page = queries.Page(limit=limit)
    _rows("Signals", desk, lambda c: queries.signals(c, symbol=symbol, page=page), SIGNALS, form(as_json, as_csv))


def _rows(
    title: str,
    desk: str | None,
    question: Callable[[AsyncConnection], Awaitable[Sequence[Value]]],
    columns: dict[str, str],
    shape: Form,
) -> None:
    print_rows(title, ask(desk, question), columns, shape)
