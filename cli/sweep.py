"""`parley sweep`: the best parameters and weights, and whether they could be luck."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from backtester.sweep.names import Backend, ObjectiveName, SamplerName
from cli.output import STYLES, WIDE, console, errors, note, number, say, short, signed, table
from cli.plan_options import FAST, PlanOptions, plan_of, takes_plan
from cli.strategies import require_voices
from shared.config import load_settings
from shared.errors import ConfigError

if TYPE_CHECKING:
    from backtester.sweep.crew import Crew
    from backtester.sweep.judged import Sweep
    from backtester.sweep.trial import Trial

Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        help="STRATEGY.PARAM=LOW:HIGH, LOW:HIGH:STEP, int:LOW:HIGH or A,B,C; desk.SETTING=… too; any number of them",
    ),
]
Weights = Annotated[bool, typer.Option("--weights", help="search the strategies' weights too")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="trials in all, those of earlier runs included")]
Objective = Annotated[ObjectiveName, typer.Option("--objective", help="what is made as large as possible")]
Sampler = Annotated[
    SamplerName, typer.Option("--sampler", help="tpe learns from earlier trials; grid tries every combination")
]
MinTrades = Annotated[int, typer.Option("--min-trades", min=0, help="a trial with fewer trades has failed")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="trials at the same time; default: one for each core")]
Where = Annotated[Backend, typer.Option("--backend", help="processes, threads, or a cluster of Dask or Ray")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", help="the cluster's: tcp://HOST:8786 of Dask, HOST:6379 of Ray")
]
JsonFile = Annotated[str | None, typer.Option("--json", help="write all of it to this file; - is standard output")]

FIGURES = ("return", "Sharpe", "max drawdown", "trades")


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What is searched for, how, by whom, and where the answer goes, as typed."""

    param: Params = None
    weights: Weights = False
    trials: Trials = 100
    objective: Objective = "sharpe"
    sampler: Sampler = "tpe"
    min_trades: MinTrades = 0
    jobs: Jobs = None
    backend: Where = "loky"
    scheduler: Scheduler = None
    json_file: JsonFile = None


@takes_plan(FAST, search=SearchOptions)
def sweep(
    asked: PlanOptions,
    search: SearchOptions,
    study: Annotated[
        str | None,
        typer.Option("--study", help="a file or postgresql://… to keep trials in; default: DATA_DIR/sweeps/NAME.log"),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="the study's name; default: by what is searched")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="trials shown")] = 10,
) -> None:
    """Search strategies' parameters and weights, and the desk's settings; the same command goes on where it stopped."""
    from backtester.data.store import CandleStore
    from backtester.runs.run import loaded
    from backtester.sweep.crew import Crew
    from backtester.sweep.judged import Sweep, summary
    from backtester.sweep.proposals import grid_size
    from backtester.sweep.record import Place, identity, opened
    from backtester.sweep.search import searched, total
    from backtester.sweep.space import space_of
    from backtester.sweep.trial import Work

    require_writable("--json", search.json_file)
    if study is not None and "://" not in study:
        require_writable("--study", study)
    settings = load_settings()
    store = CandleStore(settings.data_dir)
    plan = plan_of(asked, settings, store)
    space, markets = space_of(search.param or [], plan, weights=search.weights), loaded(plan, store)
    require_voices(plan, markets)
    work = Work(plan, markets, space, search.objective, search.trials, search.min_trades)
    known = identity(work, search.sampler)
    place = Place.of(study, name, settings.data_dir, known)
    count, crew = total(search.trials, search.sampler, space), Crew(search.backend, search.jobs, search.scheduler)
    require_backend(crew)
    with stoppable(f"in {place}"), opened(place, work, known) as record, shown(count, search.objective) as told:
        done = searched(work, search.sampler, record, crew, told)
    result = Sweep(work, done)
    if search.json_file:
        write_json(search.json_file, summary(result) | {"study": str(place)})
    if search.json_file != "-":
        print_sweep(result, top, grid_size(space) if search.sampler == "grid" else None)
        note(False, f"all trials: {place}")


