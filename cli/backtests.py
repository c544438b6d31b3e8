"""`parley backtests`: what was kept of runs, and how runs compare."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import AsCsv, AsJson, console, form, note, number, print_rows, say, signed
from shared.config import load_settings
from shared.errors import ConfigError
from shared.schemas.base import Value

if TYPE_CHECKING:
    from backtester.report.comparison import Paired
    from backtester.runs.kept import Shelf
    from backtester.runs.outcome import Outcome
    from shared.strategies.market import Market

app = typer.Typer(help="Backtests that were kept.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="its id, the beginning of one, or last")]
COLUMNS = {
    "id": "id",
    "made_at": "made",
    "symbols": "symbols",
    "timeframe": "bars",
    "period": "period",
    "strategies": "strategies",
    "engine": "engine",
    "trades": "trades",
    "total_return": "return",
    "sharpe": "Sharpe",
    "max_drawdown": "drawdown",
    "verdict": "verdict",
}
EXPENDABLE = ("verdict", "made_at", "strategies", "period", "engine", "sharpe", "max_drawdown", "timeframe")


class KeptBacktest(Value):
    """A line of the list; figures that are not defined are None."""

    id: str
    made_at: datetime
    symbols: tuple[str, ...]
    timeframe: str
    begin: datetime
    end: datetime
    strategies: tuple[str, ...]
    engine: str
    trades: int
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    could_be_luck: bool
    verdict: str


@app.command("list")
def list_(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """What is kept, newest first."""
    rows = [_line(kept) for kept in _shelf().listing()]
    print_rows("Backtests", rows, COLUMNS, form(as_json, as_csv), _shown, expendable=EXPENDABLE)


@app.command()
def show(
    name: Name = "last",
    trades: Annotated[bool, typer.Option("--trades", help="the trades too")] = False,
    report: Annotated[Path | None, typer.Option(help="write the HTML report to this file")] = None,
    as_json: AsJson = False,
) -> None:
    """The summary of one."""
    from backtester.runs.kept import plain
    from cli.backtest_views import summary_view, trades_view

    shelf = _shelf()
    kept = shelf.find(name)
    outcome = shelf.load(kept["id"])
    if report:
        _write(outcome, report, shelf.data_dir, quiet=as_json)
    if as_json:
        _print(kept | ({"trade_list": [plain(trade) for trade in outcome.trades]} if trades else {}))
        return
    console.print(summary_view(outcome))
    if trades:
        console.print(trades_view(outcome))


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="two or more: ids, beginnings of them, or last")],
    as_json: AsJson = False,
) -> None:
    """Figures side by side, what differs, and whether the difference could be luck."""
    from backtester.data.store import CandleStore
    from backtester.report.comparison import OTHERWISE, differing_fields, paired_days, same_candles
    from cli.backtest_views import differences_view, figures_view, paired_view

    shelf = _shelf()
    kept = {row["id"]: row for row in map(shelf.find, names)}
    if len(kept) < 2:
        raise ConfigError("compare: name two different backtests; `parley backtests list` shows what is there")
    outcomes = {known: shelf.load(known) for known in kept}
    first = next(iter(outcomes))
    differing = differing_fields([row["plan"] for row in kept.values()])
    played = same_candles(list(outcomes.values()), CandleStore(shelf.data_dir))
    code = len({row["code"] for row in kept.values()}) == 1
    pairs = {known: paired_days(outcomes[known], outcomes[first]) for known in list(outcomes)[1:]}
    if as_json:
        _print(_comparison(kept, differing, pairs, (played.same, code)))
        return
    console.print(figures_view(dict(outcomes), outcomes[first]))
    console.print(differences_view(list(kept), differing))
    say(f"candles: {played.words}")
    say(f"code: {'the same' if code else OTHERWISE}")
    say("\nDaily returns, paired (block bootstrap):")
    for known, paired in pairs.items():
        say(paired_view(known, first, paired))


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="ids, beginnings of them, or last")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Delete kept backtests; candles stay."""
    shelf = _shelf()
    found = list(dict.fromkeys(map(shelf.id_of, names)))
    if not yes and not typer.confirm(f"Delete {', '.join(found)}?", err=True):
        raise typer.Exit(1)
    for known in found:
        say(f"{shelf.remove(known)} removed")


