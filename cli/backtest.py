"""`parley backtest`: strategies, council, limits and learning on stored candles."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.output import console, errors, note
from cli.plan_options import DESK_ITSELF, PlanOptions, plan_of, takes_plan
from cli.strategies import require_voices
from cli.sweep import require_writable, write_json
from shared.config import load_settings
from shared.errors import ConfigError

if TYPE_CHECKING:
    from backtester.runs.outcome import Outcome

WITH_REPEAT = ("--repeat", "--report", "--json")
"""Options that a repetition takes."""
TOLD_EVERY = 0.1
"""Seconds."""


@takes_plan(DESK_ITSELF)
def backtest(
    asked: PlanOptions,
    context: typer.Context,
    repeat: Annotated[
        str | None,
        typer.Option("--repeat", help="play a kept backtest again: its id, or last, and no other options"),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="write an HTML page with everything to this file")
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", help="write figures and trades to this file; - is standard output")
    ] = None,
) -> None:
    """Play stored candles through the desk; the outcome is kept and can be played again, bit for bit."""
    from backtester.data.store import CandleStore
    from backtester.runs.kept import Shelf, plain, summary
    from backtester.runs.run import loaded, run

    require_writable("--json", json_file)
    require_writable("--report", report)
    if repeat is not None:
        require_alone(context)
    settings = load_settings()
    store, shelf = CandleStore(settings.data_dir), Shelf(settings.data_dir)
    known = shelf.load(repeat) if repeat else None
    plan = plan_of(asked, settings, store) if known is None else known.plan
    markets = loaded(plan, store)
    require_voices(plan, markets)
    try:
        with shown() as progress:
            outcome = run(plan, markets, progress)
    except KeyboardInterrupt:
        note(False, "stopped; of a backtest that has not come to its end nothing is kept")
        raise
    same = known is None or repeated(known, outcome)
    try:
        if json_file != "-":
            from cli.backtest_views import summary_view

            console.print(summary_view(outcome))
        if json_file:
            write_json(json_file, summary(outcome) | {"trade_list": [plain(trade) for trade in outcome.trades]})
        if report:
            from backtester.report.page import write_report

            write_report(outcome, markets, report)
            note(False, f"the page: {report}")
    finally:  # whatever becomes of one, the other is not lost
        shelf.keep(outcome)
    if not same:
        raise typer.Exit(1)


@contextmanager
def shown() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=errors, transient=True) as bar:
        task, told = bar.add_task("playing", total=None), time.monotonic()

        def progress(done: int, of: int) -> None:
            nonlocal told
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                bar.update(task, completed=done, total=of)

        yield progress


def require_alone(context: typer.Context) -> None:
    """ConfigError names options that a repetition would not look at."""
    sources = {one.opts[0]: context.get_parameter_source(one.name or "") for one in context.command.params}
    typed = [
        option
        for option, source in sources.items()
        if option not in WITH_REPEAT and source is not None and source.name == "COMMANDLINE"
    ]
    if typed:
        raise ConfigError(
            f"{', '.join(typed)}: a repetition has the options of the kept run alone; leave --repeat out to change them"
        )


def repeated(known: "Outcome", now: "Outcome") -> bool:
    """Whether a repetition gave the same result, which is also said.

    ConfigError where it ran on other candles, or the same code did not give the same bits.
    """
    if {s: c.fingerprint for s, c in known.candles.items()} != {s: c.fingerprint for s, c in now.candles.items()}:
        raise ConfigError(f"--repeat {known.id}: the stored candles are not those that it ran on")
    same = known.result == now.result
    if known.code != now.code:
        found = "and gave the same result" if same else "and gave another result"
        note(False, f"{known.id} ran on other code ({known.code}, now {now.code}) {found}")
    elif not same:
        raise ConfigError(f"--repeat {known.id}: the same plan, candles and code gave another result; please report it")
    else:
        note(False, f"{known.id}: the same result, to the last bit")
    return same
