"""`parley streams`: length, lag, pending and dead letters per group, leases; dead letters shown and requeued."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import func, select

from cli.access import DeskName, Opened, on_desk
from cli.output import AsJson, console, say, table
from shared.errors import ConfigError, Unprocessable
from shared.models import DecisionInstant
from shared.redis_streams.dead import DeadLetter, dead_letters
from shared.redis_streams.dead import requeue as requeue_letter
from shared.redis_streams.overview import Overview, streams_overview

app = typer.Typer(help="Length, lag, pending, dead letters and leases of the streams.")


@app.callback(invoke_without_command=True)
def streams(context: typer.Context, desk: DeskName = None, as_json: AsJson = False) -> None:
    """Every stream and every group that reads it."""
    if context.invoked_subcommand:
        return
    overview = on_desk(desk, lambda opened: streams_overview(opened.bus))
    if as_json:
        sys.stdout.write(json.dumps(asdict(overview), indent=2) + "\n")
        return
    console.print(_streams(overview))
    console.print(_leases(overview))


def _streams(overview: Overview) -> Table:
    rows: list[tuple[object, ...]] = []
    for name, stream in overview.streams.items():
        head: tuple[object, ...] = (name, stream.messages, stream.length, stream.dead)
        for group, view in stream.groups.items():
            rows.append((*head, group, view.lag, view.pending))
            head = ("", "", "", "")
        if not stream.groups:
            rows.append((*head, "(nobody)", "", ""))
    return table("Streams", ("stream", "messages", "length", "dead", "group", "lag", "pending"), rows)


def _leases(overview: Overview) -> Table:
    rows = []
    for group, partitions in overview.leases.items():
        owners: dict[str, list[int]] = {}
        for partition, lease in sorted(partitions.items()):
            owners.setdefault(lease.owner or "(nobody)", []).append(partition)
        rows += [(group, owner, " ".join(map(str, held))) for owner, held in sorted(owners.items())]
    return table("Leases", ("group", "held by", "partitions"), rows)


@app.command()
def dead(
    group: Annotated[str | None, typer.Option(help="only this group")] = None,
    desk: DeskName = None,
    as_json: AsJson = False,
) -> None:
    """Messages that a group could not handle, and why."""
    letters = on_desk(desk, lambda opened: dead_letters(opened.bus, group))
    if as_json:
        sys.stdout.write(json.dumps([asdict(letter) for letter in letters], indent=2) + "\n")
        return
    rows = [(x.id, x.stream, x.kind, x.attempts, x.error, _brief(x)) for x in letters]
    console.print(table("Dead letters", ("id", "stream", "kind", "attempts", "error", "message"), rows))


def _brief(letter: DeadLetter) -> str:
    return letter.body if len(letter.body) <= 120 else letter.body[:117] + "…"


@app.command()
def requeue(
    letter: Annotated[str, typer.Argument(help="id of a dead letter, from `parley streams dead`")],
    force: Annotated[bool, typer.Option(help="also when the message has expired")] = False,
    desk: DeskName = None,
) -> None:
    """Give a dead letter back to the group that could not handle it, and to no other."""

    async def again(opened: Opened) -> None:
        async with opened.database.engine.connect() as connection:
            venue_time = await connection.scalar(select(func.max(DecisionInstant.time)))
        await requeue_letter(opened.bus, letter, venue_time=venue_time, force=force)

    try:
        on_desk(desk, again)
    except Unprocessable as error:
        raise ConfigError(str(error)) from None
    say(f"{letter} is queued again.")
