"""What people must hear stands in the log of the process that said it."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import pytest
from sqlalchemy import insert

from shared.db import Database
from shared.errors import InvariantBroken
from shared.ids import derived_id
from shared.models import Outbox
from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.outbox import relay
from shared.redis_streams.source import Source
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.market import TickerUpdated
from shared.schemas.system import AlertRaised
from shared.topology import partition_of, stream_key
from tests.shared.redis_streams.desk import FAST, START, group_is_done, logged, running, ticker, until

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


def alert(severity: Severity = "critical") -> AlertRaised:
    return AlertRaised(
        message_id=derived_id("AlertRaised", severity),
        occurred_at=START,
        severity=severity,
        code="drawdown",
        text="20 % are lost",
    )


class Alarmed:
    def __init__(self, *alerts: AlertRaised) -> None:
        self.alerts = alerts

    async def on_ticker_updated(self, _message: TickerUpdated, _tx: Transaction) -> Sequence[Message]:
        return self.alerts


def line(severity: Severity) -> dict[str, str]:
    return {"event": "alert", "log_level": severity, "severity": severity, "code": "drawdown", "text": "20 % are lost"}


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_a_handlers_alert_is_logged_at_its_severity(bus: Bus, severity: Severity) -> None:
    await Source(bus, "market_data").publish_unseen(ticker(1))
    with logged("alert") as lines:
        async with running(bus, Alarmed(alert(severity)), group="trade_executor"):
            await until(lambda: group_is_done(bus, "trade_executor"))
    assert lines() == [line(severity)]


async def test_an_alert_of_a_commit_that_failed_is_not_logged(bus: Bus) -> None:
    destination = stream_key("system:alerts", partition_of("system", bus.partitions))
    await bus.execute("SET", destination, "in the way")
    await Source(bus, "market_data").publish_unseen(ticker(1))
    with logged("alert") as lines, pytest.raises(InvariantBroken, match="is no stream"):
        await Consumer(bus, "trade_executor", "one", Alarmed(alert()), None, options=FAST).run(asyncio.Event())
    assert lines() == []


async def test_a_sources_alert_is_logged_once(bus: Bus) -> None:
    source = Source(bus, "market_data")
    with logged("alert") as lines:
        for _ in range(2):
            await source.publish_unseen(alert("warning"))
            await source.publish_newer(alert("critical"), cursor_key="alerts", cursor=1)
    assert lines() == [line("warning"), line("critical")]


async def test_an_alert_that_went_through_the_outbox_is_logged(bus: Bus, database: Database) -> None:
    row = {"message_id": alert().message_id, "kind": "AlertRaised", "body": alert().model_dump_json()}
    async with database.transaction() as connection:
        await connection.execute(insert(Outbox), [row])
    with logged("alert") as lines:
        await relay(bus, database)
    assert lines() == [line("critical")]
