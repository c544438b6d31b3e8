"""`parley demo`: the whole desk on the exchange simulator, on a seeded market or on recorded candles."""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
import uvloop

from cli.account import print_report
from cli.desk import Kind, Servers, desk_named, migrate, servers, wipe
from cli.output import note
from cli.plan import (
    SEEDED_SYMBOLS,
    Plan,
    absolute,
    free_port,
    recorded,
    require_port,
    require_same_market,
    seeded_symbols,
)
from cli.playback import Conductor, Watched
from cli.report import faults, run_report, stored_candles
from cli.run import Run, running, until_ready
from cli.supervisor import SERVICES
from cli.venue import Json, Venue
from cli.view import played, watch
from shared.config import Settings, load_settings
from shared.errors import ConfigError
from shared.redis_streams.source import Source
from shared.schemas.base import Timeframe
from shared.timeframes import TIMEFRAMES, from_microseconds

Meddle = Callable[[Run, Json], Awaitable[None]]
CHANNELS = ("ticker", "ohlc", "executions")
FASTEST = 600
"""Venue seconds a second: an order must arrive within 60 of them, a tenth of a second here; less is left to chance."""
REMEMBERED = (
    *("DATABASE_URL", "REDIS_URL", "DATA_DIR", "SYMBOLS", "TIMEFRAME", "BASE_TIMEFRAME", "INITIAL_BALANCE"),
    *("TRADING_MODE", "VENUE_URL", "PLAYBACK_SPEED", "API_PORT"),
)


