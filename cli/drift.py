"""`parley drift`: what the desk traded against what the backtest of the same period trades, worst first."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from cli.access import DeskName, settings_of
from cli.output import AsJson, console, errors, note, say, signed, table
from shared.config import Settings
from shared.db import Database
from shared.errors import ConfigError
from shared.ids import canonical

if TYPE_CHECKING:
    from backtester.drift.compare import Alone, Drift, Pair
    from backtester.drift.replay import Period
    from backtester.runs.trade import Trade

SHOWN = 20


def drift(
    since: Annotated[datetime, typer.Option(help="trades decided from this time on (UTC)")],
    until: Annotated[datetime | None, typer.Option(help="trades decided before this time (UTC); default: now")] = None,
    desk: DeskName = None,
    engine: Annotated[Literal["event", "vector"], typer.Option(help="vector: no council, no learning")] = "event",
    as_json: AsJson = False,
) -> None:
    """Compare the desk's closed trades with a backtest on its own candles, trade by trade."""
    from backtester.drift.replay import drifted
    from backtester.runs.run import run

    first, last = _utc(since), datetime.now(UTC) if until is None else _utc(until)
    if first >= last:
        raise ConfigError(f"--until {last:%Y-%m-%d %H:%M}: is not after --since {first:%Y-%m-%d %H:%M}")
    with settings_of(desk) as (_, settings):
        known = asyncio.run(_read(settings, first, last, engine))
    with errors.status(f"backtest of {', '.join(known.markets)} from {first:%Y-%m-%d %H:%M}"):
        found = drifted(known, run(known.plan, known.markets))
    if as_json:
        sys.stdout.write(json.dumps(_plain(known, found), indent=2) + "\n")
    else:
        _print(known, found)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _read(settings: Settings, since: datetime, until: datetime, engine: Literal["event", "vector"]) -> "Period":
    from backtester.drift.replay import period

    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with database.engine.connect() as connection:
            return await period(connection, settings, since, until, engine)
    finally:
        await database.close()


def _print(known: "Period", found: "Drift") -> None:
    from backtester.drift.split import CAUSES

    note(not known.without_bars, f"no candles of {', '.join(known.without_bars)}: its trades stand as extra ones")
    quote = known.plan.quote
    causes = [cause for cause in CAUSES if any(getattr(pair.parts, cause) for pair in found.pairs)]
    rows = [_pair(pair, causes) for pair in found.pairs]
    rows += [_alone(one, what, causes) for what in ("missing", "extra") for one in getattr(found, what)]
    worst_first = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    title = f"Drift, worst {min(SHOWN, len(rows))} of {len(rows)} trades (the desk less the backtest)"
    headings = ("symbol", "entered", "backtest", "desk", "difference", *causes, "what")
    console.print(table(title, headings, worst_first[:SHOWN]))
    sums = [(cause, _money(value, quote)) for cause, value in found.sums.items()]
    console.print(table("By cause", ("cause", quote), [*sums, ("all", _money(found.difference, quote))]))
    for line in _words(known, found):
        say(line)


def _words(known: "Period", found: "Drift") -> Iterator[str]:
    period = f"{known.since:%Y-%m-%d %H:%M} to {known.until:%Y-%m-%d %H:%M}"
    both = f"{len(found.pairs)} trades of both, {len(found.missing)} missing, {len(found.extra)} extra"
    yield f"{period}, engine {known.plan.engine}: {both}"
    if open_ := [one for one in known.books.others if one.status != "closed"]:
        yield f"{len(open_)} trades of the desk are not closed and do not count"
    yield _worst(found)


def _worst(found: "Drift") -> str:
    from backtester.drift.compare import Pair

    worst = found.worst
    if worst is None:
        return "No trade did worse than in the backtest."
    if isinstance(worst, Pair):
        most = "unexplained" if worst.worst_cause == "unexplained" else f"by {worst.worst_cause}"
        return f"Worst: {_named(worst.live)}, {_by(worst.difference, worst.live)}, most of it {most}"
    why = f": {worst.why}" if worst.why else ""
    return f"Worst: {_named(worst.trade)}, {_by(worst.difference, worst.trade)}, made by one of the two only{why}"


def _named(trade: "Trade") -> str:
    return f"{trade.symbol} of {_when(trade.entry_time)}"


def _by(difference: Decimal, trade: "Trade") -> str:
    quote = _quote(trade)
    return f"{_money(difference, quote)} {quote}"


def _pair(pair: "Pair", causes: Sequence[str]) -> tuple[Decimal, list[object]]:
    """A row; its `causes` are all that are not 0 in any, so that they add up to the difference."""
    late = f" {pair.bars_late:+d} bars" if pair.bars_late else ""
    left = "" if pair.live.exit_reason == pair.backtest.exit_reason else f", there {pair.backtest.exit_reason}"
    split = [getattr(pair.parts, cause) for cause in causes]
    amounts = [
        _money(value, _quote(pair.live)) for value in (pair.backtest.pnl, pair.live.pnl, pair.difference, *split)
    ]
    place = [pair.live.symbol, _when(pair.live.entry_time)]
    return pair.difference, [*place, *amounts, f"{pair.live.exit_reason}{left}{late}"]


def _alone(one: "Alone", what: str, causes: Sequence[str]) -> tuple[Decimal, list[object]]:
    quote = _quote(one.trade)
    result = _money(one.trade.pnl, quote)
    theirs, ours = (result, None) if what == "missing" else (None, result)
    said = f"{what}: {one.why}" if one.why else what
    place: list[object] = [one.trade.symbol, _when(one.trade.entry_time), theirs, ours, _money(one.difference, quote)]
    return one.difference, [*place, *[None] * len(causes), said]


def _when(time: int) -> str:
    from backtester.report.words import moment

    return moment(time)


def _quote(trade: "Trade") -> str:
    return trade.symbol.partition("/")[2]


def _money(value: Decimal, quote: str) -> Text:
    from backtester.report.words import money

    return signed(value, money(value, quote))


def _plain(known: "Period", found: "Drift") -> dict[str, Any]:
    from backtester.drift.split import CAUSES
    from backtester.runs.kept import plain

    return {
        "since": known.since.isoformat(),
        "until": known.until.isoformat(),
        "plan": known.plan.model_dump(mode="json"),
        "difference": canonical(found.difference),
        "by_cause": {cause: canonical(value) for cause, value in found.sums.items()},
        "worst": _worst(found),
        "not_closed": sum(one.status != "closed" for one in known.books.others),
        "pairs": [
            {
                "difference": canonical(pair.difference),
                "parts": {cause: canonical(getattr(pair.parts, cause)) for cause in CAUSES},
                "bars_late": pair.bars_late,
                "desk": plain(pair.live) | {"decided_at": pair.live.decided_at, "requested_at": pair.live.requested_at},
                "backtest": plain(pair.backtest),
            }
            for pair in found.pairs
        ],
        **{
            what: [
                {"difference": canonical(one.difference), "why": one.why, "trade": plain(one.trade)} for one in alone
            ]
            for what, alone in (("missing", found.missing), ("extra", found.extra))
        },
    }
