"""What is remembered in memory moves weights exactly as what is stored in PostgreSQL does."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from backtester.event.learnt import MemoryPast
from services.learning_engine.adapters import DatabasePast
from services.learning_engine.core import Guardrails
from services.learning_engine.handlers import Handlers
from shared.db import Database
from shared.schemas.base import Message
from shared.schemas.trades import TradeClosed
from shared.seed import EQUAL, MEMBERS, STRATEGIES, seed
from tests.services.delivery import deliver
from tests.services.learning_engine.trades import NOON, closed

RAILS = Guardrails(min_trades=4, max_step=0.05, floor=0.05, cap=0.5, cooldown=2)
QUARTER = timedelta(seconds=15)


def trades(number: int, count: int) -> list[TradeClosed]:
    """Who names momentum wins for a while and then loses: weights move, and moves are taken back. Some share a bar."""
    rng, at, made = random.Random(number), NOON, []
    for i in range(count):
        at += QUARTER * rng.choice((0, 1, 4, 40))
        names = rng.sample(sorted(STRATEGIES), rng.randint(1, 3))
        luck = 0.01 if ("momentum" in names) == (i < count // 2) else -0.01
        votes = {member: rng.choice((None, 0.5, round(0.5 + 20 * luck, 3), 0.8)) for member in MEMBERS}
        symbol = f"{rng.choice('ABCD')}{i}/USD"
        made.append(
            closed(at, round(luck + rng.gauss(0, 0.003), 6), {name: rng.random() for name in names}, votes, symbol)
        )
    return made


@pytest.mark.parametrize("number", [0, 2, 3])
async def test_the_same_moves_for_the_same_reasons(database: Database, number: int) -> None:
    async with database.transaction() as connection:
        await seed(connection)
    stored = Handlers(RAILS, "1m", DatabasePast(), moves=True)
    strategies, members = dict.fromkeys(STRATEGIES, EQUAL), dict.fromkeys(MEMBERS, EQUAL)
    remembered = Handlers(RAILS, "1m", MemoryPast(strategies, members, "1m"), moves=True)
    nothing: Any = None
    seen: list[Message] = []
    for trade in trades(number, 90):
        said: Sequence[Message] = await deliver(database, stored.on_trade_closed, trade)
        assert list(await remembered.on_trade_closed(trade, nothing)) == list(said)
        seen += said
    assert len(seen) > 8
    assert any("reverted" in part.reason for message in seen for part in getattr(message, "weights", ()))
