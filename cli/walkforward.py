"""`parley walkforward`: choose on the past, test on what came next."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.output import console, note, number, say, table
from cli.plan_options import FAST, PlanOptions, plan_of, takes_plan
from cli.strategies import require_voices
from cli.sweep import (
    SearchOptions,
    gain,
    print_evidence,
    print_verdict,
    require_backend,
    require_writable,
    shown,
    stoppable,
    tried,
    worded,
    write_json,
)
from shared.config import load_settings
from shared.errors import ConfigError
from shared.timeframes import MINUTE, from_microseconds

if TYPE_CHECKING:
    from backtester.sweep.trial import Trial
    from backtester.walkforward.findings import Findings
    from backtester.walkforward.walk import Leg
    from backtester.walkforward.windows import Window

UNITS = {"m": MINUTE, "h": 60 * MINUTE, "d": 1440 * MINUTE, "w": 7 * 1440 * MINUTE}
HEADINGS = (
    *("window", "test from", "to", "return in sample", "out of sample", "Sharpe in sample", "out of sample"),
    *("trades", "chosen"),
)
SPAN = re.compile(r"([1-9]\d*)([mhdw])")


@dataclass(frozen=True, kw_only=True)
class WindowSearch(SearchOptions):
    """The same, once in each training window."""

    trials: Annotated[int, typer.Option("--trials", min=1, help="trials in each training window")] = 50


@takes_plan(FAST, search=WindowSearch)
def walkforward(
    asked: PlanOptions,
    search: WindowSearch,
    train: Annotated[str, typer.Option("--train", help="length of the (first) training: 90d, 12h, 4w")],
    test: Annotated[str, typer.Option("--test", help="length of each test")],
    step: Annotated[str | None, typer.Option("--step", help="from one test to the next; default: --test")] = None,
    mode: Annotated[
        Literal["anchored", "rolling"],
        typer.Option("--mode", help="anchored: every training begins with the first candle; rolling: all are as long"),
    ] = "rolling",
) -> None:
    """Optimise in each training window and trade the best in the window after it."""
    from backtester.data.store import CandleStore
    from backtester.runs.run import loaded
    from backtester.sweep.crew import Crew
    from backtester.sweep.search import total
    from backtester.sweep.space import space_of
    from backtester.walkforward.findings import Findings, summary
    from backtester.walkforward.walk import Walk, walked
    from backtester.walkforward.windows import Lengths, windows

    require_writable("--json", search.json_file)
    settings = load_settings()
    store = CandleStore(settings.data_dir)
    plan = plan_of(asked, settings, store)
    lengths = Lengths(_span("--train", train), _span("--test", test), _span("--step", step or test))
    space = space_of(search.param or [], plan, weights=search.weights)
    markets = loaded(plan, store)
    require_voices(plan, markets)
    walk = Walk(
        plan=plan,
        markets=markets,
        space=space,
        objective=search.objective,
        sampler=search.sampler,
        trials=search.trials,
        min_trades=search.min_trades,
    )
    found = windows(*walk.range, mode, lengths, plan.timeframe)
    folder = settings.data_dir / "walkforwards"
    each, crew = total(search.trials, search.sampler, space), Crew(search.backend, search.jobs, search.scheduler)
    require_backend(crew)
    with stoppable(f"in {folder}"), shown(each * len(found), search.objective) as told:

        def heard(window: "Window", done: Mapping[int, "Trial"]) -> None:
            told(done, (window.number - 1) * each, f"window {window.number} of {len(found)}")

        result = Findings(walk, list(walked(walk, found, folder, crew, heard)))
    if search.json_file:
        write_json(search.json_file, summary(result) | {"mode": mode, "studies": str(folder)})
    if search.json_file != "-":
        print_findings(result)
        note(False, f"all trials: {folder}; the same command, or one with more --trials, goes on from them")


def print_findings(found: "Findings") -> None:
    """For people."""
    console.print(table("Windows", HEADINGS, map(_cells, found.legs)))
    rows = [(one.name, *_middle(one.values), _spread(one.spread)) for one in found.stability]
    console.print(table("Chosen parameters", ("parameter", "lowest", "median", "highest", "spread"), rows))
    say("Spread: standard deviation over the searched range, 0: always the same, 0.29: as if drawn by chance.")
    first, last = found.curve.equity[0], found.curve.equity[-1]
    said = f"Out of sample: equity {first:,.2f} to {last:,.2f} {found.walk.plan.quote}"
    say(f"{said}, stitched from {len(found.legs)} tests")
    say(f"Walk-forward efficiency: {_efficiency(found.efficiency)}")
    print_evidence(found.evidence)
    print_verdict(found.verdict)


def _cells(leg: "Leg") -> tuple[object, ...]:
    test, end = (f"{from_microseconds(time):%Y-%m-%d %H:%M}" for time in leg.window[2:])
    inside = {} if leg.chosen is None else leg.chosen.figures
    outside = leg.performance
    params = "nothing" if leg.chosen is None else tried(leg.chosen)
    figures = gain(inside.get("total_return")), gain(outside.total_return), inside.get("sharpe"), outside.sharpe
    return leg.window.number, test, end, *figures, len(leg.trades), params


def _middle(values: Sequence[Any]) -> tuple[object, object, object]:
    ordered = sorted(values)
    if not ordered:
        return None, None, None
    return worded(ordered[0]), worded(ordered[(len(ordered) - 1) // 2]), worded(ordered[-1])


def _spread(value: float | None) -> object:
    return number("—" if value is None else f"{value:.2f}")


def _efficiency(value: float | None) -> str:
    if value is None:
        return "not defined: the trainings earned nothing"
    return f"{value:.0%} of the trainings' annual return (50% and more is what Pardo asks for)"


def _span(option: str, text: str) -> int:
    """Microseconds."""
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{option} {text}: write a number and m, h, d or w, such as 90d")
    return int(found[1]) * UNITS[found[2]]
