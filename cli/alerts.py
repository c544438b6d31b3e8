"""`parley alerts`: what the desk had to say, who was told, and whether every target can be reached."""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text
from sqlalchemy import DateTime, Row, bindparam, text
from sqlalchemy.exc import ProgrammingError

from cli.access import DeskName, Opened, on_desk
from cli.output import AsCsv, AsJson, errors, form, note, print_rows, say, short
from shared.config import Settings, load_settings
from shared.errors import ConfigError
from shared.redis_streams.bus import Bus
from shared.schemas.base import Time, Value
from shared.schemas.system import AlertRaised
from shared.topology import BY_MESSAGE, partition_of, stream_key

NEWEST = 3
MOST = 10_000
LONG_AGO = datetime.min.replace(tzinfo=UTC)
TAIL_EVERY = 1.0
"""Seconds between two looks."""

COLUMNS = {
    "time": "time", "severity": "severity", "code": "code", "times": "times", "text": "text", "deliveries": "told",
}  # fmt: skip
STYLES = {"critical": "bold red", "warning": "yellow", "info": "dim"}

app = typer.Typer(help="What the desk had to say, and who was told.")


class Told(Value):
    """What became of an alert at one target: waiting, sending, sent or not_delivered."""

    target: str
    state: str
    attempts: int
    sent_at: Time | None
    error: str


class AlertRow(Value):
    """An alert; `times` counts its repeats too, `last_time` is that of the newest of them."""

    id: UUID
    time: Time
    received_at: Time
    last_time: Time
    severity: str
    code: str
    text: str
    times: int
    deliveries: tuple[Told, ...]