def _shelf() -> "Shelf":
    from backtester.runs.kept import Shelf  # compiles nothing, but imports NumPy and Arrow

    return Shelf(load_settings().data_dir)


def _line(kept: Mapping[str, Any]) -> KeptBacktest:
    from shared.timeframes import from_microseconds, length

    plan, done = kept["plan"], kept["performance"]
    played, start = kept["candles"].values(), plan["start"] or 0
    return KeptBacktest(
        id=kept["id"],
        made_at=kept["made_at"],
        symbols=plan["symbols"],
        timeframe=plan["timeframe"],
        begin=from_microseconds(max(start, min(candles["first"] for candles in played))),
        end=from_microseconds(max(candles["last"] for candles in played) + length(plan["base_timeframe"])),
        strategies=[choice["name"] for choice in plan["strategies"]],
        engine=plan["engine"],
        trades=kept["trades"],
        **{name: done[name] for name in ("total_return", "sharpe", "max_drawdown")},
        could_be_luck=kept["could_be_luck"],
        verdict=kept["verdict"],
    )


def _shown(row: KeptBacktest, field: str) -> object:
    from backtester.report.headline import brief
    from backtester.report.words import change, listing, share

    match field:
        case "made_at":
            return f"{row.made_at:%m-%d %H:%M}"
        case "symbols":
            return listing(row.symbols, most=1)
        case "strategies":
            return listing(row.strategies, most=2)
        case "period":
            return f"{row.begin:%Y-%m-%d} to {row.end:%Y-%m-%d}"
        case "total_return":
            return signed(row.total_return, change(row.total_return))
        case "max_drawdown":
            return number(share(row.max_drawdown))
        case "sharpe":
            return number("—" if row.sharpe is None else f"{row.sharpe:.2f}")
        case "verdict":
            return brief(row.verdict)
        case _:
            return getattr(row, field)


def _write(outcome: "Outcome", path: Path, data_dir: Path, quiet: bool) -> None:
    from backtester.report.page import write_report  # Bokeh takes a second to import

    write_report(outcome, _played(outcome, data_dir), path)
    note(quiet, f"{path} written")


def _played(outcome: "Outcome", data_dir: Path) -> "dict[str, Market]":
    """The candles that were played, as far as they are still stored."""
    from backtester.data.store import CandleStore, fingerprint

    store, plan = CandleStore(data_dir), outcome.plan
    markets = {}
    for symbol, known in outcome.candles.items():
        try:
            market = store.load(plan.venue, symbol, plan.base_timeframe, plan.start, plan.end)
        except ConfigError as error:
            note(False, f"{symbol} has no chart in the report: {error}")
            continue
        if fingerprint(market) == known.fingerprint:
            markets[symbol] = market
        else:
            note(False, f"{symbol} has no chart in the report: the stored candles are not those that were played")
    return markets


def _comparison(
    kept: Mapping[str, Mapping[str, Any]],
    differing: Mapping[str, Sequence[object]],
    pairs: "Mapping[str, Paired]",
    same: tuple[bool, bool],
) -> dict[str, object]:
    return {
        "backtests": list(kept.values()),
        "differs": {field: dict(zip(kept, values, strict=True)) for field, values in differing.items()},
        "same_candles": same[0],
        "same_code": same[1],
        "daily_difference_to_first": {
            known: {
                "days": paired.days,
                "mean": paired.mean,
                "interval": paired.interval and paired.interval._asdict(),
                "could_be_luck": paired.could_be_luck,
            }
            for known, paired in pairs.items()
        },
    }


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
