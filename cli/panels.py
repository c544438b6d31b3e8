"""The panels of the live view, and what of them is left where the terminal is small.

By width: the streams go first (below 150 columns), then the council (below 110). By height: the streams, council and
prices go together (below 20 rows). What is open and why nothing is bought stays. Within a panel the columns go by rank.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from cli.fitting import Column, Columns, Lines, OneLine, Part
from cli.output import amount, money, price, signed
from shared.ids import canonical
from shared.redis_streams.overview import StreamView
from shared.reports.rows import PositionRow, SessionRow, SignalRow, Status
from shared.schemas.system import AlertRaised

WITH_STREAMS, WITH_COUNCIL, WITH_MIDDLE = 150, 110, 20
COLOURS = {"BUY": "bold green", "SELL": "bold red", "HOLD": "yellow"}
SEVERITIES = {"info": "dim", "warning": "yellow", "critical": "bold red"}


@dataclass(frozen=True, slots=True)
class Picture:
    """One moment of the desk. `venue` is what is amiss with it, None where it answers."""

    status: Status
    prices: list[tuple[str, float]]
    ticks: dict[str, Decimal]
    signals: list[SignalRow]
    sessions: list[SessionRow]
    streams: dict[str, StreamView]
    restarts: int
    alerts: list[AlertRaised]
    venue: str | None


def draw(picture: Picture, title: str, width: int, height: int) -> RenderableType:
    """The whole screen."""
    layout = Layout()
    layout.split_column(
        Layout(_panel(title, headline(picture)), size=3),
        Layout(name="middle", ratio=3, visible=height >= WITH_MIDDLE),
        Layout(_panel("Open trades (P&L after fees paid)", trades(picture)), ratio=2),
        Layout(_panel("Why no trade, and alerts", Lines(reasons(picture))), size=max(7, height // 4)),
    )
    layout["middle"].split_row(
        Layout(_panel("Prices and last signals", prices(picture)), ratio=4),
        Layout(_panel("Council", _council(picture)), ratio=5, visible=width >= WITH_COUNCIL),
        Layout(_panel("Streams", _streams(picture)), ratio=3, visible=width >= WITH_STREAMS),
    )
    return layout


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left")


def headline(picture: Picture) -> OneLine:
    """Whether it may trade, what is amiss, and the money; the time of the market goes first."""
    return OneLine(list(_headline(picture)))


def _headline(picture: Picture) -> Iterator[Part]:
    status, folio = picture.status, picture.status.portfolio
    mode = "ACTIVE" if status.may_enter else f"NO ENTRIES ({status.system_status})"
    yield 0, Text(mode, "bold green" if status.may_enter else "bold red")
    if picture.venue:
        yield 1, Text("VENUE IN TROUBLE", "bold red")
    if folio:
        yield 2, Text(f"equity {money(folio.equity, folio.currency)}")
        realised = signed(folio.realised_pnl, money(folio.realised_pnl, folio.currency))
        yield 3, Text.assemble("realised ", realised)
        yield 5, Text(f"cash {money(folio.cash, folio.currency)}")
        yield 6, Text(f"{folio.trades_closed} trades closed")
    if dead := sum(stream.dead for stream in picture.streams.values()):
        yield 4, Text(f"{dead} dead", "bold red")
    if picture.restarts:
        yield 7, Text(f"{picture.restarts} restarts", "yellow")
    if status.last_candle_at:
        yield 8, Text(f"market time {status.last_candle_at:%Y-%m-%d %H:%M}", "dim")


def prices(picture: Picture) -> Columns:
    """Each symbol's last price and signal, and the strategies that spoke."""
    newest = {signal.symbol: signal for signal in reversed(picture.signals)}
    table = Columns(
        [Column("", 0), Column("", 1, right=True), Column("", 2, right=True), Column("", 3, words=True)], headings=False
    )
    for symbol, close in picture.prices:
        signal = newest.get(symbol)
        score = signed(signal.score, f"{signal.score:+.2f}") if signal else ""
        table.add(symbol, price(close, picture.ticks.get(symbol)), score, Text(_spoken(signal), "dim"))
    return table


def _spoken(signal: SignalRow | None) -> str:
    if signal is None:
        return ""
    spoken = sorted((c for c in signal.contributions if c["score"]), key=lambda c: -abs(c["share"]))
    return ", ".join(f"{c['strategy']} {c['score']:+.2f}" for c in spoken) or "nothing to say"


def _council(picture: Picture) -> RenderableType:
    blocks = []
    for session in picture.sessions:
        head = Text.assemble(
            (f"{session.verdict:<5}", COLOURS[session.verdict]), f"{session.symbol} {session.time:%H:%M}  "
        )
        head.append(session.reason, style="dim")
        votes = "  ".join(
            f"{vote.member} {'abstains' if vote.probability is None else format(vote.probability, '.2f')}"
            + (" VETO" if vote.veto else "")
            for vote in session.votes
        )
        blocks.append(Group(head, Padding(Text(votes), (0, 0, 0, 6))))
    return Group(*blocks) if blocks else Text("no session yet", style="dim")


def trades(picture: Picture) -> RenderableType:
    """The open trades; the state goes first, then what is held, the target, the entry."""
    folio = picture.status.portfolio
    if not folio or not folio.positions:
        return Text("none", style="dim")
    numbers = (("held", 6), ("entry", 4), ("price", 3), ("stop", 2), ("target", 5), ("P&L", 1))
    table = Columns([Column("symbol", 0), Column("state", 7), *(Column(n, rank, right=True) for n, rank in numbers)])
    for position in folio.positions:
        table.add(*_position(position, picture.ticks.get(position.symbol)))
    return table


def _position(position: PositionRow, tick: Decimal | None) -> tuple[str | Text, ...]:
    stop = f"{position.stop.kind} {price(position.stop.price, tick)}" if position.stop else "—"
    return (
        position.symbol,
        position.status,
        canonical(position.held),
        price(position.entry_price, tick),
        price(position.mark, tick),
        stop,
        price(position.take_profit_price, tick),
        signed(position.pnl, amount(position.pnl, position.symbol)),
    )


def _streams(picture: Picture) -> Columns:
    table = Columns(
        [Column("stream", 0), *(Column(n, r, right=True) for n, r in (("messages", 3), ("lag", 2), ("dead", 1)))]
    )
    for name, stream in picture.streams.items():
        lag = sum(group.lag + group.pending for group in stream.groups.values())
        dead = Text(str(stream.dead), style="bold red" if stream.dead else "dim")
        table.add(name, str(stream.messages), str(lag), dead)
    return table


def reasons(picture: Picture) -> Iterator[Text]:
    """What is amiss with the venue, what is critical, why nothing is bought by symbol, the other alerts."""
    critical = [alert for alert in picture.alerts if alert.severity == "critical"]
    why = picture.status.why_no_trade
    if picture.venue:
        yield Text(picture.venue, "bold red")
    yield from map(_alert, critical)
    yield Text(why.sentence)
    yield from (Text(line.sentence, "dim") for line in why.symbols if line.sentence != why.sentence)
    yield from (_alert(alert) for alert in picture.alerts if alert not in critical)


def _alert(alert: AlertRaised) -> Text:
    said = f"{alert.severity} {alert.occurred_at:%m-%d %H:%M}: {alert.text}"
    return Text(said, style=SEVERITIES[alert.severity])
