"""`parley check STRATEGY`: does it look ahead, is its warm-up enough, are its values what they must be?"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from cli.demo import parsed_timeframe
from cli.output import AsJson, errors, say
from shared.config import load_settings
from shared.errors import ConfigError
from shared.timeframes import from_microseconds, to_microseconds

if TYPE_CHECKING:
    from backtester.check.findings import Checked, Looked
    from backtester.check.subjects import Subject

SAID = {
    "look-ahead": "no value changes with what comes after its bar",
    "warm-up": "{warmup} bars give the value of all history",
    "values": "numbers from -1 to 1, rounded to 1e-6, 0 before the warm-up",
    "repeatable": "the same bars give the same values, and stay as they are",
    "explanation": "there is one for bars that speak and bars that do not",
}


def check(
    strategy: Annotated[str, typer.Argument(help="a registered name, or path/to/file.py:ClassName")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="PARAM=VALUE; once for each parameter")] = None,
    symbols: Annotated[str | None, typer.Option(help="pairs, separated by commas; default: all that is stored")] = None,
    timeframe: Annotated[
        str | None, typer.Option(help="default TIMEFRAME; made of shorter bars that are stored")
    ] = None,
    venue: Annotated[str | None, typer.Option(help="default: whichever has the pair")] = None,
    from_: Annotated[datetime | None, typer.Option("--from", help="bars that open from this time on (UTC)")] = None,
    to: Annotated[datetime | None, typer.Option(help="bars that open before this time (UTC)")] = None,
    cuts: Annotated[
        int, typer.Option(min=1, help="bars that get other bars after them; all, if there are fewer")
    ] = 50_000,
    seed: Annotated[int, typer.Option(min=0, help="what is drawn at random")] = 1,
    as_json: AsJson = False,
) -> None:
    """Look for look-ahead and too short a warm-up on real bars; exit status 1 where something was found."""
    from backtester.check.exam import checked
    from backtester.check.loading import strategy_named
    from backtester.check.subjects import Wanted, subjects
    from backtester.data.store import CandleStore

    settings = load_settings()
    make = strategy_named(strategy, set_ or [])
    pairs = [part.strip().upper() for part in symbols.split(",")] if symbols else None
    wanted = Wanted(parsed_timeframe(timeframe) or settings.timeframe, pairs, venue, *_range(from_, to))
    answers: list[dict[str, Any]] = []
    for subject in subjects(CandleStore(settings.data_dir), wanted, seed):
        subject.require(make().warmup)
        with _shown(subject.name) as progress:
            found = checked(make, subject.market, cuts, seed, progress)
        answers.append(_plain(strategy, subject, found))
        if not as_json:
            _print(strategy, subject, found)
    if as_json:
        sys.stdout.write(json.dumps(answers, indent=2) + "\n")
    if not all(answer["passed"] for answer in answers):
        raise typer.Exit(1)


def _range(start: datetime | None, end: datetime | None) -> tuple[int | None, int | None]:
    first, last = (None if moment is None else _microseconds(moment) for moment in (start, end))
    if first is not None and last is not None and first >= last:
        raise ConfigError(f"--to {end}: is not after --from {start}")
    return first, last


def _microseconds(moment: datetime) -> int:
    return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@contextmanager
def _shown(name: str) -> Iterator[Callable[[int, int], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def _print(strategy: str, subject: "Subject", found: "Checked") -> None:
    looked = found.looked
    say(Text(f"{strategy} on {subject.name}, {looked.bars} bars", style="bold"))
    for question, good in SAID.items():
        findings = found.of(question)
        for finding in findings:
            say(Text.assemble(("FAIL ", "bold red"), f"{question}: {finding}{_enough(found, question)}"))
        if why := found.unasked.get(question):
            say(Text.assemble(("NOT ASKED ", "yellow"), f"{question}: {why}"))
        elif not findings:
            say(Text.assemble(("PASS ", "green"), f"{question}: {good.format(warmup=found.warmup)}"))
    say(Text(_effort(looked), style="dim"))
    if not looked.spoken:
        say(Text("It never spoke on these bars: only its silence was checked.", style="yellow"))


def _enough(found: "Checked", question: str) -> str:
    if question != "warm-up":
        return ""
    if found.enough is None:
        return f". Half of these bars, {found.looked.bars // 2}, would not be enough either"
    return f". The least warm-up that does here is {found.enough}, it says {found.warmup}"


def _effort(looked: "Looked") -> str:
    return (
        f"It spoke on {looked.spoken} bars. Other bars came after each of {looked.replaced} bars ({looked.runs} runs), "
        f"the whole future was cut off or replaced {looked.cuts} times, "
        f"the past cut to the warm-up {looked.windows} times, gaps closed or made after {looked.gaps} bars, "
        f"{looked.fresh} histories scored in processes just started."
    )


def _plain(strategy: str, subject: "Subject", found: "Checked") -> dict[str, Any]:
    findings = [
        asdict(finding) | {"open_time": finding.open_time and from_microseconds(finding.open_time).isoformat()}
        for finding in found.findings
    ]
    return {
        "strategy": strategy,
        "market": subject.name,
        "passed": not found.findings,
        "warmup": found.warmup,
        "least_warmup": found.enough,
        "findings": findings,
        "unasked": found.unasked,
        **asdict(found.looked),
    }