@contextmanager
def stoppable(where: str) -> Iterator[None]:
    """Ctrl-C says what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        note(False, f"stopped; every finished trial is kept {where}, and the same command goes on from there")
        raise


@contextmanager
def shown(total: int, objective: str) -> Iterator[Callable[..., None]]:
    """A progress bar with the best so far, on standard error; what it yields hears of the trials so far, by number.

    `before` counts trials of searches that are done, `label` names this one.
    """
    from backtester.sweep.judged import best_of

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task("trials", total=total)

        def told(done: Mapping[int, "Trial"], before: int = 0, label: str = "trials") -> None:
            best = best_of(done.values())
            said = "" if best is None else f", best {objective} {short(best.value)}"
            progress.update(task, completed=before + len(done), description=f"{label}{said}")

        yield told


def print_sweep(result: "Sweep", top: int, combinations: int | None = None) -> None:
    """For people; `combinations` are those of a grid."""
    from backtester.sweep.judged import options

    made = len(result.trials)
    of = f" of {combinations:,} combinations" if combinations and combinations > made else " trials"
    _print_ranked(result, top, f"Best of {made:,}{of}")
    failed = [trial for trial in result.trials if trial.value is None]
    if failed:
        say(f"{len(failed)} of {len(result.trials)} trials failed, the first of them: {failed[0].reason}")
    if result.importance:
        say("Matters: " + ", ".join(f"{name} {share:.0%}" for name, share in result.importance.items()))
    if result.best is not None:
        say(f"Best: trial {result.best.number}, for a backtest: {' '.join(options(result.work, result.best))}")
    if result.evidence is not None:
        print_evidence(result.evidence)
    print_verdict(result.verdict)


def print_evidence(known: Any) -> None:
    """The measures of luck, one a row."""
    low_high = "—" if known.interval is None else f"{known.interval.low:.2f} to {known.interval.high:.2f}"
    rows = [
        ("probabilistic Sharpe ratio", share(known.probabilistic), "chance that the true ratio is above 0"),
        ("deflated Sharpe ratio", share(known.deflated), f"the same for the best of {known.trials} trials"),
        ("probability of overfitting", share(known.overfitting), "chance that the choice is worth nothing"),
        ("annual Sharpe ratio", number(low_high), f"{known.confidence:.0%} of resampled runs"),
        ("days", number(str(known.periods)), _needed(known.track_record)),
    ]
    console.print(
        table("Could it be luck?", ("measure", "value", "meaning"), rows if known.trials > 1 else _alone(rows))
    )


def print_verdict(found: Any) -> None:
    """The last word."""
    from backtester.report.headline import tone

    console.print(Text(found.words, STYLES[tone(found.answer)]), soft_wrap=True, highlight=False)


def share(value: float | None) -> Any:
    """A share as per cent."""
    return number("—" if value is None else f"{value:.1%}")


def gain(value: float | None) -> Any:
    """The same, coloured."""
    return signed(value, None if value is None else f"{value:+.2%}")


def write_json(target: str, found: Mapping[str, Any]) -> None:
    """To a file, or to standard output."""
    text = json.dumps(found, indent=1) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text)
    except OSError as error:
        raise ConfigError(f"--json {target}: {error.strerror}; name a file in a folder you may write to") from None


def require_backend(crew: "Crew") -> None:
    """ConfigError before the first trial where the cluster's library is missing, or nobody answers."""
    if crew.backend in ("dask", "ray"):
        with crew.ready(None):
            pass


def require_writable(option: str, target: str | Path | None) -> None:
    """ConfigError before the work, not after it."""
    if target is None or target == "-":
        return
    path = Path(target).absolute()
    if not path.parent.is_dir():
        raise ConfigError(f"{option}: the folder of {target} does not exist")
    if path.is_dir():
        raise ConfigError(f"{option} {target}: is a folder; name a file in it")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{option} {target}: no permission to write there; name a file in a folder of yours")


def _print_ranked(result: "Sweep", top: int, title: str) -> None:
    """A column for every parameter, or where they do not fit, a line for every trial's below the table."""
    common = ("trial", result.work.objective, *FIGURES)
    trials, knobs = result.ranked[:top], [knob.name for knob in result.work.space.knobs]
    wide = table(
        title, (*common, *knobs), [(*_figures(trial), *map(worded, trial.params.values())) for trial in trials]
    )
    if console.measure(wide, options=console.options.update(max_width=10 * WIDE)).maximum <= console.width:
        console.print(wide)
        return
    console.print(table(title, common, map(_figures, trials)))
    for trial in trials:
        say(f"trial {trial.number}: {tried(trial)}")


def _figures(trial: "Trial") -> tuple[object, ...]:
    figures = trial.figures.get
    numbers = gain(figures("total_return")), figures("sharpe"), share(figures("max_drawdown"))
    return trial.number, trial.value, *numbers, trial.trades


def worded(value: object) -> object:
    """A parameter's value, numbers to the right and without idle digits."""
    return number(f"{value:g}") if isinstance(value, (int, float)) else value


def tried(trial: "Trial") -> str:
    """A trial's values in one line."""
    return ", ".join(f"{name} {worded(value)}" for name, value in trial.params.items())


def _alone(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row for row in rows if row[0] not in ("deflated Sharpe ratio", "probability of overfitting")]


def _needed(periods: float | None) -> str:
    return "—" if periods is None else f"{periods:.0f} needed"