_ALERTS = text("""
    select a.id, a.time, a.received_at, a.last_time, a.severity, a.code, a.text, a.repeats + 1 as times, coalesce((
        select jsonb_agg(jsonb_build_object('target', target, 'state', state, 'attempts', attempts,
                                            'sent_at', sent_at, 'error', error) order by target)
        from alert_deliveries where alert_id = a.id), '[]') as deliveries
    from alerts a where a.repeat_of is null and a.received_at > :since order by a.received_at desc, a.id limit :limit
""").bindparams(bindparam("since", type_=DateTime(timezone=True)))


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    desk: DeskName = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="rows at most, newest first")] = 50,
    tail: Annotated[bool, typer.Option("--tail", help="go on with each new one, until Ctrl-C")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """What the desk had to say, newest first, and who was told."""
    if context.invoked_subcommand:
        return
    if tail and as_csv:
        raise ConfigError("--tail never ends and --csv is one table: leave one out (--json gives a line an alert).")
    if tail:
        on_desk(desk, lambda opened: _tail(opened, limit, as_json=as_json))
        return
    rows = on_desk(desk, lambda opened: stored_alerts(opened, limit))
    caption = "A repeat within ALERT_REPEAT_AFTER is counted, not told again."
    print_rows("Alerts", rows, COLUMNS, form(as_json, as_csv), _shown, caption, ("code",))


async def stored_alerts(desk: Opened, limit: int, since: datetime = LONG_AGO) -> list[AlertRow]:
    """The newest alerts received after `since`, newest first, without those that were merely counted."""
    try:
        async with desk.database.single() as connection:
            rows = (await connection.execute(_ALERTS, {"limit": limit, "since": since})).all()
    except ProgrammingError as error:
        raise ConfigError(
            "this desk's database is older than this Parley: start the desk once, or run `parley db upgrade`."
        ) from error
    return [_row(row) for row in rows]


def _row(row: Row[tuple[object, ...]]) -> AlertRow:
    fields = row._asdict()
    return AlertRow(**fields | {"deliveries": tuple(Told.model_validate(told) for told in fields["deliveries"])})


async def _tail(desk: Opened, limit: int, *, as_json: bool) -> None:
    rows = await stored_alerts(desk, limit)
    since = LONG_AGO
    while True:
        for row in reversed(rows):
            since = row.received_at
            _write(row, as_json=as_json)
        if desk.stopped:
            note(False, "the desk does not run: there will be no new alerts")
            return
        await asyncio.sleep(TAIL_EVERY)
        rows = await stored_alerts(desk, MOST, since)


def _write(row: AlertRow, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(row.model_dump(mode="json")) + "\n")
        sys.stdout.flush()
    else:
        line = Text(f"{row.time:%Y-%m-%d %H:%M:%S}  ")
        say(line.append(f"{row.severity:<8}", style=STYLES[row.severity]).append(f"  {row.code}: {row.text}"))


def _shown(row: AlertRow, name: str) -> object:
    if name == "severity":
        return Text(row.severity, style=STYLES[row.severity])
    if name == "deliveries":
        return _told(row.deliveries)
    return getattr(row, name)


def _told(deliveries: Sequence[Told]) -> Text:
    if not deliveries:
        return Text("nobody", style="dim")
    return Text("\n").join(_outcome(told) for told in deliveries)


def _outcome(told: Told) -> Text:
    match told.state:
        case "sent":
            return Text(f"{told.target} {short(told.sent_at)}", style="green")
        case "not_delivered":
            return Text(f"{told.target} NOT DELIVERED after {told.attempts} tries: {told.error}", style="red")
        case _:
            tried = f" after {told.attempts} tries: {told.error}" if told.error else ""
            return Text(f"{told.target} waiting{tried}", style="yellow")


@app.command("test")
def try_targets(as_json: AsJson = False) -> None:
    """Send a message marked as a test to every target of ALERT_URLS, and say which can't be reached and why."""
    answers = asyncio.run(_test(load_settings()))
    if as_json:
        keys = ("target", "least_severity", "arrived", "why")
        sys.stdout.write(json.dumps([dict(zip(keys, answer, strict=True)) for answer in answers], indent=2) + "\n")
    else:
        for line in _test_lines(answers):
            say(line)
    raise typer.Exit(0 if all(arrived for _, _, arrived, _ in answers) else 1)


async def _test(settings: Settings) -> list[tuple[str, str, bool, str]]:
    from services.alerts.adapters.targets import targets_of  # apprise takes half a second to import
    from services.alerts.core.words import trial_words
    from services.alerts.main import desk

    targets = targets_of(settings.alert_urls.get_secret_value(), settings.alert_least_severity)
    if not targets:
        raise ConfigError(
            "ALERT_URLS is empty: nobody would be told. Write your targets into it, like tgram://BOT_TOKEN/CHAT_ID; "
            "https://appriseit.com/services/ shows how each is written."
        )
    errors.print(f"[dim]sending to {len(targets)} targets …[/dim]", highlight=False)
    words = trial_words(datetime.now(UTC), desk(settings))
    answers = await asyncio.gather(*(target.send(words) for target in targets))
    return [(t.name, t.least, answer.arrived, answer.why) for t, answer in zip(targets, answers, strict=True)]


def _test_lines(answers: Sequence[tuple[str, str, bool, str]]) -> Iterable[Text]:
    for name, least, arrived, why in answers:
        outcome = Text("arrived ", style="green") if arrived else Text("FAILED  ", style="bold red")
        said = f"hears {least} and worse" if arrived else why
        yield outcome.append(f"  {name:<12} {said}", style="default")


async def newest_alerts(bus: Bus, count: int = NEWEST) -> list[AlertRaised]:
    """The last alerts, newest first, from their stream."""
    key = stream_key(BY_MESSAGE[AlertRaised].name, partition_of("system", bus.partitions))
    rows = await bus.execute("XREVRANGE", key, "+", "-", "COUNT", count)
    return [AlertRaised.model_validate_json(_body(fields)) for _, fields in rows]


def _body(fields: list[bytes]) -> bytes:
    return dict(zip(fields[::2], fields[1::2], strict=True))[b"b"]
