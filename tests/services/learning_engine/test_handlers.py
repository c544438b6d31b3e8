from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from sqlalchemy import insert, select

from services.learning_engine.adapters import DatabasePast
from services.learning_engine.core import Guardrails
from services.learning_engine.handlers import Handlers
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.migrations import upgrade
from shared.models import LearningAdjustment, LearningOutcome, Weight
from shared.schemas.trades import TradeClosed, WeightsAdjusted
from shared.seed import seed
from tests.services.delivery import deliver
from tests.services.learning_engine.trades import NOON, closed

RAILS = Guardrails(min_trades=10, max_step=0.05, floor=0.05, cap=0.5, cooldown=5)
MINUTE, MOMENT = timedelta(minutes=1), timedelta(microseconds=1)


def engine(*, moves: bool = True) -> Handlers:
    return Handlers(RAILS, "1m", DatabasePast(), moves=moves)


@pytest.fixture
async def desk(database: Database) -> Database:
    async with database.transaction() as connection:
        await seed(connection)
    return database


@pytest.fixture
async def second_desk(postgres_server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A second seeded desk."""
    url = postgres_server.url("second_desk")
    upgrade(url)
    pool = Database(url)
    async with pool.transaction() as connection:
        await seed(connection)
    yield pool
    await pool.close()
    postgres_server.query('drop database :"name" with (force)', name="second_desk")


def stream(count: int, start: int = 0) -> list[TradeClosed]:
    """Momentum wins, swing loses; technical_trend knows it, volatility has it wrong."""
    trades = []
    for i in range(start, start + count):
        name, fraction = (("momentum", 0.01), ("swing", -0.01))[i % 2]
        won = fraction > 0
        votes = {"technical_trend": 0.7 if won else 0.3, "volatility": 0.3 if won else 0.7}
        noise = 0.002 * ((i * 7) % 5 - 2)
        trades.append(closed(NOON + i * 30 * MINUTE, round(fraction + noise, 6), {name: 0.5}, votes))
    return trades


async def hear(database: Database, trades: Sequence[TradeClosed], own: Handlers | None = None) -> list[WeightsAdjusted]:
    handlers = own or engine()
    return [
        cast(WeightsAdjusted, message)
        for trade in trades
        for message in await deliver(database, handlers.on_trade_closed, trade)
    ]


async def rows(database: Database, table: Any, *order: Any) -> list[Any]:
    async with database.transaction() as connection:
        return list((await connection.execute(select(table).order_by(*order))).all())


async def test_outcomes_are_kept_once_however_often_the_trade_comes(desk: Database) -> None:
    trade = closed(NOON, 0.02, {"momentum": 0.3, "swing": 0.1}, {"technical_trend": 0.75})
    await hear(desk, [trade, trade])
    kept = await rows(desk, LearningOutcome, LearningOutcome.scope, LearningOutcome.name)
    assert [(o.trade_id, o.scope, o.name, o.time, o.credit, o.pnl, o.pnl_fraction) for o in kept] == [
        (trade.trade_id, "members", "technical_trend", NOON, 0.5, 10, 0.01),
        (trade.trade_id, "strategies", "momentum", NOON, 0.75, 15, 0.015),
        (trade.trade_id, "strategies", "swing", NOON, 0.25, 5, 0.005),
    ]


async def test_a_trade_opened_by_hand_leaves_no_trace(desk: Database) -> None:
    assert await hear(desk, [closed(NOON, 0.02, {})]) == []
    assert await rows(desk, LearningOutcome) == []


async def test_switched_off_it_keeps_outcomes_and_moves_nothing(desk: Database) -> None:
    assert await hear(desk, stream(40), engine(moves=False)) == []
    assert len(await rows(desk, LearningOutcome)) == 3 * 40
    assert await rows(desk, LearningAdjustment) == []


async def test_weights_move_after_the_least_number_of_trades_and_say_why(desk: Database) -> None:
    trades = stream(21)
    assert await hear(desk, trades[:10]) == []
    messages = await hear(desk, trades[10:])
    members = [message for message in messages if message.scope == "members"]
    strategies = [message for message in messages if message.scope == "strategies"]
    assert members[0].effective_from == trades[10].exit_time + MOMENT
    moved = {weight.name: (weight.before, weight.after) for weight in members[0].weights}
    assert moved["technical_trend"] == (0.2, 0.25)
    assert moved["volatility"] == (0.2, 0.15)
    assert strategies[0].effective_from == trades[19].exit_time + MOMENT
    assert sum(weight.after for weight in strategies[0].weights) == pytest.approx(1, abs=1e-9)


async def test_every_move_is_a_weight_and_an_adjustment_with_its_reason(desk: Database) -> None:
    messages = await hear(desk, stream(11))
    (message,) = messages
    moved = [weight for weight in message.weights if weight.after != weight.before]
    adjustments = await rows(desk, LearningAdjustment, LearningAdjustment.name)
    assert [(a.scope, a.name, a.before, a.after, a.reason, a.effective_from) for a in adjustments] == [
        (message.scope, w.name, w.before, w.after, w.reason, message.effective_from) for w in moved
    ]
    assert {a.name: a.trades for a in adjustments} == {"technical_trend": 10, "volatility": 10}
    assert all("over 10 trades" in a.reason for a in adjustments)
    async with desk.transaction() as connection:
        newer = select(Weight.name, Weight.weight).where(Weight.effective_from == message.effective_from)
        stored = (await connection.execute(newer.order_by(Weight.name))).all()
    assert [tuple(row) for row in stored] == [(w.name, w.after) for w in moved]


async def test_adjustments_keep_their_distance(desk: Database) -> None:
    trades = stream(60)
    times = [m.effective_from for m in await hear(desk, trades) if m.scope == "members"]
    assert len(times) >= 3
    assert min(later - earlier for earlier, later in pairwise(times)) >= 10 * 30 * MINUTE


async def test_a_replay_gives_the_same_ids_and_weights(desk: Database, second_desk: Database) -> None:
    assert await hear(desk, stream(45)) == await hear(second_desk, stream(45))


async def test_a_redelivered_trade_moves_nothing_twice(desk: Database) -> None:
    trades = stream(31)
    await hear(desk, trades)
    before = await rows(desk, Weight, Weight.scope, Weight.name, Weight.effective_from)
    assert await hear(desk, trades) == []
    assert await rows(desk, Weight, Weight.scope, Weight.name, Weight.effective_from) == before


async def test_trades_of_one_bar_lead_to_the_same_weights_in_either_order(
    desk: Database, second_desk: Database
) -> None:
    def pairs() -> list[tuple[TradeClosed, TradeClosed]]:
        made = []
        for trade in stream(40):
            other = closed(trade.exit_time + timedelta(seconds=20), 0.001, {"breakout": 0.5}, symbol="ETH/USD")
            made.append((trade, other))
        return made

    forwards = await hear(desk, [trade for pair in pairs() for trade in pair])
    backwards = await hear(second_desk, [trade for pair in pairs() for trade in reversed(pair)])
    assert len(forwards) > 2
    assert [(m.message_id, m.weights, m.effective_from) for m in forwards] == [
        (m.message_id, m.weights, m.effective_from) for m in backwards
    ]
    assert await rows(desk, LearningAdjustment, LearningAdjustment.id) == await rows(
        second_desk, LearningAdjustment, LearningAdjustment.id
    )


async def test_results_that_fall_after_an_adjustment_take_it_back(desk: Database) -> None:
    (first,) = await hear(desk, stream(11))
    start = NOON + 11 * 30 * MINUTE
    bad = [closed(start + i * MINUTE, -0.06 - 0.001 * (i % 3), {"momentum": 0.5}) for i in range(11)]
    messages = [message for message in await hear(desk, bad) if message.scope == "members"]
    assert len(messages) == 1
    assert {w.name: w.after for w in messages[0].weights} == {w.name: w.before for w in first.weights}
    assert any(w.reason.startswith("reverted:") for w in messages[0].weights)


async def test_a_name_that_stops_winning_goes_home_to_what_people_set(desk: Database) -> None:
    await hear(desk, stream(11))
    start, sure = NOON + 11 * 30 * MINUTE, {"technical_trend": 0.7, "volatility": 0.3}
    flips = [closed(start + i * MINUTE, 0.03 * (-1) ** i, {"momentum": 0.5}, sure) for i in range(12)]
    (message,) = [message for message in await hear(desk, flips) if message.scope == "members"]
    assert {w.name: (w.before, w.after) for w in message.weights if w.before != w.after} == {
        "technical_trend": (0.25, 0.2),
        "volatility": (0.15, 0.2),
    }


async def test_weights_set_by_hand_are_the_new_home_and_not_taken_back(desk: Database) -> None:
    await hear(desk, stream(11))
    by_hand = {"technical_trend": 0.4, "volatility": 0.1, "mean_reversion": 0.2, "sentiment": 0.2, "portfolio": 0.1}
    at = NOON + 12 * 30 * MINUTE
    async with desk.transaction() as connection:
        values = [
            {"scope": "members", "name": n, "effective_from": at, "weight": w, "reason": "by hand"}
            for n, w in by_hand.items()
        ]
        await connection.execute(insert(Weight).values(values))
    messages = [m for m in await hear(desk, stream(3, start=13)) if m.scope == "members"]
    assert messages
    assert {w.name: w.before for w in messages[0].weights} == by_hand
    assert {w.name: w.after for w in messages[0].weights}["technical_trend"] == 0.45