def demo(
    data: Annotated[list[str] | None, typer.Option(help="SYMBOL=FILE.csv of recorded candles; repeat for more")] = None,
    more_data: Annotated[
        list[str] | None, typer.Argument(help="further SYMBOL=FILE.csv of --data", show_default=False)
    ] = None,
    speed: Annotated[str | None, typer.Option(help="venue seconds per second, or max for lock-step playback")] = None,
    timeframe: Annotated[str | None, typer.Option(help="bars that strategies score (1m, 5m, 15m, 1h, …)")] = None,
    for_seconds: Annotated[float | None, typer.Option("--for", min=1, help="stop after so many seconds")] = None,
    bars: Annotated[
        int | None,
        typer.Option(min=1, help="stop after so many base bars (of --data its rows, else 1m); only with --speed max"),
    ] = None,
    symbols: Annotated[str, typer.Option(help="pairs of the seeded market")] = ",".join(SEEDED_SYMBOLS),
    seed: Annotated[int, typer.Option(help="seed of the market")] = 1,
    history: Annotated[int, typer.Option(min=0, help="base bars of --data that are past already, to warm up on")] = 0,
    balance: Annotated[Decimal | None, typer.Option(help="starting cash; default INITIAL_BALANCE")] = None,
    scale: Annotated[list[str] | None, typer.Option(help="SERVICE=N or all=N instances")] = None,
    report: Annotated[Path | None, typer.Option(help="write the report as JSON to this file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
    desk: Annotated[str | None, typer.Option(help="name of the desk's folder under DATA_DIR")] = None,
    fresh: Annotated[bool, typer.Option(help="forget an earlier run of the seeded demo first")] = False,
) -> None:
    """Trade on the exchange simulator. Nothing leaves this machine, no money is involved."""
    settings = load_settings()
    files = [*(data or []), *(more_data or [])]
    lockstep = (speed or "") == "max"
    if bars and not lockstep:
        raise ConfigError("--bars counts bars in lock-step: add --speed max, or bound the run with --for SECONDS.")
    plan = Plan(
        desk=desk_named(desk or ("playback" if files or lockstep else "demo"), settings),
        timeframe=parsed_timeframe(timeframe) or "5m",
        speed=None if lockstep else _speed(speed or ("60" if not files else "600")),
        symbols=SEEDED_SYMBOLS if files else seeded_symbols(symbols),
        seed=seed,
        bars=bars,
        seconds=for_seconds,
        balance=balance or settings.initial_balance,
        scale=parsed_scale(scale or []),
    )
    if files:
        plan = with_data(plan, files, parsed_timeframe(timeframe), history)
    if report and not report.resolve().parent.is_dir():
        raise ConfigError(f"--report: the folder of {report} does not exist.")
    result = run_plan(plan, settings, forget=fresh or bool(files) or lockstep, quiet=as_json)
    if report:
        report.write_text(json.dumps(result, indent=2) + "\n")
    problems = faults(result)
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        print_report(result, problems)
    raise typer.Exit(1 if problems else 0)


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= FASTEST:
        limit = f"a number of venue seconds per second (60) up to {FASTEST}"
        raise ConfigError(f"--speed {text}: give {limit}, or max for lock-step, which waits for every order.")
    return value


def parsed_timeframe(text: str | None) -> Timeframe | None:
    """A timeframe as typed; ConfigError names the choices."""
    for known in TIMEFRAMES:
        if known == text:
            return known
    if text is None:
        return None
    raise ConfigError(f"--timeframe {text}: choose one of {', '.join(TIMEFRAMES)}.")


def parsed_scale(arguments: Sequence[str]) -> dict[str, int]:
    counts = {}
    for argument in arguments:
        service, _, count = argument.partition("=")
        if service not in (*SERVICES, "all") or not count.isdigit() or int(count) < 1:
            raise ConfigError(f"--scale {argument}: give SERVICE=N, SERVICE out of all, {', '.join(SERVICES)}.")
        counts[service] = int(count)
    if counts.get("api_gateway", 1) > 1:
        raise ConfigError("--scale api_gateway: it has one port on this machine and runs once.")
    return counts


def with_data(plan: Plan, arguments: Sequence[str], timeframe: Timeframe | None, history: int = 0) -> Plan:
    """The plan on recorded candles, of which the first `history` instants are past already."""
    arguments = [absolute(argument) for argument in arguments]
    files, base, chosen = recorded(arguments, timeframe, history)
    instants = sorted({bar.time for candles in files.values() for bar in candles.bars})
    return replace(
        plan,
        data=tuple(arguments),
        symbols=tuple(sorted(files)),
        base=base,
        timeframe=chosen,
        history=history,
        begins=from_microseconds(instants[history]),
        rows=sum(bar.time >= instants[history] for candles in files.values() for bar in candles.bars),
    )


def run_plan(plan: Plan, settings: Settings, *, forget: bool, quiet: bool, meddle: Meddle | None = None) -> Json:
    """Run the desk to the plan's end; its report. `meddle` is called as soon as a playback has moved the venue."""
    kind: Kind = "playback" if plan.data or plan.lockstep else "demo"
    with plan.desk.locked():
        plan.desk.require_kind(kind)
        if forget:
            wipe(plan.desk)
        require_same_market(plan)
        port = 0 if plan.lockstep else require_port(settings.api_port, "the API", "API_PORT")
        plan = replace(plan, api_port=port)
        note(quiet, f"desk in {plan.desk.root}: starting Redis and PostgreSQL …")
        with servers(plan.desk) as found:  # never those of .env: a demo must not mix with a desk that trades
            migrate(found.database_url)
            environment = plan.environment(found.urls, free_port())
            plan.desk.remember(kind, {name: environment[name] for name in REMEMBERED})
            note(quiet, "starting the venue and the services …")
            return uvloop.run(_run(plan, found, environment, quiet, meddle))


async def _run(plan: Plan, found: Servers, environment: Mapping[str, str], quiet: bool, meddle: Meddle | None) -> Json:
    async with running(plan.desk, found, environment, plan.scale, plan) as run:
        venue = run.venue
        assert venue is not None  # a plan always plays a venue
        await until_ready(run, venue, CHANNELS)
        if run.stop.is_set():  # the books of a start that was broken off say nothing
            note(False, "Stopped before the desk was ready.")
            raise typer.Exit(1)
        started = monotonic()
        conductor = Conductor(
            venue, Watched(run.bus, run.database, Source(run.bus, "market_data"), plan.base, plan.timeframe)
        )
        if plan.lockstep:
            await _play(plan, run, conductor, quiet, meddle)
        else:
            await _watch(plan, run, conductor, quiet)
        run.raise_failure()
        seconds, complete = monotonic() - started, bool((await venue.state()).get("done"))
        candles = await _candles(plan, run, venue)
        async with run.database.engine.connect() as connection:
            report = await run_report(connection, run.bus, await venue.books(), candles, complete)
        return {**report, "timeframe": plan.timeframe, "seconds": round(seconds, 1), "restarts": run.restarts}


def _until(plan: Plan, run: Run) -> Callable[[], bool]:
    end = monotonic() + plan.seconds if plan.seconds else None
    return lambda: run.stop.is_set() or bool(end and monotonic() > end)


async def _play(plan: Plan, run: Run, conductor: Conductor, quiet: bool, meddle: Meddle | None) -> None:
    with played(quiet) as progress:

        async def moved(step: Json) -> None:
            progress(step)
            if meddle:
                await meddle(run, step)

        await conductor.play(_until(plan, run), moved, plan.bars)


async def _watch(plan: Plan, run: Run, conductor: Conductor, quiet: bool) -> None:
    await watch(
        run, _until(plan, run), plan.base, "Parley demo — the exchange simulator, no real money — Ctrl-C stops", quiet
    )
    await conductor.finish()


async def _candles(plan: Plan, run: Run, venue: Venue) -> dict[str, int]:
    """How many base candles the data has, the venue played, and our database holds."""
    state = await venue.state()
    if plan.begins is None:  # a seeded market has no end, and its history was stored too
        return {"played": state["candles_played"]}
    async with run.database.engine.connect() as connection:
        stored = await stored_candles(connection, plan.base, plan.symbols, plan.begins)
    return {"in_data": plan.rows, "played": state["candles_played"], "stored": stored}
