"""The `parley` command."""

import sys
from collections.abc import Callable

import typer

from cli import (
    alerts,
    backtest,
    backtests,
    check,
    config_command,
    control,
    data,
    demo,
    desks,
    doctor,
    drift,
    inspect,
    record,
    replay,
    strategies,
    streams,
    sweep,
    up,
    walkforward,
)
from cli.output import errors
from shared.errors import ParleyError

app = typer.Typer(
    name="parley",
    help="A self-hosted AI trading desk. Paper trading is the default. Not financial advice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


INTERRUPTED = 130
"""The exit status after Ctrl-C."""


def _register(group: str, *commands: Callable[..., None]) -> None:
    for command in commands:
        app.command(rich_help_panel=group)(command)


_register("Run", demo.demo, up.up, up.run)
_register("Backtest", backtest.backtest, sweep.sweep, walkforward.walkforward, check.check, strategies.strategies)
_register("Backtest", drift.drift)
app.add_typer(backtests.app, name="backtests", rich_help_panel="Backtest")
_register("See", inspect.status, inspect.positions, inspect.trades, inspect.signals, desks.logs)
_register("Act", control.pause, control.resume, control.close)
_register("Record and replay", record.record, replay.replay)
_register("Look after", config_command.config, doctor.doctor, desks.reset, desks.seed)
app.add_typer(streams.app, name="streams", rich_help_panel="See")
app.add_typer(alerts.app, name="alerts", rich_help_panel="See")
app.add_typer(desks.db, name="db", rich_help_panel="Look after")
app.add_typer(data.app, name="data", rich_help_panel="Look after")


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"parley {desks.version()}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="print the version"),
) -> None:
    del version


def main() -> None:
    """Run the command; an error of ours is one line on standard error and exit status 2, and so is Ctrl-C with 130."""
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:  # typer makes a status of Ctrl-C
            raise
        errors.print("parley: stopped", markup=False)
        sys.exit(INTERRUPTED)
    except ParleyError as error:
        errors.print(f"parley: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
